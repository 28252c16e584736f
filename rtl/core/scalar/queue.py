"""Scalar queues: per thread a ring of instructions between dispatch and scalar issue, the two oldest visible.

A thread's storage is written at as many places a cycle as dispatch sends instructions of it. What is pushed is already
decoded, so that issue looks nothing up. Rule kept: a push needs a place that `free` showed in an earlier cycle; `free`
is a flip-flop and does not yet count what is pushed or taken in the cycle in which it is read.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.invariant import always
from rtl.core.interfaces import THREAD_BITS, THREADS, Life, ScalarEntry, scalar_pushes
from rtl.core.pushed import pushed

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
            "pushes": In(scalar_pushes(config)).array(config.dispatch_threads),
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
        for t in range(THREADS):
            self._thread(m, t)
        return m

    def _thread(self, m: Module, t: int) -> None:
        index_bits = (self._depth - 1).bit_length()
        m.submodules[f"store_{t}"] = store = memory.Memory(shape=ScalarEntry, depth=self._depth, init=[])
        head = Signal(index_bits, name=f"head_{t}")
        free = Signal(range(self._depth + 1), init=self._depth, name=f"free_{t}")
        taken = Signal(range(HEADS + 1), name=f"taken_{t}")
        m.d.comb += taken.eq(Mux(self.take.thread == t, self.take.count, 0))
        count = self._push(m, t, store, (head - free)[:index_bits])
        always(m, free <= self._depth, f"the queue of thread {t} has more places than its depth")
        always(m, count <= free, f"more instructions come to the queue of thread {t} than it has places")
        always(m, taken <= self._depth - free, f"more instructions leave the queue of thread {t} than it holds")
        with m.If(self.life.kill[t]):
            m.d.sync += [head.eq(0), free.eq(self._depth)]
        with m.Else():
            m.d.sync += [head.eq(head + taken), free.eq(free + taken - count)]
        m.d.comb += [
            self.free[t].eq(free),
            self.empty[t].eq(free == self._depth),
            self.heads.valid[t].eq(Cat(free < self._depth, free < self._depth - 1)),
        ]
        for h in range(HEADS):
            out = store.read_port(domain="comb")
            m.d.comb += [out.addr.eq((head + h)[:index_bits]), self.heads.entry[HEADS * t + h].eq(out.data)]

    def _push(self, m: Module, t: int, store: memory.Memory, tail: Value) -> Signal:
        """What comes in, from a place on; how many."""
        so_far = 0
        for push in pushed(m, self.pushes, t):
            into = store.write_port()
            m.d.comb += [into.data.eq(push.entry), into.addr.eq((tail + so_far)[: len(tail)]), into.en.eq(push.valid)]
            so_far = so_far + push.valid
        count = Signal(range(self._width + 1), name=f"count_{t}")
        m.d.comb += count.eq(so_far)
        return count
