"""Raises on their way to the semaphores, one at a time."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import SEMAPHORE_BITS
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import PC_BITS, StoreKind, StoreSteer
from rtl.core.memory.store_queue import OneStart, Tokens
from rtl.core.trace import TraceStore


class Raises(wiring.Component):
    """The one under way."""

    tokens: In(Tokens)
    starts: In(OneStart)
    steer: Out(StoreSteer)
    # The semaphores take it; the slot of its entry.
    taken: Out(1)
    slot: Out(2)
    trace: Out(TraceStore)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        token, up, under_way, seq = self.tokens.token, self.steer.up, Signal(), Signal(SEQ_BITS)
        at, issue = token.at, token.issue
        m.d.comb += [
            self.taken.eq(up.valid & up.ready),
            self.starts.room.eq(~under_way & ~self.starts.count),
            self.trace.valid.eq(self.taken),
            self.trace.thread.eq(self.steer.thread),
            self.trace.seq.eq(seq),
            self.trace.kind.eq(StoreKind.RAISE),
            self.trace.data.eq(Cat(up.amount, up.semaphore)),
        ]
        with m.If(self.starts.count):
            m.d.sync += under_way.eq(1)
        with m.Elif(self.taken):
            m.d.sync += under_way.eq(0)
        with m.If(at.valid & (issue.kind == StoreKind.RAISE)):
            m.d.sync += [
                up.valid.eq(1),
                up.amount.eq(issue.value[:SEMAPHORE_BITS]),
                up.semaphore.eq(issue.value[SEMAPHORE_BITS : SEMAPHORE_BITS + 6]),
                self.steer.thread.eq(at.thread),
                self.steer.pc.eq(issue.value[32 : 32 + PC_BITS]),
                self.slot.eq(at.slot),
                seq.eq(issue.seq),
            ]
        with m.Elif(self.taken):
            m.d.sync += up.valid.eq(0)
        return m
