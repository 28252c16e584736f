"""Where a packet will go at the next router: dimension order, with exceptions that software writes; of a multicast, its branches there."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.boot import NEXT_NODE
from golden.arch.mesh import OPPOSITE, STEP
from golden.arch.packet import COORD_BITS, PortId
from golden.arch.route_table import ENTRIES
from rtl.noc.layouts import CONTROL
from rtl.noc.router.layouts import ENTRY, ONWARD, PORTS

NEAR = data.StructLayout({"before": COORD_BITS, "here": COORD_BITS, "after": COORD_BITS})
"""A coordinate of this router and of its neighbours; flip-flops of the router."""
_ALL = (1 << PORTS) - 1


def dimension_order(west: Value, east: Value, north: Value, south: Value, yx: Value) -> Value:
    """The port of a packet whose destination lies on these sides, one-hot: along x first, or along y (`yx`); the node's on no side."""
    return branches(west, east, north, south, ~west & ~east, ~north & ~south, yx)


def branches(west: Value, east: Value, north: Value, south: Value, column: Value, row: Value, yx: Value) -> Value:
    """The ports of a packet to a rectangle that reaches to these sides and may hold this column and row: along x first, or y (`yx`)."""
    vertical, horizontal = column | yx, row | ~yx
    return Cat(north & vertical, east & horizontal, south & vertical, west & horizontal, column & row)


class LookAhead(wiring.Component):
    """The ports that a packet takes at the routers behind the ports of this one. Combinational.

    A packet to one place: every entry that matches gives its port, and entries that match the same packet agree; dimension order where
    none matches. A multicast knows no entries and never returns to its first dimension. A boot packet takes the node's port, whatever this
    router knows. Nothing turns back.

    Parameters
    ----------
    gates : bool
        As a circuit wants it; else a simulation looks ahead for packets alone, and at the table where it holds anything.
    """

    control: In(CONTROL)
    x: In(NEAR)
    y: In(NEAR)
    table: In(data.ArrayLayout(ENTRY, ENTRIES))
    # An entry may match; without, none does.
    detours: In(1)
    # By port of this router; meaningless for those by which the packet does not leave.
    onward: Out(ONWARD)

    def __init__(self, gates: bool = False) -> None:
        self.gates = gates
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        control = self.control
        yx, many = control.valid[1] | control.valid[3], Signal()
        m.d.comb += many.eq(Cat(control.x, control.y) != Cat(control.far_x, control.far_y))
        x = {place: self._seen(m, f"x_{place}", control.x, control.far_x, self.x[place]) for place in ("before", "here", "after")}
        y = {place: self._seen(m, f"y_{place}", control.y, control.far_y, self.y[place]) for place in ("before", "here", "after")}
        places = {  # of the neighbours
            PortId.NORTH: (x["here"], y["before"]),
            PortId.EAST: (x["after"], y["here"]),
            PortId.SOUTH: (x["here"], y["after"]),
            PortId.WEST: (x["before"], y["here"]),
        }
        matches = []
        for i in range(ENTRIES):
            entry = self.table[i]
            hit = (
                (control.x >= entry.x0)
                & (control.x <= entry.x1)
                & (control.y >= entry.y0)
                & (control.y <= entry.y1)
                & ~many
                & Mux(yx, entry.routes[1], entry.routes[0])
                & (control.out[: len(STEP)] & entry.outs).any()
            )
            matches.append(Mux(hit, Cat(entry.next, 1), 0))
        boots = Signal()
        m.d.comb += boots.eq((control.x == NEXT_NODE[0]) & (control.y == NEXT_NODE[1]))
        # The ports of the entries that match, and whether any does.
        found = Signal(PORTS + 1)
        # Of a branch with 0 on one side Verilator makes an AND, and computes the other: any other value does, where none is needed.
        comes = Const(1) if self.gates else control.valid.any()
        m.d.comb += found.eq(Mux(comes & self.detours, reduce(or_, matches), control.out))
        onward = []
        for out, ((west, east, column), (north, south, row)) in places.items():
            # A multicast that moves along x does not turn any more by YX, and one that moves along y not by XY.
            if out in (PortId.EAST, PortId.WEST):
                north, south = north & ~(many & yx), south & ~(many & yx)
            else:
                west, east = west & ~(many & ~yx), east & ~(many & ~yx)
            order = branches(west, east, north, south, column, row, yx)
            usual = Mux(found[PORTS], found[:PORTS], order) & (_ALL & ~(1 << OPPOSITE[out]))
            onward.append(Mux(boots, Const(1 << PortId.NODE, PORTS), usual))
        m.d.comb += self.onward.as_value().eq(Mux(comes, Cat(onward), control))
        return m

    @staticmethod
    def _seen(m: Module, name: str, low: Value, high: Value, at: Value) -> tuple[Value, Value, Value]:
        """Whether a rectangle reaches to before and to after a coordinate, and whether it holds it."""
        before, after, inside = (Signal(name=f"{name}_{what}") for what in ("before", "after", "inside"))
        m.d.comb += [before.eq(low < at), after.eq(high > at), inside.eq((low <= at) & (high >= at))]
        return before, after, inside
