"""The vector queues: per thread a queue of instructions, the oldest of which stands in flip-flops.

    pushes -> memory -> head        an instruction can issue two cycles after it came in

A new head stands there in the cycle after the old one issued, so a thread can issue in every cycle.
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.select import by_number
from rtl.core.interfaces import THREAD_BITS, THREADS, VQ_POS_BITS, Life, VectorEntry, VectorHead, vector_pushes
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
                # Instructions in program order; any of them may be missing. There must be room.
                "pushes": In(vector_pushes(config)),
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
        bits = (self.depth - 1).bit_length()
        m.submodules.entries = entries = memory.Memory(shape=VectorEntry, depth=THREADS * self.depth, init=[])
        tails = [Signal(VQ_POS_BITS, name=f"tail_{t}") for t in range(THREADS)]

        tail, pushed = by_number(m, self.pushes.thread, tails, "tail"), Signal(range(self.width + 1))
        before = Const(0)
        for i, push in enumerate(self.pushes.slot):
            into = entries.write_port()
            m.d.comb += [
                into.en.eq(push.valid),
                into.addr.eq(Cat((tail + before)[:bits], self.pushes.thread)),
                into.data.eq(push.entry),
            ]
            so_far = Signal(range(self.width + 1), name=f"pushed_{i}")
            m.d.comb += so_far.eq(before + push.valid)
            before = so_far
        m.d.comb += pushed.eq(before)

        for t in range(THREADS):
            valid, position, free, take = self.heads.valid[t], self.position[t], self.free[t], self.take.threads[t]
            shown = entries.read_port(domain="comb")
            fetch = Signal(VQ_POS_BITS, name=f"fetch_{t}")  # oldest in memory
            here, refill, come = Signal(name=f"here_{t}"), Signal(name=f"refill_{t}"), Signal(range(self.width + 1), name=f"come_{t}")
            m.d.comb += [
                here.eq(fetch != tails[t]),
                refill.eq(~valid | take),
                shown.addr.eq(Cat(fetch[:bits], Const(t, THREAD_BITS))),
                self.empty[t].eq(~valid & ~here),
                self.oldest[t].valid.eq(valid | here),
                self.oldest[t].st_mark.eq(self.heads.entry[t].st_mark),
            ]
            with m.If(self.pushes.thread == t):
                m.d.comb += come.eq(pushed)
            with m.If(~valid):
                m.d.comb += self.oldest[t].st_mark.eq(shown.data.st_mark)
            m.d.sync += [
                position.eq(position + take),
                free.eq(free + take - come),
                tails[t].eq(tails[t] + come),
            ]
            with m.If(refill):
                m.d.sync += [valid.eq(here), fetch.eq(fetch + here), self.heads.entry[t].eq(shown.data)]
            with m.If(self.life.kill[t]):
                m.d.sync += [valid.eq(0), fetch.eq(position), tails[t].eq(position), free.eq(self.depth)]
        return m
