"""The end of WRITE and RAISE: the semaphore, then the acknowledgement, or the error when the semaphore would overflow.

::

    completed writes --+--> [effect, raise_] --> [answer]
    RAISE packets -----+

One a cycle when the semaphores take one a cycle. Writes go first; a RAISE that waits keeps new writes from being served, so it waits
for those under way and no more.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import Fault
from rtl.common.host_ports import Raise
from rtl.common.stream import Buffer
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
        m.submodules.answers = answers = Buffer(ANSWER)
        wiring.connect(m, answers.o, wiring.flipped(self.answer))
        held, item = Signal(), Signal(EFFECT)
        overflowed = Signal()  # of an effect whose raise was taken, but whose answer has no place yet
        failed, settled, says = Signal(), Signal(), Signal()
        leave, free = Signal(), Signal()
        m.d.comb += [
            failed.eq(Mux(self.raise_.valid, self.raise_.overflow, overflowed)),
            settled.eq(held & (~self.raise_.valid | self.raise_.ready)),
            says.eq(item.respond | failed),
            leave.eq(settled & (answers.i.ready | ~says)),
            free.eq(~held | leave),
            self.completed.ready.eq(free),
            self.packet.ready.eq(free & ~self.completed.valid),
            self.raise_.semaphore.eq(item.to.tag),
            self.raise_.amount.eq(item.amount),
        ]
        with m.If(self.raise_.valid & self.raise_.ready):
            m.d.sync += [self.raise_.valid.eq(0), overflowed.eq(self.raise_.overflow)]
        with m.If(free):
            effect, some = Signal(EFFECT), self.completed.valid | self.packet.valid
            m.d.comb += effect.eq(Mux(self.completed.valid, self.completed.payload, self.packet.payload))
            m.d.sync += [held.eq(some), item.eq(effect), self.raise_.valid.eq(some & effect.raises), overflowed.eq(0)]
        answer = answers.i.payload
        m.d.comb += [
            answers.i.valid.eq(settled & says),
            answer.to.eq(item.to),
            answer.kind.eq(Mux(failed, PacketKind.ERROR, PacketKind.ACK)),
            answer.payload.eq(Mux(failed, refusal(Fault.SEMAPHORE, item.address), 0)),
        ]
        return m
