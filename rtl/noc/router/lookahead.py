"""Where a packet will go at the next router: dimension order, with exceptions that software writes."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import COORD_BITS, PortId
from golden.arch.route_table import ENTRIES
from rtl.noc.layouts import CONTROL
from rtl.noc.router.layouts import ENTRY, PORTS

NEAR = data.StructLayout({"before": COORD_BITS, "here": COORD_BITS, "after": COORD_BITS})
"""A coordinate of this router and of its neighbours; flip-flops of the router."""


def dimension_order(west: Value, east: Value, north: Value, south: Value, yx: Value) -> Value:
    """The port of a packet whose destination lies on these sides, one-hot: along x first, or along y (`yx`); the node's on no side."""
    column, row = ~west & ~east, ~north & ~south
    vertical, horizontal = column | yx, row | ~yx
    return Cat(north & vertical, east & horizontal, south & vertical, west & horizontal, column & row)


class LookAhead(wiring.Component):
    """The port that a packet takes at the router behind its port of this one. Combinational.

    Every entry that matches a packet gives its port; entries that match the same packet agree. Dimension order where none matches.
    """

    control: In(CONTROL)
    x: In(NEAR)
    y: In(NEAR)
    table: In(data.ArrayLayout(ENTRY, ENTRIES))
    # One-hot port of the next router; meaningless for a packet that leaves by the node's port.
    out: Out(PORTS)

    def elaborate(self, platform):
        m = Module()
        control = self.control
        yx = control.valid[1] | control.valid[3]

        def side(to, near, back, ahead):
            """Whether `to` lies before and after the coordinate of the next router, which `back` and `ahead` choose."""
            less = [Signal(name=f"less_{name}") for name in ("before", "here", "after")]
            more = [Signal(name=f"more_{name}") for name in ("before", "here", "after")]
            for place, low, high in zip((near.before, near.here, near.after), less, more, strict=True):
                m.d.comb += [low.eq(to < place), high.eq(to > place)]
            stay = ~back & ~ahead
            return (
                (less[0] & back) | (less[1] & stay) | (less[2] & ahead),
                (more[0] & back) | (more[1] & stay) | (more[2] & ahead),
            )

        west, east = side(control.x, self.x, control.out[PortId.WEST], control.out[PortId.EAST])
        north, south = side(control.y, self.y, control.out[PortId.NORTH], control.out[PortId.SOUTH])
        default = dimension_order(west, east, north, south, yx)

        hits, found = Signal(ENTRIES), []
        for i in range(ENTRIES):
            entry = self.table[i]
            m.d.comb += hits[i].eq(
                (control.x >= entry.x0)
                & (control.x <= entry.x1)
                & (control.y >= entry.y0)
                & (control.y <= entry.y1)
                & Mux(yx, entry.routes[1], entry.routes[0])
                & (control.out[:4] & entry.outs).any()
            )
            found.append(Mux(hits[i], entry.next, 0))
        m.d.comb += self.out.eq(Mux(hits.any(), reduce(or_, found), default))
        return m
