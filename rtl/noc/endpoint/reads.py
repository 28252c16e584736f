"""READs of SRAM: under way they remember whom to answer, and their data waits in a buffer that has room for all of them.

    read.ret --> lines [a cycle later: lost?] --> answer: the line, or the error when a word that was asked for is lost
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import Fault
from golden.arch.packet import PAYLOAD_BITS
from golden.arch.sram import LINE_WORDS
from rtl.common.delay import delay
from rtl.common.pending import Pending
from rtl.mem.ports import LineRead
from rtl.noc.endpoint.layouts import ANSWER, LOAD, PortFree, refusal
from rtl.noc.layouts import PacketKind

DEPTH, NETWORKED_DEPTH = 8, 16
"""Reads whose answers may be under way. Each takes ten cycles: among nodes one can come in every cycle."""


class Reads(wiring.Component):
    """Answers in the order of the requests.

    Parameters
    ----------
    depth : int
        Reads whose answers may be under way, a power of two.
    """

    i: In(stream.Signature(LOAD))
    own: Out(PortFree)
    other: In(PortFree)
    read: Out(LineRead)
    answer: Out(stream.Signature(ANSWER))

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.askers = askers = Pending(LOAD, self._depth)
        asker, ret = askers.o.payload, self.read.ret
        m.d.comb += [
            self.own.free.eq(~self.read.valid | self.read.ready),
            self.i.ready.eq(self.own.free & self.other.free & askers.i.ready),
            askers.i.valid.eq(self.i.valid & self.own.free & self.other.free),
            askers.i.payload.eq(self.i.payload),
        ]
        with m.If(self.own.free):
            m.d.sync += [self.read.valid.eq(self.i.valid & self.i.ready), self.read.line.eq(self.i.payload.line)]

        # A line comes, and in the next cycle which of its words are lost.
        arrived = Signal(range(self._depth))
        m.d.sync += arrived.eq(arrived + ret.valid)
        whole, place = delay(m, ret.valid, 1, "whole"), delay(m, arrived, 1, "told")
        line = self._kept(m, "lines", PAYLOAD_BITS, (ret.valid, arrived, ret.data), askers.place)
        lost = self._kept(m, "lost", LINE_WORDS, (whole, place, ret.lost), askers.place)
        m.d.comb += [
            askers.done.eq(whole),
            self.answer.valid.eq(askers.o.valid),
            askers.o.ready.eq(self.answer.ready),
            self.answer.payload.to.eq(asker.to),
            self.answer.payload.kind.eq(PacketKind.READ_DATA),
            self.answer.payload.payload.eq(line),
        ]
        with m.If((lost & asker.strobe).any()):
            m.d.comb += [
                self.answer.payload.kind.eq(PacketKind.ERROR),
                self.answer.payload.payload.eq(refusal(Const(Fault.ECC, 4), Cat(Const(0, 3), asker.word, asker.line))),
            ]
        return m

    def _kept(self, m: Module, name: str, shape: int, write: tuple, place: Signal):
        """Data kept for every asker: written at (enable, place, data), read at a place."""
        m.submodules[name] = kept = memory.Memory(shape=shape, depth=self._depth, init=[])
        into, out = kept.write_port(), kept.read_port(domain="comb")
        enable, at, value = write
        m.d.comb += [into.en.eq(enable), into.addr.eq(at), into.data.eq(value), out.addr.eq(place)]
        return out.data
