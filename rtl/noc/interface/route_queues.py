"""Which route a packet takes, and the queue of each route.

The route with the smaller cost: packets that wait here for its channel, credits that the link to the router misses, and credits that the
router misses at the port where the packet would leave it. With equal costs the routes alternate. A packet that is bound to the fixed
channel takes XY. Where only one route leads (`Departure`), every packet takes it.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CREDITS, FLAG_FIXED, PortId
from rtl.common.stream import Queue
from rtl.noc.credits import COUNT
from rtl.noc.departure import Departure, Here
from rtl.noc.layouts import PACKET, ROUTED, ROUTES, TO

DEPTH = 4
"""Packets that wait for a channel."""
WAITING, UNRETURNED, USED = 8, 2, 1
"""Weights of the cost."""


class RouteQueues(wiring.Component):
    """One packet a cycle comes and is put behind those of its route."""

    i: In(stream.Signature(PACKET))
    o: Out(stream.Signature(ROUTED)).array(ROUTES)
    here: In(Here)
    # What the link to the router has, and what the outputs of the router have. Flip-flops.
    link: In(COUNT)
    router: In(data.ArrayLayout(COUNT, len(PortId)))

    def elaborate(self, platform):
        m = Module()
        m.submodules.departure = departure = Departure()
        wiring.connect(m, wiring.flipped(self.here), departure.here)
        item, place, turn = self.i.payload, self.here.place, Signal()
        queues, waiting, costs = [], [], []
        west, north, level_x, level_y = item.x < place.x, item.y < place.y, item.x == place.x, item.y == place.y
        for r in range(ROUTES):
            m.submodules[f"queue{r}"] = queue = Queue(ROUTED, DEPTH)
            wiring.connect(m, queue.o, wiring.flipped(self.o[r]))
            queues.append(queue)
            held = Signal(range(DEPTH + 1), name=f"held{r}")
            waiting.append(held)
            # The credits that the router has used at each port, on this route; one of two ports along x, one of two along y.
            used = [CREDITS - self.router[port][r] for port in PortId]
            along_x = Mux(west, used[PortId.WEST], used[PortId.EAST])
            along_y = Mux(north, used[PortId.NORTH], used[PortId.SOUTH])
            first = Mux(level_y, along_x, along_y) if r else Mux(level_x, along_y, along_x)
            cost = Signal(range(WAITING * DEPTH + (UNRETURNED + USED) * CREDITS + 1), name=f"cost{r}")
            m.d.comb += cost.eq(WAITING * held + UNRETURNED * (CREDITS - self.link[r]) + USED * first)
            costs.append(cost)
        equal, fixed, chosen = costs[0] == costs[1], (item.header.flags & FLAG_FIXED).any(), departure.route
        m.d.comb += [
            *(getattr(departure, name).eq(item[name]) for name in TO),
            departure.asked.eq(Mux(fixed, 0, Mux(equal, turn, costs[1] < costs[0]))),
        ]
        with m.If(self.i.valid & self.i.ready & equal & ~fixed & ~departure.bound):
            m.d.sync += turn.eq(~turn)
        m.d.comb += self.i.ready.eq(Mux(chosen, queues[1].i.ready, queues[0].i.ready))
        for r, (queue, held) in enumerate(zip(queues, waiting, strict=True)):
            comes, goes = queue.i.valid & queue.i.ready, queue.o.valid & queue.o.ready
            m.d.sync += held.eq(held + comes - goes)
            m.d.comb += [
                queue.i.valid.eq(self.i.valid & (chosen == r)),
                *(queue.i.payload[name].eq(item[name]) for name, _ in PACKET),
                queue.i.payload.channel.eq(Cat(Const(r, 1), Const(0, 1))),
                queue.i.payload.out.eq(departure.out),
            ]
        return m
