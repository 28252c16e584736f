"""Answers leave one a cycle."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from rtl.noc.endpoint.layouts import ANSWER
from rtl.noc.layouts import PACKET

DEPTH = 4
"""Answers that wait for credit."""


class Answers(wiring.Component):
    """The sources of answers in turn: none waits for ever, however often the others have something to say.

    Parameters
    ----------
    sources : int
        How many there are.
    """

    def __init__(self, sources: int) -> None:
        self.sources = sources
        super().__init__(
            {
                "i": In(stream.Signature(ANSWER)).array(sources),
                # Own coordinates, the source of every answer.
                "x": In(5),
                "y": In(5),
                "o": Out(stream.Signature(PACKET)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(width=PACKET.size, depth=DEPTH)
        last, chosen = Signal(range(self.sources)), Signal(range(self.sources))
        with m.Switch(last):
            for number in range(self.sources):
                with m.Case(number):
                    for offset in reversed(range(1, self.sources + 1)):
                        source = (number + offset) % self.sources
                        with m.If(self.i[source].valid):
                            m.d.comb += chosen.eq(source)
        item, answer = Signal(PACKET), Signal(ANSWER)
        for number in range(self.sources):
            with m.If(chosen == number):
                m.d.comb += [
                    answer.eq(self.i[number].payload),
                    queue.w_en.eq(self.i[number].valid),
                    self.i[number].ready.eq(queue.w_rdy),
                ]
        with m.If(queue.w_en & queue.w_rdy):
            m.d.sync += last.eq(chosen)
        m.d.comb += [
            item.channel.eq(answer.to.channel),
            item.x.eq(answer.to.x),
            item.y.eq(answer.to.y),
            item.header.kind.eq(answer.kind),
            item.header.source_x.eq(self.x),
            item.header.source_y.eq(self.y),
            item.header.tag.eq(answer.to.tag),
            item.header.sequence.eq(answer.to.sequence),
            item.payload.eq(answer.payload),
            queue.w_data.eq(item),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m
