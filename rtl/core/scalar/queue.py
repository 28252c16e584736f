"""Scalar queues: per thread a ring of instructions between dispatch and scalar issue, the two oldest visible.

One storage array for all threads, written at as many places a cycle as dispatch sends instructions. What is pushed is
already decoded, so that issue looks nothing up. Rule kept: a push needs a place that `free` showed in an earlier cycle;
`free` is a flip-flop and does not yet count what is pushed or taken in the cycle in which it is read.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.select import by_number, mark
from rtl.core.interfaces import THREAD_BITS, THREADS, Life, ScalarEntry, scalar_pushes

HEADS = 2

Heads = wiring.Signature(
    {
        # The oldest instructions: head h of thread t at 2 t + h, present when bit h of valid[t] is set.
        "entry": Out(data.ArrayLayout(ScalarEntry, THREADS * HEADS)),
        "valid": Out(data.ArrayLayout(HEADS, THREADS)),
    }
)
Take = wiring.Signature(
    {
        # So many of the oldest instructions of a thread leave.
        "count": Out(range(HEADS + 1)),
        "thread": Out(THREAD_BITS),
    }
)


class ScalarQueue(wiring.Component):
    """The queues of all threads.

    Parameters
    ----------
    config: sizes; the queues' depth is a power of two.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._depth, self._width = depth, _ = config.scalar_queue, config.dispatch_width
        super().__init__({
            "pushes": In(scalar_pushes(config)),
            # A killed thread's queue becomes empty, whatever is pushed.
            "life": In(Life),
            "heads": Out(Heads),
            "take": In(Take),
            # Places free at the start of the cycle.
            "free": Out(data.ArrayLayout(range(depth + 1), THREADS)),
            "empty": Out(THREADS),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index_bits = (self._depth - 1).bit_length()
        m.submodules.store = store = memory.Memory(shape=ScalarEntry, depth=THREADS * self._depth, init=[])
        head = [Signal(index_bits, name=f"head_{t}") for t in range(THREADS)]
        free = [Signal(range(self._depth + 1), init=self._depth, name=f"free_{t}") for t in range(THREADS)]
        tails = [(head[t] - free[t])[:index_bits] for t in range(THREADS)]
        count = self._push(m, store, by_number(m, self.pushes.thread, tails, "tail"))
        pushing = mark(self.pushes.thread, THREADS)
        for t in range(THREADS):
            taken = Signal(range(HEADS + 1), name=f"taken_{t}")
            m.d.comb += taken.eq(Mux(self.take.thread == t, self.take.count, 0))
            with m.If(self.life.kill[t]):
                m.d.sync += [head[t].eq(0), free[t].eq(self._depth)]
            with m.Else():
                m.d.sync += [
                    head[t].eq(head[t] + taken),
                    free[t].eq(free[t] + taken - Mux(pushing[t], count, 0)),
                ]
            m.d.comb += [
                self.free[t].eq(free[t]),
                self.empty[t].eq(free[t] == self._depth),
                self.heads.valid[t].eq(Cat(free[t] < self._depth, free[t] < self._depth - 1)),
            ]
            for h in range(HEADS):
                out = store.read_port(domain="comb")
                m.d.comb += [
                    out.addr.eq(Cat((head[t] + h)[:index_bits], Const(t, THREAD_BITS))),
                    self.heads.entry[HEADS * t + h].eq(out.data),
                ]
        return m

    def _push(self, m: Module, store: memory.Memory, tail: Signal) -> Signal:
        """What comes in, from a place on; how many."""
        pushed = 0
        for push in self.pushes.slot:
            into = store.write_port()
            m.d.comb += [
                into.data.eq(push.entry),
                into.addr.eq(Cat((tail + pushed)[: len(tail)], self.pushes.thread)),
                into.en.eq(push.valid),
            ]
            pushed = pushed + push.valid
        count = Signal(range(self._width + 1))
        m.d.comb += count.eq(pushed)
        return count
