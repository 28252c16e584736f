"""READs of SRAM: under way they remember whom to answer, and their data waits in a buffer that has room for all of them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.mem.ports import LineRead
from rtl.noc.endpoint.layouts import ANSWER, LOAD, RETURN
from rtl.noc.layouts import PacketKind

DEPTH = 8
"""Reads whose answers may be under way."""


class Reads(wiring.Component):
    """Answers in the order of the requests."""

    i: In(stream.Signature(LOAD))
    # The request to the SRAM's read port has been taken, or is in this cycle; the same of the write port. Requests reach the SRAM in order.
    free: Out(1)
    after: In(1)
    read: Out(LineRead)
    answer: Out(stream.Signature(ANSWER))

    def elaborate(self, platform):
        m = Module()
        m.submodules.askers = askers = memory.Memory(shape=RETURN, depth=DEPTH, init=[])
        m.submodules.lines = lines = memory.Memory(shape=512, depth=DEPTH, init=[])
        asker_write, line_write = askers.write_port(), lines.write_port()
        asker_read, line_read = askers.read_port(domain="comb"), lines.read_port(domain="comb")
        tail, arrived, head = Signal(range(DEPTH)), Signal(range(DEPTH)), Signal(range(DEPTH))
        under_way, present = Signal(range(DEPTH + 1)), Signal(range(DEPTH + 1))
        push, pop = self.i.valid & self.i.ready, self.answer.valid & self.answer.ready
        m.d.comb += [
            self.free.eq(~self.read.valid | self.read.ready),
            self.i.ready.eq(self.free & self.after & (under_way != DEPTH)),
            asker_write.en.eq(push),
            asker_write.addr.eq(tail),
            asker_write.data.eq(self.i.payload.to),
            line_write.en.eq(self.read.ret.valid),
            line_write.addr.eq(arrived),
            line_write.data.eq(self.read.ret.data),
            asker_read.addr.eq(head),
            line_read.addr.eq(head),
            self.answer.valid.eq(present != 0),
            self.answer.payload.to.eq(asker_read.data),
            self.answer.payload.kind.eq(PacketKind.READ_DATA),
            self.answer.payload.payload.eq(line_read.data),
        ]
        with m.If(self.free):
            m.d.sync += [self.read.valid.eq(push), self.read.line.eq(self.i.payload.line)]
        m.d.sync += [
            tail.eq(tail + push),
            arrived.eq(arrived + self.read.ret.valid),
            head.eq(head + pop),
            under_way.eq(under_way + push - pop),
            present.eq(present + self.read.ret.valid - pop),
        ]
        return m
