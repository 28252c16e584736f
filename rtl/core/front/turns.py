"""Turns: which thread dispatches. In turn, the next that is able to."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.arbiter import round_robin
from rtl.common.select import by_number
from rtl.core.front.parts import Chosen
from rtl.core.groups import Dispatched, Turn
from rtl.core.interfaces import THREADS


class Turns(wiring.Component):
    """The choice, and the way back of the group to its thread; combinational from the threads' states."""

    turn: In(Turn).array(THREADS)
    chosen: Out(Chosen)
    # The group of this cycle; to its thread it is valid.
    group: In(Dispatched)
    dispatched: Out(Dispatched).array(THREADS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        able = Cat(turn.may.able for turn in self.turn)
        thread = round_robin(m, able)
        m.d.comb += [self.chosen.some.eq(able.any()), self.chosen.thread.eq(thread)]
        for part in ("where", "counted", "known", "debugged"):
            states = [getattr(turn, part).state for turn in self.turn]
            m.d.comb += self.chosen.context[part].eq(by_number(m, thread, states, part))
        for t, dispatched in enumerate(self.dispatched):
            m.d.comb += [
                dispatched.group.eq(self.group.group),
                dispatched.group.valid.eq(self.group.group.valid & (thread == t)),
            ]
        return m
