"""The vector queues: per thread a queue of instructions, the oldest of which stands in flip-flops.

    pushes -> memory -> head        an instruction can issue two cycles after it came in

A new head stands there in the cycle after the old one issued, so a thread can issue in every cycle.
"""

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.invariant import always
from rtl.core.interfaces import THREADS, VQ_POS_BITS, Life, VectorEntry, VectorHead, vector_pushes
from rtl.core.pushed import pushed
from rtl.core.vector.parts import Heads, Take


class VectorQueue(wiring.Component):
    """Queues of four threads.

    Parameters
    ----------
    config: sizes; the queues' depth is a power of two.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.depth, self.width = depth, _ = config.vector_queue, config.dispatch_width
        super().__init__(
            {
                # Any place of a group may be empty. There must be room.
                "pushes": In(vector_pushes(config)).array(config.dispatch_threads),
                # Killed threads drop what they hold, and what comes in this cycle.
                "life": In(Life),
                "take": In(Take),
                # State out: places that the instructions of earlier cycles have left.
                "free": Out(data.ArrayLayout(range(depth + 1), THREADS), init=[depth] * THREADS),
                "heads": Out(Heads),
                # State out: thread empty; positions issued.
                "empty": Out(THREADS),
                "position": Out(data.ArrayLayout(VQ_POS_BITS, THREADS)),
                # State out: oldest instruction, in memory or at the head.
                "oldest": Out(data.ArrayLayout(VectorHead, THREADS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for t in range(THREADS):
            self._thread(m, t)
        return m

    def _thread(self, m: Module, t: int) -> None:
        bits = (self.depth - 1).bit_length()
        m.submodules[f"entries_{t}"] = entries = memory.Memory(shape=VectorEntry, depth=self.depth, init=[])
        valid, position, free, take = self.heads.valid[t], self.position[t], self.free[t], self.take.threads[t]
        shown = entries.read_port(domain="comb")
        tail = Signal(VQ_POS_BITS, name=f"tail_{t}")
        fetch = Signal(VQ_POS_BITS, name=f"fetch_{t}")  # oldest in memory
        here, refill = Signal(name=f"here_{t}"), Signal(name=f"refill_{t}")
        come = self._push(m, t, entries, tail[:bits])
        m.d.comb += [
            here.eq(fetch != tail),
            refill.eq(~valid | take),
            shown.addr.eq(fetch[:bits]),
            self.empty[t].eq(~valid & ~here),
            self.oldest[t].valid.eq(valid | here),
            self.oldest[t].st_mark.eq(self.heads.entry[t].st_mark),
        ]
        with m.If(~valid):
            m.d.comb += self.oldest[t].st_mark.eq(shown.data.st_mark)
        m.d.sync += [position.eq(position + take), free.eq(free + take - come), tail.eq(tail + come)]
        always(m, free <= self.depth, f"the queue of thread {t} has more places than its depth")
        always(m, come <= free, f"more instructions come to the queue of thread {t} than it has places")
        always(m, ~take | valid, f"an instruction of thread {t} issues that is not there")
        with m.If(refill):
            m.d.sync += [valid.eq(here), fetch.eq(fetch + here), self.heads.entry[t].eq(shown.data)]
        with m.If(self.life.kill[t]):
            m.d.sync += [valid.eq(0), fetch.eq(position), tail.eq(position), free.eq(self.depth)]

    def _push(self, m: Module, t: int, entries: memory.Memory, tail: Value) -> Value:
        """What comes in, from a place on; how many."""
        so_far = Const(0)
        for i, push in enumerate(pushed(m, self.pushes, t)):
            into = entries.write_port()
            m.d.comb += [into.en.eq(push.valid), into.addr.eq((tail + so_far)[: len(tail)]), into.data.eq(push.entry)]
            count = Signal(range(self.width + 1), name=f"come_{t}_{i}")
            m.d.comb += count.eq(so_far + push.valid)
            so_far = count
        return so_far
