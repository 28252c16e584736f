"""WRITEs: under way to the SRAM they remember what is left to do when their data is there."""

from amaranth.hdl import Cat, Const, Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import LINE_BITS
from rtl.common.pending import Pending
from rtl.mem.ports import LineWrite
from rtl.noc.endpoint.layouts import EFFECT, RETURN, STORE, PortFree

DEPTH = 16
"""Writes that may wait for their completion."""
_PENDING = data.StructLayout({"to": RETURN, "respond": 1, "notify": 1, "word": 3, "line": LINE_BITS})


class Writes(wiring.Component):
    """Completes in the order of the requests."""

    i: In(stream.Signature(STORE))
    own: Out(PortFree)
    other: In(PortFree)
    write: Out(LineWrite)
    # Writes whose data is in SRAM.
    completed: Out(stream.Signature(EFFECT))

    def elaborate(self, platform):
        m = Module()
        m.submodules.writers = writers = Pending(_PENDING, DEPTH)
        item, asked, entry, left = self.i.payload, writers.i.payload, writers.o.payload, self.completed.payload
        m.d.comb += [
            self.own.free.eq(~self.write.valid | self.write.ready),
            self.i.ready.eq(self.own.free & self.other.free & writers.i.ready),
            writers.i.valid.eq(self.i.valid & self.own.free & self.other.free),
            writers.done.eq(self.write.done.valid),
            *(asked[name].eq(item[name]) for name, _ in _PENDING),
            self.completed.valid.eq(writers.o.valid),
            writers.o.ready.eq(self.completed.ready),
            left.to.eq(entry.to),
            left.respond.eq(entry.respond),
            left.raises.eq(entry.notify),
            left.amount.eq(1),
            left.address.eq(Cat(Const(0, 3), entry.word, entry.line)),
        ]
        with m.If(self.own.free):
            m.d.sync += [
                self.write.valid.eq(self.i.valid & self.i.ready),
                self.write.line.eq(item.line),
                self.write.strobe.eq(item.strobe),
                self.write.data.eq(item.data),
            ]
        return m
