"""How a packet of the node's own sets out: the route that it takes, and the port of the router by which it leaves.

    Departure   the look-up
    Departing   a stream whose packets keep the route that they come with, where it is free
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import COORD_BITS, PortId
from golden.arch.route_table import DEPARTURES
from rtl.common.host_ports import Edges, Place
from rtl.common.stream import SkidBuffer
from rtl.noc.layouts import PACKET, ROUTED, TO
from rtl.noc.router.layouts import ENTRY, PORTS
from rtl.noc.router.lookahead import branches

TABLE = data.ArrayLayout(ENTRY, DEPARTURES)
"""Exceptions: `golden.arch.route_table`."""
Here = wiring.Signature({"place": Out(Place), "edges": Out(Edges), "table": Out(TABLE)})
"""What a node knows of its surroundings; flip-flops that are steady while packets set out."""


class Departure(wiring.Component):
    """Of one packet. Combinational.

    An exception says which route leads there, and the port where that is not the one of dimension order. To the edges of west and east
    leads YX, to those of north and south XY; to nodes the route that is asked for. A multicast takes the route that is asked for and leaves
    by every port that leads to a part of its rectangle, never by the node's own.
    """

    here: In(Here)
    # The destination, twice, or the corners of a rectangle; and the route that is asked for.
    x: In(COORD_BITS)
    y: In(COORD_BITS)
    far_x: In(COORD_BITS)
    far_y: In(COORD_BITS)
    asked: In(1)
    # The route is not free; it is known before `asked`.
    bound: Out(1)
    # What the packet takes.
    route: Out(1)
    out: Out(PORTS)

    def elaborate(self, platform):
        m = Module()
        place, edges = self.here.place, self.here.edges
        hits, detour, many = Signal(DEPARTURES), Signal(PORTS), Signal()
        m.d.comb += many.eq(Cat(self.x, self.y) != Cat(self.far_x, self.far_y))
        found, yx = [], []
        for i in range(DEPARTURES):
            entry = self.here.table[i]
            inside = (self.x >= entry.x0) & (self.x <= entry.x1) & (self.y >= entry.y0) & (self.y <= entry.y1)
            m.d.comb += hits[i].eq(inside & ~many & entry.routes.any())
            found.append(Mux(hits[i], entry.next, 0))
            yx.append(hits[i] & entry.routes[1])
        beyond_x, beyond_y = (self.x == 0) | (self.x == edges.east), (self.y == 0) | (self.y == edges.south)
        known = Signal()
        sides = self.x < place.x, self.far_x > place.x, self.y < place.y, self.far_y > place.y
        column, row = (self.x <= place.x) & (self.far_x >= place.x), (self.y <= place.y) & (self.far_y >= place.y)
        order = branches(*sides, column, row, yx=self.route) & ~Mux(many, 1 << PortId.NODE, 0)
        m.d.comb += [
            detour.eq(reduce(or_, found)),
            self.bound.eq(~many & (hits.any() | beyond_x | beyond_y)),
            known.eq(Mux(hits.any(), Cat(yx).any(), beyond_x)),
            self.route.eq(Mux(self.bound, known, self.asked)),
            self.out.eq(Mux(detour.any(), detour, order)),
        ]
        return m


class Departing(wiring.Component):
    """A stream of packets, each told its way; a cycle, and no path from one side to the other."""

    i: In(stream.Signature(PACKET))
    o: Out(stream.Signature(ROUTED))
    here: In(Here)

    def elaborate(self, platform):
        m = Module()
        m.submodules.departure = departure = Departure()
        wiring.connect(m, wiring.flipped(self.here), departure.here)
        m.submodules.buffer = buffer = SkidBuffer(ROUTED)
        wiring.connect(m, buffer.o, wiring.flipped(self.o))
        item = buffer.i.payload
        m.d.comb += [
            *(getattr(departure, name).eq(self.i.payload[name]) for name in TO),
            departure.asked.eq(self.i.payload.channel[0]),
            buffer.i.valid.eq(self.i.valid),
            self.i.ready.eq(buffer.i.ready),
            *(item[name].eq(self.i.payload[name]) for name, _ in PACKET),
            item.channel.eq(Cat(departure.route, self.i.payload.channel[1])),
            item.out.eq(departure.out),
        ]
        return m
