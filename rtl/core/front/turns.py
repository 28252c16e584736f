"""Turns: which threads dispatch in a cycle.

The first is the next in turn that is able to, so that a thread that stays able dispatches within as many cycles as there are threads. Each
further one is, of the rest, the one with the fewest instructions in its queues: it is the next to run out of work. Equal ones go first in
an order that turns with the cycles. What is queued is compared a cycle ahead.
"""

from collections.abc import Sequence
from itertools import combinations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.arbiter import round_robin
from rtl.common.invariant import always, at_most_one
from rtl.common.select import by_mark, mark
from rtl.core.front.parts import Chosen
from rtl.core.groups import Dispatched, Turn
from rtl.core.interfaces import THREAD_BITS, THREADS


class Turns(wiring.Component):
    """The choice, and the way back of the groups to their threads; combinational from the threads' states.

    Parameters
    ----------
    config : how many threads dispatch in a cycle.
    """

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(
            {
                "turn": In(Turn).array(THREADS),
                # Different threads.
                "chosen": Out(Chosen).array(config.dispatch_threads),
                # Their groups of this cycle; each to its thread, there it is valid.
                "group": In(Dispatched).array(config.dispatch_threads),
                "dispatched": Out(Dispatched).array(THREADS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        able = Cat(turn.may.able for turn in self.turn)
        marks = [mark(round_robin(m, able), THREADS) & able]
        fewer = self._fewer(m)
        for place in range(1, len(self.chosen)):
            rest = Signal(THREADS, name=f"rest_{place}")
            m.d.comb += rest.eq(able & ~_union(marks))
            marks.append(Cat(rest[t] & ~Cat(rest[u] & fewer[u][t] for u in range(THREADS) if u != t).any() for t in range(THREADS)))
        for place, chosen in enumerate(self.chosen):
            taken = Signal(THREADS, name=f"taken_{place}")
            m.d.comb += [
                taken.eq(marks[place]),
                chosen.some.eq(taken.any()),
                chosen.thread.eq(Cat(Cat(taken[t] for t in range(THREADS) if t >> bit & 1).any() for bit in range(THREAD_BITS))),
            ]
            for part in ("where", "counted", "known", "debugged"):
                states = [getattr(turn, part).state for turn in self.turn]
                m.d.comb += chosen.context[part].eq(by_mark(m, taken, states, f"{part}_{place}"))
            at_most_one(m, taken, "two threads dispatch as one group")
            marks[place] = taken
        always(m, ~Cat((one & other).any() for one, other in combinations(marks, 2)).any(), "a thread dispatches two groups in one cycle")
        for t, dispatched in enumerate(self.dispatched):
            group = dispatched.group
            m.d.comb += group.eq(self.group[0].group)
            for place, other in enumerate(self.group):
                with m.If(marks[place][t]):
                    m.d.comb += group.eq(other.group)
            m.d.comb += group.valid.eq(Cat(marks[place][t] & other.group.valid for place, other in enumerate(self.group)).any())
        return m

    def _fewer(self, m: Module) -> list[list[Value | None]]:
        """Whether a thread goes before another by what was queued in the previous cycle: all of them stand in one order."""
        queued, start = [turn.queued.state for turn in self.turn], Signal(THREAD_BITS)
        m.d.sync += start.eq(start + 1)
        fewer: list[list[Value | None]] = [[None] * THREADS for _ in range(THREADS)]
        for u in range(THREADS):
            for t in range(u + 1, THREADS):
                before = Signal(name=f"before_{u}_{t}")
                earlier = (start <= u) | (start > t)  # going round from ``start``
                m.d.sync += before.eq((queued[u] < queued[t]) | ((queued[u] == queued[t]) & earlier))
                fewer[u][t], fewer[t][u] = before, ~before
        return fewer


def _union(marks: Sequence[Value]) -> Value:
    total = marks[0]
    for other in marks[1:]:
        total = total | other
    return total
