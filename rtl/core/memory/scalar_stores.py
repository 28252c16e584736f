"""Scalar stores between their start and the SRAM, first in, first out."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import THREAD_BITS, StoreKind
from rtl.core.memory.store_queue import OneStart, Tokens
from rtl.core.trace import TraceStore
from rtl.mem import ports

DEPTH = 4
Scalar = data.StructLayout({"addr": WORD_ADDRESS_BITS, "data": 64, "strobe": 8, "slot": 2, "thread": THREAD_BITS, "seq": SEQ_BITS})


class ScalarStores(wiring.Component):
    """The queue."""

    tokens: In(Tokens)
    starts: In(OneStart)
    ss: Out(ports.ScalarStore)
    # A store that the SRAM takes.
    trace: Out(TraceStore)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.scalars = scalars = memory.Memory(shape=Scalar, depth=DEPTH, init=[])
        into, out = scalars.write_port(), scalars.read_port(domain="comb")
        first, end, level = Signal(range(DEPTH)), Signal(range(DEPTH)), Signal(range(DEPTH + 1))
        places = Signal(range(DEPTH + 1), init=DEPTH)
        token, head, taken = self.tokens.token, out.data, Signal()
        at, issue, place = token.at, token.issue, token.place
        m.d.comb += [
            into.en.eq(at.valid & (issue.kind == StoreKind.SCALAR)),
            into.addr.eq(end),
            into.data.addr.eq(place.base),
            into.data.data.eq(issue.value),
            into.data.strobe.eq(place.strobe[:8]),
            into.data.slot.eq(at.slot),
            into.data.thread.eq(at.thread),
            into.data.seq.eq(issue.seq),
            out.addr.eq(first),
            self.ss.valid.eq(level != 0),
            self.ss.addr.eq(head.addr),
            self.ss.data.eq(head.data),
            self.ss.strobe.eq(head.strobe),
            self.ss.tag.eq(Cat(head.slot, head.thread)),
            taken.eq(self.ss.valid & self.ss.ready),
            self.starts.room.eq(places > self.starts.count),
            self.trace.valid.eq(taken),
            self.trace.thread.eq(head.thread),
            self.trace.seq.eq(head.seq),
            self.trace.kind.eq(StoreKind.SCALAR),
            self.trace.addr[0].eq(head.addr),
            self.trace.strobe.eq(head.strobe),
            self.trace.data.eq(head.data),
        ]
        m.d.sync += [
            end.eq(end + into.en),
            first.eq(first + taken),
            level.eq(level + into.en - taken),
            places.eq(places + taken - self.starts.count),
        ]
        return m
