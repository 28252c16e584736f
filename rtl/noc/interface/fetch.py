"""Commands in order, each with the line that its words come from."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import PAYLOAD_BITS
from golden.arch.sram import LINE_WORDS
from rtl.common.delay import delay
from rtl.common.network_ports import COMMAND, Commands, NetOp
from rtl.mem.ports import LineRead

DEPTH = 16
"""Commands under way, a power of two: as many as the SRAM takes cycles to answer, and some that wait for the network."""
FETCHED = data.StructLayout({"command": COMMAND, "line": PAYLOAD_BITS, "lost": LINE_WORDS})
"""A command, the line at its local address if it is a put, and which words of it cannot be corrected."""


def reads_line(command) -> Value:
    """Whether a command needs a line: the words of a put or a multicast, or a transfer."""
    return (command.op == NetOp.PUT) | (command.op == NetOp.CAST) | ((command.op == NetOp.LIST) & command.words.any())


class Fetch(wiring.Component):
    """A put asks the SRAM for its line as soon as there is a place for it; the others pass behind those before them."""

    commands: In(Commands)
    read: Out(LineRead)
    # In the order of the commands.
    o: Out(stream.Signature(FETCHED))

    def elaborate(self, platform):
        m = Module()
        tail, head, filling, told, first = (Signal(range(DEPTH), name=name) for name in ("tail", "head", "filling", "told", "first"))
        under_way, lines = Signal(range(DEPTH + 1)), Signal(range(DEPTH + 1))  # commands; lines that have come for them
        command, ret, fetched = self.commands.payload, self.read.ret, self.o.payload
        free = ~self.read.valid | self.read.ready
        push, pop = self.commands.valid & self.commands.ready, self.o.valid & self.o.ready
        reads, read = reads_line(command), reads_line(fetched.command)
        m.d.comb += [
            self.commands.ready.eq((under_way != DEPTH) & free),
            self.o.valid.eq((under_way != 0) & (~read | (lines != 0))),
        ]
        with m.If(free):
            m.d.sync += [self.read.valid.eq(push & reads), self.read.line.eq(command.local[3:])]
        # Lines come in the order of the puts; a cycle later, when they can leave, it is known which of their words are lost.
        whole = delay(m, ret.valid, 1, "whole")
        m.d.sync += [
            told.eq(filling),
            under_way.eq(under_way + push - pop),
            lines.eq(lines + ret.valid - (pop & read)),
        ]
        for pointer, moves in ((tail, push), (head, pop), (filling, ret.valid), (first, pop & read)):
            with m.If(moves):
                m.d.sync += pointer.eq(pointer + 1)
        for name, enable, into, value, out in (
            ("command", push, tail, command, head),
            ("line", ret.valid, filling, ret.data, first),
            ("lost", whole, told, ret.lost, first),
        ):
            m.submodules[f"{name}s"] = store = memory.Memory(shape=FETCHED[name].shape, depth=DEPTH, init=[])
            write, show = store.write_port(), store.read_port(domain="comb")
            m.d.comb += [write.en.eq(enable), write.addr.eq(into), write.data.eq(value), show.addr.eq(out), fetched[name].eq(show.data)]
        with m.If(whole & (told == first)):
            m.d.comb += fetched.lost.eq(ret.lost)
        return m
