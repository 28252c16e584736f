"""Semaphores and barriers of a node.

One semaphore access a cycle: raises first (from the store queues, then from packets), else a waiting thread, in turn. A wait subtracts when
the value suffices and no thread that came earlier waits on the same semaphore.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import BARRIERS, SEMAPHORE_BITS, SEMAPHORES, Fault
from rtl.common.arbiter import first_from
from rtl.common.host_ports import Raise
from rtl.common.select import by_number
from rtl.core.interfaces import THREADS, StoreSteer
from rtl.core.thread.parts import ArrivalPort, Overflow, WaitPort


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
        wait, granted, fault = [port.wait for port in self.waiter], Signal(THREADS), self.overflow.fault
        up, net = self.store_steer.up, self.net_raise
        m.d.comb += [
            *(port.granted.eq(bit) for port, bit in zip(self.waiter, granted, strict=True)),
            fault.valid.eq(up.overflow),
            fault.thread.eq(self.store_steer.thread),
            fault.cause.eq(Fault.SEMAPHORE),
            fault.pc.eq(self.store_steer.pc),
            fault.operand.eq(up.semaphore),
        ]
        m.submodules.values = values = memory.Memory(shape=SEMAPHORE_BITS, depth=SEMAPHORES, init=[])
        read, write = values.read_port(domain="comb"), values.write_port()
        written, value = Signal(SEMAPHORES), Signal(SEMAPHORE_BITS)
        m.d.comb += value.eq(Mux(written.bit_select(read.addr, 1), read.data, 0))
        with m.If(write.en):
            m.d.sync += written.bit_select(write.addr, 1).eq(1)
        older = [[Signal(name=f"older_{t}_{u}") if t != u else None for u in range(THREADS)] for t in range(THREADS)]
        waited = Signal(THREADS)
        for t in range(THREADS):
            m.d.sync += waited[t].eq(wait[t].valid & ~granted[t])
            for u in range(THREADS):
                if u != t:  # u came before t: it waited when t came, or comes in the same cycle with a lower number
                    with m.If(wait[t].valid & ~waited[t]):
                        m.d.sync += older[t][u].eq(wait[u].valid & (waited[u] | (u < t)))
                    with m.Elif(~wait[u].valid | granted[u]):
                        m.d.sync += older[t][u].eq(0)
        first = [
            wait[t].valid
            & waited[t]
            & ~Cat(older[t][u] & wait[u].valid & (wait[u].semaphore == wait[t].semaphore) for u in range(THREADS) if u != t).any()
            for t in range(THREADS)
        ]
        turn = Signal(range(THREADS))
        m.d.sync += turn.eq(turn + 1)
        chosen = first_from(m, turn, Cat(first))
        waits = by_number(m, chosen, wait, "waits")
        total = Signal(SEMAPHORE_BITS + 1)
        m.d.comb += [up.ready.eq(1), net.ready.eq(~up.valid)]
        with m.If(up.valid | net.valid):
            source = Mux(up.valid, Cat(up.semaphore, up.amount), Cat(net.semaphore, net.amount))
            m.d.comb += [
                read.addr.eq(source[:6]),
                total.eq(value + source[6:]),
                up.overflow.eq(total[-1] & up.valid),
                net.overflow.eq(total[-1] & ~up.valid),
                write.en.eq(~total[-1]),
            ]
        with m.Elif(Cat(first).any()):
            m.d.comb += [read.addr.eq(waits.semaphore), total.eq(value - waits.amount)]
            with m.If(value >= waits.amount):
                m.d.comb += [write.en.eq(1), granted.eq(1 << chosen)]
        m.d.comb += [write.addr.eq(read.addr), write.data.eq(total[:SEMAPHORE_BITS])]
        return m


class Barriers(wiring.Component):
    """Barriers of a few threads: the last to come lets all of them through."""

    # A thread has come and waits.
    waiter: In(ArrivalPort).array(THREADS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        arrival = [port.arrival for port in self.waiter]
        for b in range(BARRIERS):
            here = Cat(arrival[t].valid & (arrival[t].barrier == b) for t in range(THREADS))
            come = Signal(3, name=f"come{b}")
            m.d.comb += come.eq(sum(here[t] for t in range(THREADS)))
            full = Cat(here[t] & (come >= arrival[t].count) for t in range(THREADS)).any()
            with m.If(full):
                for t in range(THREADS):
                    with m.If(here[t]):
                        m.d.comb += self.waiter[t].passed.eq(1)
        return m
