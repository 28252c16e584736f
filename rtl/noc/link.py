"""The two ends of a link at a node: a receiver with its buffers, a sender with its credits.

::

    control (t), body (t+1) --> [buffer of CREDITS packets per channel] --> packet stream
    packet stream --> [credit per channel] --> control (t), body (t+1)

A sender may send while it holds a credit of the packet's channel; the receiver returns the credit when the packet leaves its buffer.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS, CREDITS
from rtl.noc.layouts import BODY, CONTROL, PACKET, Link, payload_parity

_DEPTH_BITS = (CREDITS - 1).bit_length()


class LinkReceiver(wiring.Component):
    """Buffers packets per channel and offers one of them at a time, responses first, then rotating.

    A packet with wrong parity is dropped, told of (``parity_error``) and its credit returned: the sender's transfer does not complete.
    """

    link: In(Link)
    # The packet to serve; valid until taken.
    packet: Out(stream.Signature(PACKET))
    # A packet was dropped because its parity was wrong; one cycle.
    parity_error: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.slots = slots = memory.Memory(shape=BODY, depth=CHANNELS * CREDITS, init=[])
        m.submodules.routes = routes = memory.Memory(shape=CONTROL, depth=CHANNELS * CREDITS, init=[])
        body_write, control_write = slots.write_port(), routes.write_port()
        body_read, control_read = slots.read_port(domain="comb"), routes.read_port(domain="comb")

        # The control word waits a cycle for its body, then both enter the channel's ring.
        control = Signal(CONTROL)
        m.d.sync += control.eq(self.link.control)
        arriving = Signal(2)
        m.d.comb += arriving.eq(Cat(control.valid[1] | control.valid[3], control.valid[2] | control.valid[3]))
        tails = [Signal(_DEPTH_BITS, name=f"tail{v}") for v in range(CHANNELS)]
        heads = [Signal(_DEPTH_BITS, name=f"head{v}") for v in range(CHANNELS)]
        counts = [Signal(range(CREDITS + 1), name=f"count{v}") for v in range(CHANNELS)]
        tail, head = Signal(_DEPTH_BITS), Signal(_DEPTH_BITS)
        for v in range(CHANNELS):
            with m.If(arriving == v):
                m.d.comb += tail.eq(tails[v])
        for port, value in ((body_write, self.link.body), (control_write, control)):
            m.d.comb += [port.en.eq(control.valid.any()), port.addr.eq(Cat(tail, arriving)), port.data.eq(value)]

        # Responses (channels 2, 3) first: whoever waits for them may hold space that requests need.
        chosen, turn = Signal(2), Signal()
        some = [count != 0 for count in counts]
        m.d.comb += chosen.eq(
            Mux(some[2] | some[3], Cat(Mux(some[2] & some[3], turn, some[3]), 1), Cat(Mux(some[0] & some[1], turn, some[1]), 0))
        )
        for v in range(CHANNELS):
            with m.If(chosen == v):
                m.d.comb += head.eq(heads[v])
        m.d.comb += [body_read.addr.eq(Cat(head, chosen)), control_read.addr.eq(Cat(head, chosen))]

        # The chosen packet moves to an output register; its parity is checked on the way.
        place = Signal()
        body, route = body_read.data, control_read.data
        bad = Signal()
        header_bits = body.header.as_value()
        m.d.comb += [
            place.eq(~self.packet.valid | self.packet.ready),
            bad.eq(
                (Cat(payload_parity(body.payload)) != body.payload_parity)
                | (Cat(route.valid, route.x, route.y, route.far_x, route.far_y, body.header.parity[0]).xor())
                | (header_bits[:-2].xor() ^ body.header.parity[1])
            ),
        ]
        leave = Signal()
        m.d.comb += leave.eq(place & Cat(*some).any())
        m.d.sync += [self.parity_error.eq(leave & bad), self.link.credit.eq(0)]
        with m.If(place):
            m.d.sync += [
                self.packet.valid.eq(leave & ~bad),
                self.packet.payload.channel.eq(chosen),
                self.packet.payload.x.eq(route.x),
                self.packet.payload.y.eq(route.y),
                self.packet.payload.header.eq(body.header),
                self.packet.payload.payload.eq(body.payload),
            ]
        with m.If(leave):
            m.d.sync += turn.eq(~turn)
        for v in range(CHANNELS):
            enter, go = control.valid[v], leave & (chosen == v)
            m.d.sync += [counts[v].eq(counts[v] + enter - go), self.link.credit[v].eq(go)]
            with m.If(enter):
                m.d.sync += tails[v].eq(tails[v] + 1)
            with m.If(go):
                m.d.sync += heads[v].eq(heads[v] + 1)
        return m


class LinkSender(wiring.Component):
    """Sends one packet per cycle on its channel while that channel has credit; computes the parities."""

    # The packet to send: channel, destination, header without parity, payload.
    packet: In(stream.Signature(PACKET))
    link: Out(Link)

    def elaborate(self, platform):
        m = Module()
        credits = [Signal(range(CREDITS + 1), init=CREDITS, name=f"credits{v}") for v in range(CHANNELS)]
        item = self.packet.payload
        allowed = Signal()
        for v in range(CHANNELS):
            with m.If(item.channel == v):
                m.d.comb += allowed.eq(credits[v] != 0)
        send = Signal()
        m.d.comb += [self.packet.ready.eq(allowed), send.eq(self.packet.valid & allowed)]
        one_hot = Signal(CHANNELS)
        m.d.comb += one_hot.eq(Mux(send, 1 << item.channel, 0))
        for v in range(CHANNELS):
            m.d.sync += credits[v].eq(credits[v] - one_hot[v] + self.link.credit[v])

        body = Signal(BODY)
        header_bits = item.header.as_value()
        m.d.sync += [
            self.link.control.valid.eq(one_hot),
            self.link.control.out.eq(1 << 4),
            self.link.control.x.eq(item.x),
            self.link.control.y.eq(item.y),
            self.link.control.far_x.eq(item.x),
            self.link.control.far_y.eq(item.y),
            body.header.eq(item.header),
            body.header.parity.eq(Cat(Cat(one_hot, item.x, item.y, item.x, item.y).xor(), header_bits[:-2].xor())),
            body.payload.eq(item.payload),
            body.payload_parity.eq(Cat(payload_parity(item.payload))),
            self.link.body.eq(body),
        ]
        return m
