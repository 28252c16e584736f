r"""What a tile does with packets for places that are not there: requests are answered with ERROR, responses are dropped.

::

    router's outputs that are closed --> [requests, by port] --> ERROR --> an input whose neighbour is missing

It holds no payloads: a credit per place, and an answer is made of what the header says. All answers enter by one port, the first that is
closed. One that would have to leave by it again is dropped: its way is where nobody is.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import Fault
from golden.arch.mesh import STEP
from golden.arch.packet import CHANNELS, COORD_BITS, CREDITS
from rtl.common.arbiter import lowest, round_robin
from rtl.common.delay import delay
from rtl.common.select import by_mark, by_number
from rtl.common.stream import Queue, SkidBuffer
from rtl.noc.departure import Departing, Here
from rtl.noc.endpoint.layouts import refusal
from rtl.noc.layouts import BODY, CONTROL, HEADER, ROUTES, PacketKind
from rtl.noc.link import LinkSender

PORTS = len(STEP)
_SAID = ("source_x", "source_y", "address", "tag", "sequence")
_LOST = data.StructLayout({"route": 1, "x": COORD_BITS, "y": COORD_BITS, **{name: HEADER.members[name] for name in _SAID}})
"""What an answer needs to know of a request: its route, to whom it went, from whom, and what it said."""


class Nowhere(wiring.Component):
    """Behind all closed ports of a tile."""

    # Own surroundings, and the ports that are closed; steady.
    here: In(Here)
    closed: In(PORTS)
    # What the router sends by each port, a header a cycle after its control word; credits for it, of closed ports alone.
    control: In(data.ArrayLayout(CONTROL, PORTS))
    header: In(data.ArrayLayout(HEADER, PORTS))
    credit: Out(data.ArrayLayout(CHANNELS, PORTS))
    # The port by which answers enter, one-hot, and their bodies; their control words, 0 at every other port. Flip-flops.
    port: Out(PORTS)
    body: Out(BODY)
    enters: Out(data.ArrayLayout(CONTROL, PORTS))
    # Credits that the router's inputs give back; those of that port count.
    returned: In(data.ArrayLayout(CHANNELS, PORTS))

    def elaborate(self, platform):
        m = Module()
        m.submodules.sender = sender = LinkSender(routed=True)
        m.d.comb += sender.link.credit.eq(by_mark(m, self.port, list(self.returned), "answered"))
        m.d.sync += [
            self.body.eq(sender.link.body),
            *(enters.eq(Mux(here, sender.link.control, 0)) for enters, here in zip(self.enters, self.port, strict=True)),
        ]
        m.submodules.departing = departing = Departing()
        wiring.connect(m, wiring.flipped(self.here), departing.here)
        queues = [self._queue(m, p) for p in range(PORTS)]
        m.submodules.next = following = SkidBuffer(_LOST)
        asking, answer, out = Cat(queue.o.valid for queue in queues), departing.i, sender.packets[0]
        item, lost, back = answer.payload, following.o.payload, Signal()
        chosen = round_robin(m, asking, following.i.ready)
        m.d.sync += self.port.eq(lowest(self.closed))
        m.d.comb += [
            following.i.valid.eq(asking.any()),
            following.i.payload.eq(by_number(m, chosen, [queue.o.payload for queue in queues], "lost")),
            *(queue.o.ready.eq(following.i.ready & (chosen == p)) for p, queue in enumerate(queues)),
            answer.valid.eq(following.o.valid),
            following.o.ready.eq(answer.ready),
            back.eq((departing.o.payload.out[:PORTS] & self.port).any()),
            out.payload.eq(departing.o.payload),
            out.valid.eq(departing.o.valid & ~back),
            departing.o.ready.eq(out.ready | back),
            item.channel.eq(Cat(lost.route, Const(1, 1))),
            *(item[name].eq(lost.source_x) for name in ("x", "far_x")),
            *(item[name].eq(lost.source_y) for name in ("y", "far_y")),
            item.header.kind.eq(PacketKind.ERROR),
            item.header.source_x.eq(lost.x),
            item.header.source_y.eq(lost.y),
            item.header.tag.eq(lost.tag),
            item.header.sequence.eq(lost.sequence),
            item.payload.eq(refusal(Const(Fault.RANGE, 4), lost.address)),
        ]
        return m

    def _queue(self, m: Module, p: int) -> Queue:
        """The requests of a port."""
        m.submodules[f"queue{p}"] = queue = Queue(_LOST, ROUTES * CREDITS)
        control, entry, gone = delay(m, self.control[p], 1, f"control{p}"), queue.i.payload, queue.o.payload
        header = self.header[p]
        m.d.comb += [
            queue.i.valid.eq(self.closed[p] & control.valid[:ROUTES].any()),
            entry.route.eq(control.valid[1]),
            entry.x.eq(control.x),
            entry.y.eq(control.y),
            *(entry[name].eq(header[name]) for name in _SAID),
        ]
        leaves = queue.o.valid & queue.o.ready
        requests = Mux(leaves, Mux(gone.route, 2, 1), 0)
        m.d.sync += self.credit[p].eq(Cat(requests[:ROUTES], Mux(self.closed[p], control.valid[ROUTES:], 0)))
        return queue
