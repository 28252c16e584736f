"""Answers leave one a cycle."""

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.arbiter import round_robin
from rtl.common.host_ports import Place
from rtl.common.select import by_number
from rtl.common.stream import Queue
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
                # The source of every answer.
                "place": In(Place),
                "o": Out(stream.Signature(PACKET)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = Queue(PACKET, DEPTH)
        asking = Cat(source.valid for source in self.i)
        chosen = round_robin(m, asking, queue.i.ready, init=1 % self.sources)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        item, answer = queue.i.payload, by_number(m, chosen, [source.payload for source in self.i], "answer")
        m.d.comb += [
            queue.i.valid.eq(asking.any()),
            *(source.ready.eq(queue.i.ready & (chosen == number)) for number, source in enumerate(self.i)),
        ]
        m.d.comb += [
            item.channel.eq(answer.to.channel),
            *(item[name].eq(answer.to.x) for name in ("x", "far_x")),
            *(item[name].eq(answer.to.y) for name in ("y", "far_y")),
            item.header.kind.eq(answer.kind),
            item.header.source_x.eq(self.place.x),
            item.header.source_y.eq(self.place.y),
            item.header.tag.eq(answer.to.tag),
            item.header.sequence.eq(answer.to.sequence),
            item.payload.eq(answer.payload),
        ]
        return m
