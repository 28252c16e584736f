"""READs of SRAM: under way they remember whom to answer, and their data waits in a buffer that has room for all of them.

    read.ret --> lines [a cycle later: lost?] --> answer: the line, or the error when a word that was asked for is lost
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import Fault
from golden.arch.sram import LINE_WORDS
from rtl.mem.ports import LineRead
from rtl.noc.endpoint.layouts import ANSWER, LOAD, refusal
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
        m.submodules.askers = askers = memory.Memory(shape=LOAD, depth=DEPTH, init=[])
        m.submodules.lines = lines = memory.Memory(shape=512, depth=DEPTH, init=[])
        asker_write, line_write = askers.write_port(), lines.write_port()
        asker_read, line_read = askers.read_port(domain="comb"), lines.read_port(domain="comb")
        m.submodules.lost = lost = memory.Memory(shape=LINE_WORDS, depth=DEPTH, init=[])
        lost_write, lost_read = lost.write_port(), lost.read_port(domain="comb")
        tail, arrived, head = Signal(range(DEPTH)), Signal(range(DEPTH)), Signal(range(DEPTH))
        under_way, present = Signal(range(DEPTH + 1)), Signal(range(DEPTH + 1))
        whole, told = Signal(), Signal(range(DEPTH))  # a line came in the previous cycle, and where; its lost words are told
        push, pop = self.i.valid & self.i.ready, self.answer.valid & self.answer.ready
        asker = asker_read.data
        m.d.comb += [
            self.free.eq(~self.read.valid | self.read.ready),
            self.i.ready.eq(self.free & self.after & (under_way != DEPTH)),
            asker_write.en.eq(push),
            asker_write.addr.eq(tail),
            asker_write.data.eq(self.i.payload),
            line_write.en.eq(self.read.ret.valid),
            line_write.addr.eq(arrived),
            line_write.data.eq(self.read.ret.data),
            asker_read.addr.eq(head),
            line_read.addr.eq(head),
            self.answer.valid.eq(present != 0),
            lost_write.en.eq(whole),
            lost_write.addr.eq(told),
            lost_write.data.eq(self.read.ret.lost),
            lost_read.addr.eq(head),
            self.answer.payload.to.eq(asker.to),
            self.answer.payload.kind.eq(PacketKind.READ_DATA),
            self.answer.payload.payload.eq(line_read.data),
        ]
        with m.If((lost_read.data & asker.strobe).any()):
            m.d.comb += [
                self.answer.payload.kind.eq(PacketKind.ERROR),
                self.answer.payload.payload.eq(refusal(Const(Fault.ECC, 4), Cat(Const(0, 3), asker.word, asker.line))),
            ]
        with m.If(self.free):
            m.d.sync += [self.read.valid.eq(push), self.read.line.eq(self.i.payload.line)]
        m.d.sync += [
            tail.eq(tail + push),
            arrived.eq(arrived + self.read.ret.valid),
            head.eq(head + pop),
            under_way.eq(under_way + push - pop),
            whole.eq(self.read.ret.valid),
            told.eq(arrived),
            present.eq(present + whole - pop),
        ]
        return m
