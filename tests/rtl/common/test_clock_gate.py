"""The gated clock: exactly the edges that were enabled, none by accident, data exchanged with the other clock safely."""

import numpy as np
from amaranth.hdl import DomainRenamer, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.clock_gate import gated_domain
from sim.compile.batch import Batch


class _Counter(wiring.Component):
    """Counts its clock's edges and holds what it saw of a counter on the main clock."""

    seen: In(8)
    edges: Out(8)
    held: Out(8)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.sync += [self.edges.eq(self.edges + 1), self.held.eq(self.seen)]
        return m


class _Bench(wiring.Component):
    enable: In(1)
    cycle: Out(8)
    edges: Out(8)
    held: Out(8)

    def elaborate(self, platform) -> Module:
        m = Module()
        flopped = Signal()
        m.d.sync += [self.cycle.eq(self.cycle + 1), flopped.eq(self.enable)]
        # An enable from a flip-flop changes right after the edge, while the clock is high: the worst case.
        gated_domain(m, "gated", flopped)
        counter = _Counter()
        m.submodules.counter = DomainRenamer("gated")(counter)
        m.d.comb += [counter.seen.eq(self.cycle), self.edges.eq(counter.edges), self.held.eq(counter.held)]
        return m


def test_edges_pass_exactly_when_enabled() -> None:
    rng = np.random.default_rng(80)
    enable = (rng.random(250) < 0.5).astype(np.uint32)
    out = Batch(_Bench()).run({"enable": enable})
    # Row k's enable is in its flip-flop in cycle k + 1, whose closing edge shows in row k + 2.
    passed = np.concatenate([[0, 0], enable[:-2]])
    edges = out["edges"].astype(int)
    assert (np.diff(edges) % 256 == passed[1:]).all()
    held = out["held"].astype(int)
    cycle = out["cycle"].astype(int)
    for row in range(2, 250):
        # What the gated flip-flop took is the main counter's value before that edge, not after it.
        assert held[row] == (cycle[row - 1] if passed[row] else held[row - 1])
