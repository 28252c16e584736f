"""The door of the control registers: registers of every thread, and the counters behind them."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.common.host_ports import Activity, CounterLine, LinkEvents, Place
from rtl.core.interfaces import (
    CsrAccess,
    FrontEvents,
    Life,
    MatrixEvents,
    ScalarEvents,
    Settings,
    StoreEvents,
    ThreadEvents,
    VectorEvents,
)
from rtl.core.thread.counters import Counters
from rtl.core.thread.csr import CsrFile
from rtl.mem.ports import ConflictCount, Corrected, Inject

EVENTS = {
    "front_events": FrontEvents,
    "thread_events": ThreadEvents,
    "scalar_events": ScalarEvents,
    "vector_events": VectorEvents,
    "matrix_events": MatrixEvents,
    "store_events": StoreEvents,
    "corrected": Corrected,
    "conflicts": ConflictCount,
    "link_events": LinkEvents,
}


class ControlUnit(wiring.Component):
    """Control registers and counters."""

    def __init__(self) -> None:
        self._parts = {
            "access": In(CsrAccess),
            "life": In(Life),
            "settings": Out(Settings),
            # What scalar stores invert, per thread.
            "inject": Out(Inject),
            "place": In(Place),
            # A line of counters for the endpoint.
            "line": In(CounterLine),
            # Something was dispatched, stored or sent.
            "activity": Out(Activity),
        }
        super().__init__(self._parts | {name: In(signature) for name, signature in EVENTS.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.csr = csr = CsrFile()
        m.submodules.counters = counters = Counters()
        me = wiring.flipped(self)
        for name in ("access", "life", "place"):
            wiring.connect(m, getattr(me, name), getattr(csr, name))
        for name in ("settings", "inject"):
            wiring.connect(m, getattr(csr, name), getattr(me, name))
        for name in EVENTS:
            listeners = [getattr(part, name) for part in (csr, counters) if name in part.signature.members]
            wiring.connect(m, getattr(me, name), *listeners)
        wiring.connect(m, csr.read, counters.read)
        wiring.connect(m, me.line, counters.line)
        wiring.connect(m, counters.activity, me.activity)
        return m
