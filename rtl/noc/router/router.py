"""The router: five inputs, five outputs, a switch for the payloads."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS, COORD_BITS, PortId
from golden.arch.route_table import DEPARTURES, ENTRIES
from rtl.noc import parity
from rtl.noc.credits import COUNT
from rtl.noc.layouts import BODY, Link
from rtl.noc.router.input import RouterInput
from rtl.noc.router.layouts import CARRIED, ENTRY, PORTS
from rtl.noc.router.lookahead import NEAR
from rtl.noc.router.output import RouterOutput
from rtl.noc.router.switch import Switch

ERROR_BITS = 16
"""Width of a counter of parity errors."""
ENTRY_PORT = wiring.Signature({"valid": Out(1), "index": Out(range(ENTRIES + DEPARTURES)), "entry": Out(ENTRY)})
"""Writes an exception to its place in the tables, in a cycle with `valid`; places from `ENTRIES` on are not the router's."""


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
        near = {"x": Signal(NEAR), "y": Signal(NEAR)}
        for name, here in (("x", self.x), ("y", self.y)):
            m.d.sync += [near[name].before.eq(here - 1), near[name].here.eq(here), near[name].after.eq(here + 1)]
        table = Signal(data.ArrayLayout(ENTRY, ENTRIES))
        # Where no entry was ever written a simulation need not look at them.
        detours = Signal()
        with m.If(self.entry.valid & (self.entry.index < ENTRIES)):
            m.d.sync += detours.eq(1)
            m.d.sync += table[self.entry.index].eq(self.entry.entry)

        m.submodules.switch = switch = Switch(BODY.size, self.slices, self.gates)
        inputs, outputs = [RouterInput(self.gates) for _ in PortId], [RouterOutput(PORTS - 1, self.gates) for _ in PortId]
        for p in PortId:
            m.submodules[f"input_{p.name.lower()}"] = inputs[p]
            m.submodules[f"output_{p.name.lower()}"] = outputs[p]
            m.d.comb += [
                inputs[p].control.eq(self.i[p].control),
                self.i[p].credit.eq(inputs[p].credit),
                inputs[p].x.eq(near["x"]),
                inputs[p].y.eq(near["y"]),
                inputs[p].table.eq(table),
                inputs[p].detours.eq(1 if self.gates else detours),
                switch.i[p].eq(self.i[p].body),
                switch.slots[p].eq(inputs[p].slots),
                self.o[p].control.eq(outputs[p].control),
                self.o[p].body.eq(switch.o[p]),
                outputs[p].credit.eq(self.o[p].credit),
                outputs[p].closed.eq(self.closed[p]),
                self.credits[p].eq(outputs[p].count),
            ]
        # Every output sees the inputs of all other ports: no packet turns back.
        for o in PortId:
            for n, p in enumerate(p for p in PortId if p != o):
                for v in range(CHANNELS):
                    grant, head, word = outputs[o].grant[n][v], inputs[p].heads[v], outputs[o].heads[n][v]
                    m.d.comb += [
                        outputs[o].want[n][v].eq(inputs[p].want[v][o]),
                        inputs[p].granted[v][o].eq(grant),
                        switch.select[o][p][v].eq(grant),
                        # Behind the node's port a packet has arrived.
                        word.out.eq(1 << PortId.NODE if o == PortId.NODE else head.onward[o]),
                        *(word[name].eq(head[name]) for name in CARRIED),
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
