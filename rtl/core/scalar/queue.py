"""Scalar queues: per thread a ring of instructions between dispatch and scalar issue, the two oldest visible.

One storage array for all threads, written at as many places a cycle as dispatch sends instructions. What is pushed is
already decoded, so that issue looks nothing up. Rule kept: a push needs a place that `free` showed in an earlier cycle;
`free` is a flip-flop and does not yet count what is pushed or taken in the cycle in which it is read.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interfaces import THREAD_BITS, THREADS, ScalarPush
from rtl.core.scalar.decode import Decode, Queued

HEADS = 2



class ScalarQueue(wiring.Component):
    """The queues of all threads.

    Parameters
    ----------
    depth: instructions per thread, a power of two.
    width: instructions that may be pushed in a cycle.
    """

    def __init__(self, depth: int, width: int) -> None:
        self._depth, self._width = depth, width
        super().__init__({
            # Instructions of one thread, oldest first; places without `valid` are skipped.
            "push": In(data.ArrayLayout(ScalarPush, width)),
            "push_thread": In(THREAD_BITS),
            # So many of the oldest instructions of a thread leave.
            "take": In(range(HEADS + 1)),
            "take_thread": In(THREAD_BITS),
            # Threads whose queue becomes empty, whatever is pushed.
            "kill": In(THREADS),
            # Places free at the start of the cycle.
            "free": Out(data.ArrayLayout(range(depth + 1), THREADS)),
            # Head h of thread t, 2 t + h; present when bit h of valid[t] is set.
            "heads": Out(data.ArrayLayout(Queued, THREADS * HEADS)),
            "valid": Out(data.ArrayLayout(HEADS, THREADS)),
            "empty": Out(THREADS),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index_bits = (self._depth - 1).bit_length()
        m.submodules.store = store = memory.Memory(shape=Queued, depth=THREADS * self._depth, init=[])
        head = [Signal(index_bits, name=f"head_{t}") for t in range(THREADS)]
        free = [Signal(range(self._depth + 1), init=self._depth, name=f"free_{t}") for t in range(THREADS)]
        pushing = Signal(THREADS)
        tail = Signal(index_bits)
        m.d.comb += pushing.eq(1 << self.push_thread)
        with m.Switch(self.push_thread):
            for t in range(THREADS):
                with m.Case(t):
                    m.d.comb += tail.eq(head[t] - free[t])
        place, pushed = tail, 0
        for k in range(self._width):
            m.submodules[f"decode_{k}"] = decode = Decode()
            into = store.write_port()
            valid = self.push[k].valid
            m.d.comb += [
                decode.entry.eq(self.push[k].entry),
                into.data.eq(decode.queued),
                into.addr.eq(Cat((place + pushed)[:index_bits], self.push_thread)),
                into.en.eq(valid),
            ]
            pushed = pushed + valid
        count = Signal(range(self._width + 1))
        m.d.comb += count.eq(pushed)

        for t in range(THREADS):
            taken = Signal(range(HEADS + 1), name=f"taken_{t}")
            m.d.comb += taken.eq(Mux(self.take_thread == t, self.take, 0))
            with m.If(self.kill[t]):
                m.d.sync += [head[t].eq(0), free[t].eq(self._depth)]
            with m.Else():
                m.d.sync += [
                    head[t].eq(head[t] + taken),
                    free[t].eq(free[t] + taken - Mux(pushing[t], count, 0)),
                ]
            m.d.comb += [
                self.free[t].eq(free[t]),
                self.empty[t].eq(free[t] == self._depth),
                self.valid[t].eq(Cat(free[t] < self._depth, free[t] < self._depth - 1)),
            ]
            for h in range(HEADS):
                out = store.read_port(domain="comb")
                m.d.comb += [
                    out.addr.eq(Cat((head[t] + h)[:index_bits], Const(t, THREAD_BITS))),
                    self.heads[HEADS * t + h].eq(out.data),
                ]
        return m
