"""A command becomes a packet: where it goes, what it says, its words at their place in the line there."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import Fault
from golden.arch.packet import FLAG_FIXED, FLAG_RESPONSE
from rtl.common.host_ports import Place
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
        puts, gets, raises, lists = (command.op == op for op in NetOp)
        words = strobe(command.local[:3], command.words)
        lost = self.i.payload.lost & words
        bad, able, leave = Signal(), Signal(), Signal()
        m.d.comb += [
            bad.eq(puts & lost.any()),
            able.eq(Mux(gets, opens.free, ~(puts & command.ack) | opens.room.bit_select(command.thread, 1))),
            buffer.i.valid.eq(self.i.valid & able & ~bad & ~lists),
            leave.eq(able & (buffer.i.ready | bad | lists)),
            self.asked.valid.eq(self.i.valid & lists & command.words.any()),
            self.asked.line.eq(line),
            self.asked.lost.eq(self.i.payload.lost),
            self.ended.eq(Mux(self.i.valid & leave & command.last, mark(command.thread, THREADS), 0)),
            self.i.ready.eq(leave),
            opens.read.eq(self.i.valid & leave & gets),
            opens.write.eq(self.i.valid & leave & puts & command.ack & ~bad),
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
            number.entry.eq(Mux(gets, opens.entry, Mux(puts & command.ack, CONFIRMED, POSTED))),
            number.notify.eq(notifies),
            item.x.eq(remote.x),
            item.y.eq(remote.y),
            header.kind.eq(Mux(puts, PacketKind.WRITE, Mux(gets, PacketKind.READ, PacketKind.RAISE))),
            header.source_x.eq(self.place.x),
            header.source_y.eq(self.place.y),
            header.address.eq(Mux(raises, command.amount, remote.address)),
            header.length.eq(Mux(raises, 0, command.words)),
            header.tag.eq(Mux(raises, command.semaphore, Mux(puts, remote.semaphore, 0))),
            header.sequence.eq(number.as_value()),
            header.flags.eq(
                Mux(puts & command.ack, FLAG_RESPONSE, 0) | Mux(raises | (puts & command.fixed), FLAG_FIXED, 0)
            ),
            item.payload.eq(rotated(m, line, remote.address[3:6] - command.local[:3], "turned")),
        ]

        # The first of the lost words.
        place = Signal(3)
        for word in reversed(range(8)):
            with m.If(lost[word]):
                m.d.comb += place.eq(word)
        m.d.sync += [
            self.fault.valid.eq(self.i.valid & able & bad),
            self.fault.thread.eq(command.thread),
            self.fault.cause.eq(Fault.ECC),
            self.fault.operand.eq(Cat(Const(0, 3), place, command.local[3:])),
        ]
        return m
