"""READs of control lines: the identity of the node, the status of a thread, eight counters."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import memmap
from golden.arch.config import NodeConfig
from golden.arch.isa import THREADS
from golden.arch.memmap import ControlLine
from rtl.common.host_ports import STATUS, CounterLine, Place
from rtl.noc.endpoint.layouts import REPLY, status_line
from rtl.noc.layouts import PACKET, PacketKind


class ControlLines(wiring.Component):
    """One READ at a time; the counters come two cycles after they were asked for.

    Parameters
    ----------
    config : NodeConfig
        Sizes that the identity line shows.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        super().__init__(
            {
                # A READ of a line that exists.
                "request": In(stream.Signature(PACKET)),
                "reply": Out(stream.Signature(REPLY)),
                # Of the thread that the request's line is about.
                "shown": In(STATUS),
                # As in Endpoint.
                "line": Out(CounterLine),
                "place": In(Place),
            }
        )

    def elaborate(self, platform):
        m = Module()
        line, reply = self.request.payload.header.address[6:16], self.reply.payload

        def words(values) -> list:
            return [reply.payload.word_select(index, 64).eq(word) for index, word in enumerate(values)]

        m.d.comb += reply.kind.eq(PacketKind.READ_DATA)
        with m.If(line >= ControlLine.COUNTERS):
            m.d.comb += words(self.line.values)
        with m.Elif(line >= ControlLine.STATUS):
            m.d.comb += reply.payload.eq(status_line(self.shown))
        with m.Else():
            identity = (memmap.VERSION, self.config.sram_bytes, self.place.x, self.place.y, THREADS)
            m.d.comb += words(identity)
        with m.FSM():
            with m.State("ASK"):
                with m.If(self.request.valid):
                    m.d.sync += self.line.line.eq(line)
                    m.next = "LOOK"
            with m.State("LOOK"):
                m.next = "LOOKED"
            with m.State("LOOKED"):
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [self.reply.valid.eq(1), self.request.ready.eq(self.reply.ready)]
                with m.If(self.reply.ready):
                    m.next = "ASK"
        return m
