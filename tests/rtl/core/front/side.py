"""Threads and the front end, wired to each other as in the core; what the rest of the core says to them, and hears."""

from amaranth.hdl import Module
from amaranth.lib import wiring

from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from rtl.core.front.unit import FrontEnd
from rtl.core.thread.unit import ThreadUnit
from tests.rtl.core.through import through

_BETWEEN = ("turn", "dispatched", "supply")
_SILENT = ("net_steer",)
"""Nobody asks other nodes for anything."""


class FrontSide(wiring.Component):
    """The two regions with their trace; ``ended``: that of waiting instructions."""

    def __init__(self, config: NodeConfig) -> None:
        self._front, self._threads = FrontEnd(config, trace=True), ThreadUnit(config, trace=True)
        self._outside = {}
        for unit in (self._front, self._threads):
            for name, member in unit.signature.members.items():
                if name not in (*_BETWEEN, *_SILENT):
                    other = {"trace": "ended", "events": "thread_events"} if unit is self._threads else {}
                    self._outside[other.get(name, name)] = (unit, name, member)
        super().__init__({name: member for name, (_, _, member) in self._outside.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.front, m.submodules.threads = front, threads = self._front, self._threads
        for t in range(THREADS):
            wiring.connect(m, threads.turn[t], front.turn[t])
            wiring.connect(m, front.dispatched[t], threads.dispatched[t])
            wiring.connect(m, threads.supply[t], front.supply[t])
        for outer, (unit, name, _) in self._outside.items():
            through(m, getattr(self, outer), getattr(unit, name))
        return m
