"""The two ends of a link at a node: a receiver with its buffers, a sender with its credits.

::

    control (t), body (t+1) --> parity --> Inbox: CREDITS packets per channel --> packet stream, one per class
    packet streams --> [credit per channel] --> control (t), body (t+1)

A sender may send while it holds a credit of the packet's channel; the receiver returns the credit when the packet leaves its buffer.
Requests and responses leave by streams of their own where both are wanted: no response waits behind a request.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS, CREDITS, PortId
from rtl.common.arbiter import round_robin
from rtl.common.delay import delay
from rtl.common.host_ports import Event
from rtl.common.select import by_number
from rtl.noc import parity
from rtl.noc.credits import COUNT, Credits
from rtl.noc.layouts import BODY, CONTROL, PACKET, RECEIVED, ROUTED, ROUTES, TO, Link

_DEPTH_BITS = (CREDITS - 1).bit_length()
_KEPT = data.StructLayout({"control": CONTROL, "body": BODY, "wrong_header": 1, "wrong_payload": 1})


class Inbox(wiring.Component):
    """The packets of one class, a ring per route; offers one of them at a time, of both routes in turn.

    A packet with a wrong header is dropped, and its credit returned; one with a wrong payload leaves with that mark.

    Parameters
    ----------
    responses : bool
        Which class: requests if not.
    """

    def __init__(self, responses: bool) -> None:
        self.responses = responses
        super().__init__(
            {
                # A packet has come on a channel of this class, one-hot; `kept` goes with it.
                "come": In(ROUTES),
                "kept": In(_KEPT),
                # Valid until taken.
                "packet": Out(stream.Signature(RECEIVED)),
                # A place is free again; a packet with wrong parity was in it. One cycle each.
                "credit": Out(ROUTES),
                "wrong": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.slots = slots = memory.Memory(shape=_KEPT, depth=ROUTES * CREDITS, init=[])
        write, read = slots.write_port(), slots.read_port(domain="comb")
        tails, heads = ([Signal(_DEPTH_BITS, name=f"{end}{r}") for r in range(ROUTES)] for end in ("tail", "head"))
        counts = [Signal(range(CREDITS + 1), name=f"count{r}") for r in range(ROUTES)]
        some = Cat(count != 0 for count in counts)
        turn, chosen, place, leave = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            write.en.eq(self.come.any()),
            write.addr.eq(Cat(Mux(self.come[1], tails[1], tails[0]), self.come[1])),
            write.data.eq(self.kept),
            chosen.eq(Mux(some.all(), turn, some[1])),
            read.addr.eq(Cat(Mux(chosen, heads[1], heads[0]), chosen)),
            place.eq(~self.packet.valid | self.packet.ready),
            leave.eq(place & some.any()),
        ]
        item, kept = self.packet.payload, read.data
        m.d.sync += self.wrong.eq(leave & (kept.wrong_header | kept.wrong_payload))
        with m.If(place):
            m.d.sync += [
                self.packet.valid.eq(leave & ~kept.wrong_header),
                item.channel.eq(Cat(chosen, Const(self.responses, 1))),
                *(item[name].eq(kept.control[name]) for name in TO),
                item.header.eq(kept.body.header),
                item.payload.eq(kept.body.payload),
                item.wrong_payload.eq(kept.wrong_payload),
            ]
        with m.If(leave):
            m.d.sync += turn.eq(~turn)
        for r in range(ROUTES):
            enter, go = self.come[r], leave & (chosen == r)
            m.d.sync += [counts[r].eq(counts[r] + enter - go), self.credit[r].eq(go)]
            with m.If(enter):
                m.d.sync += tails[r].eq(tails[r] + 1)
            with m.If(go):
                m.d.sync += heads[r].eq(heads[r] + 1)
        return m


class LinkReceiver(wiring.Component):
    """Buffers packets per channel.

    Parameters
    ----------
    responses : bool
        With a stream of responses. Without, a response is dropped where it comes in: its node asks nobody anything.
    """

    def __init__(self, responses: bool = False) -> None:
        self._both = responses
        members = {
            "link": In(Link),
            # The request to serve; valid until taken.
            "requests": Out(stream.Signature(RECEIVED)),
            # Packets whose parity was wrong: how many in this cycle.
            "parity_errors": Out(2),
            # A packet came whose parity is right.
            "packet_in": Out(Event),
        }
        if responses:
            # The same of responses. Whoever listens takes them whatever becomes of requests.
            members["responses"] = Out(stream.Signature(RECEIVED))
        else:
            # A response was dropped; one cycle each. One with a wrong header is a parity error alone.
            members["unasked"] = Out(Event)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        # The control word waits a cycle for its body; its parity is known by then.
        control = delay(m, self.link.control, 1, "control")
        route = delay(m, parity.route_parity(self.link.control), 1, "route")
        kept, wrong = Signal(_KEPT), Signal()
        m.d.comb += [
            kept.control.eq(control),
            kept.body.eq(self.link.body),
            kept.wrong_header.eq(parity.wrong_header(self.link.body, route)),
            kept.wrong_payload.eq(parity.wrong_payload(self.link.body)),
            wrong.eq(kept.wrong_header | kept.wrong_payload),
        ]
        m.d.sync += self.packet_in.valid.eq(control.valid.any() & ~wrong)
        m.submodules.request_box = box = Inbox(responses=False)
        wiring.connect(m, box.packet, wiring.flipped(self.requests))
        m.d.comb += [box.come.eq(control.valid[:ROUTES]), box.kept.eq(kept)]
        if self._both:
            m.submodules.response_box = other = Inbox(responses=True)
            wiring.connect(m, other.packet, wiring.flipped(self.responses))
            m.d.comb += [other.come.eq(control.valid[ROUTES:]), other.kept.eq(kept)]
            credit, wrong_response = other.credit, other.wrong
        else:
            come = control.valid[ROUTES:]
            credit, wrong_response = delay(m, come, 1, "unasked"), delay(m, come.any() & wrong, 1, "unasked_wrong")
            m.d.comb += self.unasked.valid.eq(come.any() & ~kept.wrong_header)
        m.d.comb += [self.link.credit.eq(Cat(box.credit, credit)), self.parity_errors.eq(box.wrong + wrong_response)]
        return m


class LinkSender(wiring.Component):
    """Sends one packet per cycle on its channel while that channel has credit; computes the parities.

    Parameters
    ----------
    sources : int
        Streams of packets, served in turn: none waits for the credit of another's channel.
    routed : bool
        The link leads to a router, and packets come with their port there; else they are at their destination behind the link.
    """

    def __init__(self, sources: int = 1, routed: bool = False) -> None:
        self.sources, self.routed = sources, routed
        super().__init__(
            {
                # The packet to send: channel, destination, header without parity, payload.
                "packets": In(stream.Signature(ROUTED if routed else PACKET)).array(sources),
                "link": Out(Link),
                # A packet left.
                "packet_out": Out(Event),
                # Credits that the link has. Flip-flops.
                "credits": Out(COUNT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.credits = credits = Credits()
        m.d.comb += [
            credits.give.eq(self.link.credit),
            self.credits.eq(credits.count),
            self.packet_out.valid.eq(self.link.control.valid.any()),
        ]
        allowed = [Signal(name=f"allowed{n}") for n in range(self.sources)]
        m.d.comb += [bit.eq(credits.ok.bit_select(source.payload.channel, 1)) for bit, source in zip(allowed, self.packets, strict=True)]
        asking = Cat(source.valid & bit for bit, source in zip(allowed, self.packets, strict=True))
        if self.sources == 1:
            item = self.packets[0].payload
            m.d.comb += self.packets[0].ready.eq(allowed[0])
        else:
            chosen = round_robin(m, asking)
            item = by_number(m, chosen, [source.payload for source in self.packets], "item")
            m.d.comb += [source.ready.eq(allowed[n] & (chosen == n)) for n, source in enumerate(self.packets)]
        one_hot = Signal(CHANNELS)
        m.d.comb += [one_hot.eq(Mux(asking.any(), 1 << item.channel, 0)), credits.take.eq(one_hot)]

        # The body follows its control word by a cycle, in which its parities are made.
        said, body, control = Signal(BODY), Signal(BODY), self.link.control
        m.d.comb += [
            body.eq(said),
            body.header.parity.eq(Cat(parity.route_parity(control), parity.header_parity(said.header))),
            body.payload_parity.eq(parity.payload_parity(said.payload)),
        ]
        m.d.sync += [
            control.valid.eq(one_hot),
            control.out.eq(item.out if self.routed else 1 << PortId.NODE),
            *(control[name].eq(item[name]) for name in TO),
            said.header.eq(item.header),
            said.payload.eq(item.payload),
            self.link.body.eq(body),
        ]
        return m
