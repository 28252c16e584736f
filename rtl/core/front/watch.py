"""What others see of dispatch, a cycle later: events for the counters, and the trace."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.classes import Flow
from golden.arch.config import NodeConfig
from rtl.core.front.parts import Chosen, FetchEvents, left
from rtl.core.groups import Dispatched
from rtl.core.interfaces import FrontEvents, scalar_pushes, vector_pushes
from rtl.core.trace import TraceDispatch, records

REDIRECTS = (Flow.BR, Flow.CALL, Flow.JUMP)


class Watch(wiring.Component):
    """The watch.

    Parameters
    ----------
    config : width.
    trace : with the trace port.
    """

    def __init__(self, config: NodeConfig, trace: bool) -> None:
        self._width, self._trace_on = config.dispatch_width, trace
        super().__init__(
            {
                "chosen": In(Chosen),
                "dispatched": In(Dispatched),
                "left": In(left(self._width)),
                "scalar": In(scalar_pushes(config)),
                "vector": In(vector_pushes(config)),
                "fetch_events": In(FetchEvents),
                "events": Out(FrontEvents),
            }
            # A group's instructions in program order.
            | ({"trace": Out(records(TraceDispatch, self._width))} if trace else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        group, events, slots = self.dispatched.group, self.events, range(self._width)
        queued = Signal(range(self._width + 1))
        m.d.comb += queued.eq(sum(self.scalar.slot[i].valid + self.vector.slot[i].valid for i in slots))
        m.d.sync += [
            events.fetch_miss.eq(self.fetch_events.miss),
            events.dispatched.eq(queued != 0),
            events.retired.eq(Mux(group.valid & ~group.waits, group.count - queued, 0)),
            events.redirect.eq(Cat(group.flow == kind for kind in REDIRECTS).any()),
        ]
        if self._trace_on:
            self._trace(m)
        return m

    def _trace(self, m: Module) -> None:
        group, where, counted = self.dispatched.group, self.chosen.context.where, self.chosen.context.counted
        for i, record in enumerate(self.trace.record):
            m.d.sync += [
                record.valid.eq(self.left.go[i] & ~group.waits),
                record.thread.eq(self.chosen.thread),
                record.seq.eq(counted.seq + i),
                record.pc.eq(where.pc + i),
                record.word.eq(self.left.words[i]),
                record.executed.eq(self.left.on[i]),
                record.result.eq(group.logic & (group.flow == Flow.LOGIC)),
            ]
