"""The end of WRITE and RAISE: the semaphore, then the acknowledgement, or the error when the semaphore would overflow.

::

    completed writes --+--> [effect, raise_] --> [overflow is told] --> [answer]
    RAISE packets -----+

One a cycle when the semaphores take one a cycle. Writes go first; a RAISE that waits keeps new writes from being served, so it waits
for those under way and no more.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import Fault
from rtl.common.host_ports import Raise
from rtl.common.stream import SkidBuffer
from rtl.noc.endpoint.layouts import ANSWER, EFFECT, refusal
from rtl.noc.layouts import PacketKind


class Raises(wiring.Component):
    """Raises semaphores for packets and says what came of it."""

    completed: In(stream.Signature(EFFECT))
    packet: In(stream.Signature(EFFECT))
    raise_: Out(Raise)
    answer: Out(stream.Signature(ANSWER))

    def elaborate(self, platform):
        m = Module()
        m.submodules.answers = answers = SkidBuffer(ANSWER)
        wiring.connect(m, answers.o, wiring.flipped(self.answer))
        held, item, raises = Signal(), Signal(EFFECT), Signal()
        # An effect whose raise was taken, in the previous cycle (`fresh`) or before.
        told, gone, failed, fresh, kept = Signal(), Signal(EFFECT), Signal(), Signal(), Signal()
        place, settled, free = Signal(), Signal(), Signal()
        m.d.comb += [
            failed.eq(Mux(fresh, self.raise_.overflow, kept)),
            place.eq(~told | answers.i.ready),
            self.raise_.valid.eq(raises & place),
            settled.eq(held & place & (~raises | self.raise_.ready)),
            free.eq(~held | settled),
            self.completed.ready.eq(free),
            self.packet.ready.eq(free & ~self.completed.valid),
            self.raise_.semaphore.eq(item.to.tag),
            self.raise_.amount.eq(item.amount),
        ]
        m.d.sync += [fresh.eq(settled & raises), kept.eq(failed)]
        with m.If(place):
            m.d.sync += [told.eq(settled), gone.eq(item), kept.eq(0)]
        with m.If(free):
            effect, some = Signal(EFFECT), self.completed.valid | self.packet.valid
            m.d.comb += effect.eq(Mux(self.completed.valid, self.completed.payload, self.packet.payload))
            m.d.sync += [held.eq(some), item.eq(effect), raises.eq(some & effect.raises)]
        answer = answers.i.payload
        m.d.comb += [
            answers.i.valid.eq(told & (gone.respond | failed)),
            answer.to.eq(gone.to),
            answer.kind.eq(Mux(failed, PacketKind.ERROR, PacketKind.ACK)),
            answer.payload.eq(Mux(failed, refusal(Fault.SEMAPHORE, gone.address), 0)),
        ]
        return m
