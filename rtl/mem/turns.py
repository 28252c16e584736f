"""Ageing: a port whose request has waited too long goes first for one slot.

Ages are kept as marks, not counters. Every 8 cycles a waiting lane moves one mark on; a lane with all three has waited
16 cycles at the least and 24 at the most, and its port wants a turn. One turn every 4 cycles, round robin.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.invariant import at_most_one

TICK = 8
MARKS = 3
TURN_PERIOD = 4
FILL_PATIENCE = 16


class Age(wiring.Component):
    """Old or not: marks of `lanes` requests that wait side by side."""

    def __init__(self, lanes: int):
        self._lanes = lanes
        super().__init__({
            # High every 8 cycles.
            "tick": In(1),
            # Requests that are there, and those that advance in this cycle.
            "waiting": In(lanes),
            "take": In(lanes),
            # Some request has waited 16 cycles or more (combinational, of flip-flops).
            "old": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        marks = [Signal(self._lanes, name=f"mark{k}") for k in range(MARKS)]
        stay = Signal(self._lanes)
        tick = self.tick.replicate(self._lanes)
        m.d.comb += [stay.eq(self.waiting & ~self.take), self.old.eq(marks[-1].any())]
        for k, mark in enumerate(marks):
            before = marks[k - 1] if k else (1 << self._lanes) - 1
            m.d.sync += mark.eq((mark | (before & tick)) & stay)
        return m


class Turns(wiring.Component):
    """Chooses whose turn it is, among `ports` ports."""

    def __init__(self, ports: int):
        super().__init__({
            "old": In(ports),
            # High every 8 cycles, for the ages.
            "tick": Out(1),
            # One-hot flip-flops: the port that goes first in step 1 of this cycle, or for which step 1 holds back.
            "turn": Out(ports),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        count = Signal(range(TICK))
        ports = len(self.old)
        # Ports after the last one served, as a mask; a port in it comes before one that is not.
        after = Signal(ports)
        later = Signal(ports)
        chosen = Signal(ports)
        candidates = Signal(ports)
        m.d.comb += [
            self.tick.eq(count == 0),
            later.eq(self.old & after),
            candidates.eq(Mux(later.any(), later, self.old)),
            chosen.eq(candidates & ~(candidates - 1)[:ports]),
        ]
        m.d.sync += [count.eq(count + 1), self.turn.eq(0)]
        at_most_one(m, self.turn, "two ports have their turn at once")
        with m.If((count % TURN_PERIOD == 0) & self.old.any()):
            m.d.sync += [
                self.turn.eq(chosen),
                after.eq(~(chosen | (chosen - 1)[:ports])),
            ]
        return m


class Patience(wiring.Component):
    """High once its request has waited `limit` cycles, until it is taken."""

    waiting: In(1)
    take: In(1)
    # A flip-flop.
    over: Out(1)

    def __init__(self, limit: int):
        self._limit = limit
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        count = Signal(range(self._limit))
        with m.If(~self.waiting | self.take):
            m.d.sync += [count.eq(0), self.over.eq(0)]
        with m.Elif(count == self._limit - 1):
            m.d.sync += self.over.eq(1)
        with m.Else():
            m.d.sync += count.eq(count + 1)
        return m
