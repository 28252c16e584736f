"""What decides in a router: inputs that look ahead and hold control words, outputs that choose among them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS, COORD_BITS, PortId
from golden.arch.route_table import DEPARTURES, ENTRIES
from rtl.noc.credits import COUNT
from rtl.noc.layouts import CONTROL
from rtl.noc.router.input import RouterInput
from rtl.noc.router.layouts import CARRIED, ENTRY, PORTS, SELECT, SLOTS
from rtl.noc.router.lookahead import NEAR
from rtl.noc.router.output import RouterOutput

ENTRY_PORT = wiring.Signature({"valid": Out(1), "index": Out(range(ENTRIES + DEPARTURES)), "entry": Out(ENTRY)})
"""Writes an exception to its place in the tables, in a cycle with `valid`; places from `ENTRIES` on are not the router's."""
_WORDS = wiring.Signature({"control": Out(CONTROL), "credit": In(CHANNELS)})
"""A link without its body."""


class RouterControl(wiring.Component):
    """The way of control words: in, out by a port in the next cycle, unless others go first.

    Parameters
    ----------
    gates : bool
        As a circuit wants it, not as a simulation does.
    """

    # As of the router.
    i: In(_WORDS).array(PORTS)
    o: Out(_WORDS).array(PORTS)
    x: In(COORD_BITS)
    y: In(COORD_BITS)
    closed: In(PORTS)
    entry: In(ENTRY_PORT)
    credits: Out(data.ArrayLayout(COUNT, PORTS))
    # Where each input writes and reads its payloads, which of them leaves by each output; combinational.
    slots: Out(SLOTS)
    select: Out(SELECT)

    def __init__(self, gates: bool = False) -> None:
        self.gates = gates
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
                self.slots[p].eq(inputs[p].slots),
                self.o[p].control.eq(outputs[p].control),
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
                        self.select[o][p][v].eq(grant),
                        # Behind the node's port a packet has arrived.
                        word.out.eq(1 << PortId.NODE if o == PortId.NODE else head.onward[o]),
                        *(word[name].eq(head[name]) for name in CARRIED),
                    ]
        return m
