"""WRITEs: under way to the SRAM they remember what is left to do when their data is there."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import LINE_BITS
from rtl.mem.ports import LineWrite
from rtl.noc.endpoint.layouts import EFFECT, RETURN, STORE

DEPTH = 16
"""Writes that may wait for their completion."""
_PENDING = data.StructLayout({"to": RETURN, "respond": 1, "notify": 1, "word": 3, "line": LINE_BITS})


class Writes(wiring.Component):
    """Completes in the order of the requests."""

    i: In(stream.Signature(STORE))
    # The request to the SRAM's write port has been taken, or is in this cycle; the same of the read port. Requests reach the SRAM in order.
    free: Out(1)
    after: In(1)
    write: Out(LineWrite)
    # Writes whose data is in SRAM.
    completed: Out(stream.Signature(EFFECT))

    def elaborate(self, platform):
        m = Module()
        m.submodules.writers = writers = memory.Memory(shape=_PENDING, depth=DEPTH, init=[])
        write, read = writers.write_port(), writers.read_port(domain="comb")
        tail, head = Signal(range(DEPTH)), Signal(range(DEPTH))
        under_way, complete = Signal(range(DEPTH + 1)), Signal(range(DEPTH + 1))
        push, pop = self.i.valid & self.i.ready, self.completed.valid & self.completed.ready
        item, entry, left = self.i.payload, read.data, self.completed.payload
        m.d.comb += [
            self.free.eq(~self.write.valid | self.write.ready),
            self.i.ready.eq(self.free & self.after & (under_way != DEPTH)),
            write.en.eq(push),
            write.addr.eq(tail),
            write.data.to.eq(item.to),
            write.data.respond.eq(item.respond),
            write.data.notify.eq(item.notify),
            write.data.word.eq(item.word),
            write.data.line.eq(item.line),
            read.addr.eq(head),
            self.completed.valid.eq(complete != 0),
            left.to.eq(entry.to),
            left.respond.eq(entry.respond),
            left.raises.eq(entry.notify),
            left.amount.eq(1),
            left.address.eq(Cat(Const(0, 3), entry.word, entry.line)),
        ]
        with m.If(self.free):
            m.d.sync += [
                self.write.valid.eq(push),
                self.write.line.eq(item.line),
                self.write.strobe.eq(item.strobe),
                self.write.data.eq(item.data),
            ]
        m.d.sync += [
            tail.eq(tail + push),
            head.eq(head + pop),
            under_way.eq(under_way + push - pop),
            complete.eq(complete + self.write.done.valid - pop),
        ]
        return m
