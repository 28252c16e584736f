"""The router: its control, a switch for the payloads, and who counts what came damaged."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import COORD_BITS, PortId
from rtl.noc import parity
from rtl.noc.credits import COUNT
from rtl.noc.layouts import BODY, Link
from rtl.noc.router.control import ENTRY_PORT, RouterControl
from rtl.noc.router.layouts import PORTS
from rtl.noc.router.switch import Switch

ERROR_BITS = 16
"""Width of a counter of parity errors."""


class Router(wiring.Component):
    """Moves packets between its neighbours (ports north, east, south, west) and its node, a cycle a hop.

    Parameters
    ----------
    slices : int
        Parts of the payload's switch; changes no bit and no cycle.
    gates : bool
        As a circuit wants it; else what a simulation need not compute in a cycle stands behind branches. Changes no bit and no cycle.
    """

    # From the neighbours and the node, and to them.
    i: In(Link).array(PORTS)
    o: Out(Link).array(PORTS)
    # Own coordinates; steady.
    x: In(COORD_BITS)
    y: In(COORD_BITS)
    # Outputs with nobody behind them, one bit per port; steady.
    closed: In(PORTS)
    # An exception is written to its place in the table; no packet may be on its way that it matters to.
    entry: In(ENTRY_PORT)
    # Credits that the outputs hold: what a source looks at. Flip-flops.
    credits: Out(data.ArrayLayout(COUNT, PORTS))
    # Packets with wrong parity that came in by each port; a full counter stands still.
    parity_errors: Out(data.ArrayLayout(ERROR_BITS, PORTS))

    def __init__(self, slices: int = 1, gates: bool = False) -> None:
        self.slices, self.gates = slices, gates
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.control = control = RouterControl(self.gates)
        m.submodules.switch = switch = Switch(BODY.size, self.slices, self.gates)
        wiring.connect(m, wiring.flipped(self.entry), control.entry)
        m.d.comb += [
            control.x.eq(self.x),
            control.y.eq(self.y),
            control.closed.eq(self.closed),
            self.credits.eq(control.credits),
            switch.slots.eq(control.slots),
            switch.select.eq(control.select),
        ]
        for p in PortId:
            m.d.comb += [
                control.i[p].control.eq(self.i[p].control),
                self.i[p].credit.eq(control.i[p].credit),
                switch.i[p].eq(self.i[p].body),
                self.o[p].control.eq(control.o[p].control),
                self.o[p].body.eq(switch.o[p]),
                control.o[p].credit.eq(self.o[p].credit),
            ]
        self._count_errors(m)
        return m

    def _count_errors(self, m: Module) -> None:
        for p in PortId:
            due, route, came, bad = (Signal(name=f"{name}{p}") for name in ("due", "route", "came", "bad"))
            count = self.parity_errors[p]
            control = self.i[p].control
            m.d.sync += [
                due.eq(control.valid.any()),
                route.eq(parity.route_parity(control)),
                came.eq(due),
                count.eq(Mux(came & bad & ~count.all(), count + 1, count)),
            ]
            with m.If(due):
                m.d.sync += bad.eq(parity.wrong_payload(self.i[p].body) | parity.wrong_header(self.i[p].body, route))
