"""A command becomes a packet: where it goes, what it says, its words at their place in the line there."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import Fault
from golden.arch.packet import FLAG_FIXED, FLAG_MULTICAST, FLAG_RESPONSE
from rtl.common.host_ports import Edges, Place
from rtl.common.network_ports import NET_FAULT, Handed, NetOp
from rtl.common.select import mark
from rtl.common.stream import SkidBuffer
from rtl.noc.interface.fetch import FETCHED
from rtl.noc.interface.layouts import CONFIRMED, POSTED, SEQUENCE, Opens, strobe
from rtl.noc.interface.rotate import rotated
from rtl.noc.interface.transfers import ASKED
from rtl.noc.layouts import PACKET, PacketKind


class Packets(wiring.Component):
    """One a cycle. A get waits for an entry in the table of reads; a put whose words are lost is none, and its thread faults."""

    i: In(stream.Signature(FETCHED))
    # The channel is that of XY: who chooses the route changes it. With FLAG_FIXED it is not to be chosen.
    o: Out(stream.Signature(PACKET))
    place: In(Place)
    edges: In(Edges)
    opens: Out(Opens)
    handed: Out(Handed)
    # For the transfer engine: the line that it asked for; the last command of a list of a thread leaves.
    asked: Out(ASKED)
    ended: Out(THREADS)
    fault: Out(NET_FAULT)

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = buffer = SkidBuffer(PACKET)
        wiring.connect(m, buffer.o, wiring.flipped(self.o))
        command, line, item = self.i.payload.command, self.i.payload.line, buffer.i.payload
        remote, header, opens = command.remote, buffer.i.payload.header, self.opens
        one, gets, raises, lists, casts = (command.op == op for op in NetOp)
        puts = one | casts
        words = strobe(command.local[:3], command.words)
        lost = self.i.payload.lost & words
        bad, able, leave, outside, alone, sent = Signal(), Signal(), Signal(), Signal(), Signal(), Signal()
        place, edges = self.place, self.edges
        beyond_x, beyond_y = (edges.east != 0) & (remote.far_x >= edges.east), (edges.south != 0) & (remote.far_y >= edges.south)
        m.d.comb += [
            bad.eq(puts & lost.any()),
            # A multicast that leaves the mesh is refused here; one to its sender alone is none.
            outside.eq(casts & ((remote.x == 0) | (remote.y == 0) | beyond_x | beyond_y)),
            alone.eq(casts & (Cat(remote.x, remote.far_x, remote.y, remote.far_y) == Cat(place.x, place.x, place.y, place.y))),
            sent.eq(~(bad | lists | outside | alone)),
            able.eq(Mux(gets, opens.free, ~(one & command.ack) | opens.room.bit_select(command.thread, 1))),
            buffer.i.valid.eq(self.i.valid & able & sent),
            leave.eq(able & (buffer.i.ready | ~sent)),
            self.asked.valid.eq(self.i.valid & lists & command.words.any()),
            self.asked.line.eq(line),
            self.asked.lost.eq(self.i.payload.lost),
            self.ended.eq(Mux(self.i.valid & leave & command.last, mark(command.thread, THREADS), 0)),
            self.i.ready.eq(leave),
            opens.read.eq(self.i.valid & leave & gets),
            opens.write.eq(self.i.valid & leave & one & command.ack & ~bad),
            opens.thread.eq(command.thread),
            opens.what.thread.eq(command.thread),
            opens.what.line.eq(command.local[3:]),
            opens.what.strobe.eq(words),
            opens.what.turn.eq(command.local[:3] - remote.address[3:6]),
            opens.what.raises.eq(command.raises),
            opens.what.semaphore.eq(command.semaphore),
        ]
        m.d.sync += [
            self.handed.valid.eq(self.i.valid & leave & command.held),
            self.handed.thread.eq(command.thread),
            self.handed.slot.eq(command.slot),
        ]

        number = Signal(SEQUENCE)
        notifies = puts & remote.notify
        m.d.comb += [
            number.thread.eq(command.thread),
            number.entry.eq(Mux(gets, opens.entry, Mux(one & command.ack, CONFIRMED, POSTED))),
            number.notify.eq(notifies),
            item.x.eq(remote.x),
            item.y.eq(remote.y),
            item.far_x.eq(Mux(casts, remote.far_x, remote.x)),
            item.far_y.eq(Mux(casts, remote.far_y, remote.y)),
            header.kind.eq(Mux(puts, PacketKind.WRITE, Mux(gets, PacketKind.READ, PacketKind.RAISE))),
            header.source_x.eq(self.place.x),
            header.source_y.eq(self.place.y),
            header.address.eq(Mux(raises, command.amount, remote.address)),
            header.length.eq(Mux(raises, 0, command.words)),
            header.tag.eq(Mux(raises, command.semaphore, Mux(puts, remote.semaphore, 0))),
            header.sequence.eq(number.as_value()),
            header.flags.eq(
                Mux(one & command.ack, FLAG_RESPONSE, 0)
                | Mux(raises | casts | (one & command.fixed), FLAG_FIXED, 0)
                | Mux(casts, FLAG_MULTICAST, 0)
            ),
            item.payload.eq(rotated(m, line, remote.address[3:6] - command.local[:3], "turned")),
        ]

        # The first of the lost words; or where the multicast begins.
        first = Signal(3)
        for word in reversed(range(8)):
            with m.If(lost[word]):
                m.d.comb += first.eq(word)
        there = Cat(remote.address, remote.x, remote.y)
        m.d.sync += [
            self.fault.valid.eq(self.i.valid & able & (bad | outside)),
            self.fault.thread.eq(command.thread),
            self.fault.cause.eq(Mux(bad, Fault.ECC, Fault.NETWORK)),
            self.fault.operand.eq(Mux(bad, Cat(Const(0, 3), first, command.local[3:]), there)),
        ]
        return m
