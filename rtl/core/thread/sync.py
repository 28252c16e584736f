r"""Semaphores and barriers of a node.

One semaphore access a cycle: raises first (from the store queues, then from packets), else a waiting thread, in turn. A wait subtracts when
the value suffices and no thread that came earlier waits on the same semaphore.

::

    waits --choose--> [looked] --read, subtract--> [change] --> values        raises --read, add--> [change]
                                              \--> [granted] --> the thread goes on
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import BARRIERS, SEMAPHORE_BITS, SEMAPHORES, Fault
from rtl.common.arbiter import first_from
from rtl.common.host_ports import Raise
from rtl.common.select import by_number
from rtl.core.interfaces import THREAD_BITS, THREADS, StoreSteer
from rtl.core.thread.parts import ArrivalPort, Overflow, Wait, WaitPort

Looked = data.StructLayout({"thread": THREAD_BITS, "wait": Wait})
"""The thread whose wait is tried."""
Change = data.StructLayout({"valid": 1, "semaphore": 6, "value": SEMAPHORE_BITS})
"""What the previous cycle made of a semaphore."""


class Semaphores(wiring.Component):
    """64 counting semaphores. Their memory is not cleared by reset: one that nobody has written since then counts as 0."""

    # From the store queues and from packets.
    store_steer: In(StoreSteer)
    net_raise: In(Raise)
    # What each thread waits for.
    waiter: In(WaitPort).array(THREADS)
    # A raise of a thread did not fit.
    overflow: Out(Overflow)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wait, served, fault = [port.wait for port in self.waiter], Signal(THREADS), self.overflow.fault
        up, net = self.store_steer.up, self.net_raise
        looked, granted = self._look(m, wait), Signal(THREADS)
        m.d.sync += granted.eq(served)
        m.d.comb += [
            *(port.granted.eq(bit) for port, bit in zip(self.waiter, granted, strict=True)),
            fault.valid.eq(up.overflow),
            fault.thread.eq(self.store_steer.thread),
            fault.cause.eq(Fault.SEMAPHORE),
            fault.pc.eq(self.store_steer.pc),
            fault.operand.eq(up.semaphore),
            up.ready.eq(1),
            net.ready.eq(~up.valid),
        ]
        change, raising = Signal(Change), up.valid | net.valid
        raised, tried = self._values(m, change, [Mux(up.valid, up.semaphore, net.semaphore), looked.wait.semaphore])
        total, left = Signal(SEMAPHORE_BITS + 1), Signal(SEMAPHORE_BITS + 1)
        # Who is tried may have been served since, or have given up.
        still = by_number(m, looked.thread, [each.valid & ~mine for each, mine in zip(wait, granted, strict=True)], "still_waits")
        m.d.comb += [
            total.eq(raised + Mux(up.valid, up.amount, net.amount)),
            left.eq(tried - looked.wait.amount),
            up.overflow.eq(total[-1] & up.valid),
            served.eq(Mux(looked.wait.valid & still & ~left[-1] & ~raising, 1 << looked.thread, 0)),
        ]
        m.d.sync += [
            net.overflow.eq(total[-1] & ~up.valid),
            change.valid.eq(Mux(raising, ~total[-1], served.any())),
            change.semaphore.eq(Mux(up.valid, up.semaphore, Mux(net.valid, net.semaphore, looked.wait.semaphore))),
            change.value.eq(Mux(raising, total, left)),
        ]
        return m

    def _values(self, m: Module, change: data.View, indices: list[Value]) -> list[Value]:
        """The values of these semaphores: a change of the previous cycle is seen, and written in this one."""
        m.submodules.values = values = memory.Memory(shape=SEMAPHORE_BITS, depth=SEMAPHORES, init=[])
        write, found, written = values.write_port(), [], Signal(SEMAPHORES)
        m.d.comb += [write.en.eq(change.valid), write.addr.eq(change.semaphore), write.data.eq(change.value)]
        with m.If(change.valid):
            m.d.sync += written.bit_select(change.semaphore, 1).eq(1)
        for index in indices:
            read = values.read_port(domain="comb")
            m.d.comb += read.addr.eq(index)
            held = Mux(written.bit_select(index, 1), read.data, 0)
            found.append(Mux(change.valid & (change.semaphore == index), change.value, held))
        return found

    def _look(self, m: Module, wait: list[data.View]) -> data.View:
        """A waiting thread before which none waits on its semaphore, in turn; a flip-flop, so that its value is read a cycle later."""
        older = [[Signal(name=f"older_{t}_{u}") if t != u else None for u in range(THREADS)] for t in range(THREADS)]
        waited, first, turn = Signal(THREADS), Signal(THREADS), Signal(range(THREADS))
        for t in range(THREADS):
            earlier = []
            for u in range(THREADS):
                if u != t:  # u came before t: it waited when t came, or comes in the same cycle with a lower number
                    comes = waited[u] | (u < t)
                    before = Mux(waited[t], older[t][u], comes) & wait[u].valid
                    m.d.sync += older[t][u].eq(before & wait[t].valid)
                    earlier.append(before & (wait[u].semaphore == wait[t].semaphore))
            m.d.comb += first[t].eq(wait[t].valid & ~Cat(earlier).any())
            m.d.sync += waited[t].eq(wait[t].valid)
        m.d.sync += turn.eq(turn + 1)
        looked, chosen = Signal(Looked), first_from(m, turn, first)
        m.d.sync += [looked.thread.eq(chosen), looked.wait.eq(by_number(m, chosen, wait, "waits")), looked.wait.valid.eq(first.any())]
        return looked


class Barriers(wiring.Component):
    """Barriers of a few threads: the last to come lets all of them through, a cycle later."""

    # A thread has come and waits.
    waiter: In(ArrivalPort).array(THREADS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        arrival = [port.arrival for port in self.waiter]
        passed, full = Signal(THREADS), Signal(THREADS)
        m.d.sync += passed.eq(full)
        for t, port in enumerate(self.waiter):
            m.d.comb += port.passed.eq(passed[t])
        for b in range(BARRIERS):
            here = Cat(arrival[t].valid & ~passed[t] & (arrival[t].barrier == b) for t in range(THREADS))
            come = Signal(3, name=f"come{b}")
            m.d.comb += come.eq(sum(here[t] for t in range(THREADS)))
            with m.If(Cat(here[t] & (come >= arrival[t].count) for t in range(THREADS)).any()):
                for t in range(THREADS):
                    with m.If(here[t]):
                        m.d.comb += full[t].eq(1)
        return m
