"""Semaphores and barriers of a node.

One semaphore access a cycle: raises first (from the store queues, then from packets), else a waiting thread, in turn. A wait subtracts when
the value suffices and no thread that came earlier waits on the same semaphore.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import BARRIERS, SEMAPHORE_BITS, SEMAPHORES
from rtl.common.host_ports import Raise
from rtl.core.interfaces import THREADS

Wait = data.StructLayout({"valid": 1, "semaphore": 6, "amount": SEMAPHORE_BITS})
Arrival = data.StructLayout({"valid": 1, "barrier": 3, "count": 3})


class Semaphores(wiring.Component):
    """64 counting semaphores."""

    # From the store queues and from packets.
    raise_in: In(Raise)
    net_raise_in: In(Raise)
    # What each thread waits for; valid until granted.
    wait: In(data.ArrayLayout(Wait, THREADS))
    # The thread's wait is over, the value is taken; one cycle.
    granted: Out(THREADS)

    def elaborate(self, platform):
        m = Module()
        m.submodules.values = values = memory.Memory(shape=SEMAPHORE_BITS, depth=SEMAPHORES, init=[])
        read, write = values.read_port(domain="comb"), values.write_port()
        older = [[Signal(name=f"older_{t}_{u}") if t != u else None for u in range(THREADS)] for t in range(THREADS)]
        waited = Signal(THREADS)
        for t in range(THREADS):
            m.d.sync += waited[t].eq(self.wait[t].valid & ~self.granted[t])
            for u in range(THREADS):
                if u != t:  # u came before t: it waited when t came, or comes in the same cycle with a lower number
                    with m.If(self.wait[t].valid & ~waited[t]):
                        m.d.sync += older[t][u].eq(self.wait[u].valid & (waited[u] | (u < t)))
                    with m.Elif(~self.wait[u].valid | self.granted[u]):
                        m.d.sync += older[t][u].eq(0)
        first = [
            self.wait[t].valid
            & waited[t]
            & ~Cat(
                older[t][u] & self.wait[u].valid & (self.wait[u].semaphore == self.wait[t].semaphore) for u in range(THREADS) if u != t
            ).any()
            for t in range(THREADS)
        ]
        turn, chosen = Signal(range(THREADS)), Signal(range(THREADS))
        m.d.sync += turn.eq(turn + 1)
        with m.Switch(turn):
            for start in range(THREADS):
                with m.Case(start):
                    for offset in reversed(range(THREADS)):
                        t = (start + offset) % THREADS
                        with m.If(first[t]):
                            m.d.comb += chosen.eq(t)
        waits = Signal(Wait)
        for t in range(THREADS):
            with m.If(chosen == t):
                m.d.comb += waits.eq(self.wait[t])
        total = Signal(SEMAPHORE_BITS + 1)
        m.d.comb += [self.raise_in.ready.eq(1), self.net_raise_in.ready.eq(~self.raise_in.valid)]
        with m.If(self.raise_in.valid | self.net_raise_in.valid):
            source = Mux(
                self.raise_in.valid,
                Cat(self.raise_in.semaphore, self.raise_in.amount),
                Cat(self.net_raise_in.semaphore, self.net_raise_in.amount),
            )
            m.d.comb += [
                read.addr.eq(source[:6]),
                total.eq(read.data + source[6:]),
                self.raise_in.overflow.eq(total[-1] & self.raise_in.valid),
                self.net_raise_in.overflow.eq(total[-1] & ~self.raise_in.valid),
                write.en.eq(~total[-1]),
            ]
        with m.Elif(Cat(first).any()):
            m.d.comb += [read.addr.eq(waits.semaphore), total.eq(read.data - waits.amount)]
            with m.If(read.data >= waits.amount):
                m.d.comb += [write.en.eq(1), self.granted.eq(1 << chosen)]
        m.d.comb += [write.addr.eq(read.addr), write.data.eq(total[:SEMAPHORE_BITS])]
        return m


class Barriers(wiring.Component):
    """Barriers of a few threads: the last to come lets all of them through."""

    # A thread has come and waits; valid until passed.
    arrival: In(data.ArrayLayout(Arrival, THREADS))
    # Threads that go on; one cycle.
    passed: Out(THREADS)

    def elaborate(self, platform):
        m = Module()
        for b in range(BARRIERS):
            here = Cat(self.arrival[t].valid & (self.arrival[t].barrier == b) for t in range(THREADS))
            come = Signal(3, name=f"come{b}")
            m.d.comb += come.eq(sum(here[t] for t in range(THREADS)))
            full = Cat(here[t] & (come >= self.arrival[t].count) for t in range(THREADS)).any()
            with m.If(full):
                for t in range(THREADS):
                    with m.If(here[t]):
                        m.d.comb += self.passed[t].eq(1)
        return m
