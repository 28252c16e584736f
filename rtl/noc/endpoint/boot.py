"""Boot packets (`golden.arch.boot`): sent on to the next node, or obeyed."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import boot
from golden.arch.boot import SAID, SEGMENT, SEGMENTS, BootOp
from golden.arch.mesh import STEP
from golden.arch.packet import PortId
from rtl.common.host_ports import Edges, Place
from rtl.common.shapes import struct
from rtl.noc.layouts import PACKET, ROUTED, TO
from rtl.noc.router import ENTRY_PORT

Identity = wiring.Signature(
    {
        # The node has been told the rest, and serves packets.
        "known": Out(1),
        "place": Out(Place),
        "edges": Out(Edges),
        # Ports with nobody behind them.
        "closed": Out(len(STEP)),
    }
)
"""Who a node behind a router is; flip-flops."""

_IDENTITY, _TABLE, _ECHO = (struct(layout) for layout in (boot.IDENTITY, boot.TABLE, boot.ECHO))
_PATH = data.ArrayLayout(struct(SEGMENT), SEGMENTS)


def _says(shape: data.StructLayout, payload) -> data.View:
    """What lies in a payload from its first bit on."""
    return data.View(shape, payload[: shape.size])


class Boot(wiring.Component):
    """One packet at a time: three cycles for one that goes on, two for an identity, ten for entries of tables. `ready` is a flip-flop."""

    # A boot packet; valid until taken.
    request: In(stream.Signature(PACKET))
    # The same on its way to the next node.
    onward: Out(stream.Signature(ROUTED))
    identity: Out(Identity)
    entry: Out(ENTRY_PORT)

    def elaborate(self, platform):
        m = Module()
        packet, header, item = self.request.payload, self.request.payload.header, self.onward.payload
        came, path, left = Signal(_PATH), Signal(_PATH), Signal(_PATH)
        arrived, echoes = Signal(), Signal()
        m.d.comb += [
            Value.cast(came).eq(Cat(header[field.name] for field in SAID)),
            arrived.eq(came[0].hops == 0),
            echoes.eq(arrived & (header.length == BootOp.ECHO)),
            Value.cast(path).eq(Mux(echoes, _says(_ECHO, packet.payload).back, Value.cast(came))),
        ]
        with m.If(path[0].hops == 1):
            m.d.comb += Value.cast(left).eq(Value.cast(path) >> SEGMENT.width)
        with m.Else():
            m.d.comb += [left.eq(path), left[0].hops.eq(path[0].hops - 1)]

        said, turned, out, done = Signal(_PATH), Signal(), Signal(len(PortId)), Signal()
        writing, number = Signal(), Signal(range(boot.TABLE_WORDS))
        m.d.comb += [
            item.channel.eq(packet.channel),
            *(item[name].eq(boot.NEXT_NODE[0]) for name in TO),
            item.header.eq(header),
            Cat(item.header[field.name] for field in SAID).eq(Value.cast(said)),
            item.payload.eq(packet.payload),
            item.out.eq(out),
            self.request.ready.eq(done),
        ]
        with m.If(turned):
            m.d.comb += _says(_ECHO, item.payload).back.eq(0)
        m.d.sync += [self.entry.valid.eq(0), done.eq(0)]
        with m.If(self.onward.valid):
            m.d.sync += [self.onward.valid.eq(~self.onward.ready), done.eq(self.onward.ready)]
        with m.Elif(writing):
            write = _says(_TABLE, packet.payload.word_select(number, boot.WORD_BITS))
            m.d.sync += [
                self.entry.valid.eq(1),
                self.entry.index.eq(write.index),
                Value.cast(self.entry.entry).eq(write.entry),
                number.eq(number + 1),
                writing.eq(~number.all()),
                done.eq(number.all()),
            ]
        with m.Elif(self.request.valid & ~done):
            goes, writes = path[0].hops != 0, arrived & (header.length == BootOp.TABLE)
            m.d.sync += [said.eq(left), turned.eq(echoes), out.eq(1 << path[0].port), self.onward.valid.eq(goes)]
            m.d.sync += [writing.eq(writes), done.eq(~goes & ~writes)]
            with m.If(arrived & (header.length == BootOp.IDENTITY)):
                self._learn(m, _says(_IDENTITY, packet.payload))
        return m

    def _learn(self, m: Module, told) -> None:
        me = self.identity
        m.d.sync += [
            me.known.eq(1),
            *(getattr(me.place, name).eq(told[name]) for name in ("x", "y")),
            *(getattr(me.edges, name).eq(told[name]) for name in ("east", "south")),
            me.closed.eq(told.closed),
        ]
