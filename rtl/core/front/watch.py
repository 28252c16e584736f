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
    config : groups of a cycle, and their slots.
    trace : with the trace port.
    """

    def __init__(self, config: NodeConfig, trace: bool) -> None:
        self._width, self._groups, self._trace_on = config.dispatch_width, config.dispatch_threads, trace
        of_groups = {
            "chosen": Chosen,
            "dispatched": Dispatched,
            "left": left(self._width),
            "scalar": scalar_pushes(config),
            "vector": vector_pushes(config),
        }
        super().__init__(
            {name: In(signature).array(self._groups) for name, signature in of_groups.items()}
            | {"fetch_events": In(FetchEvents), "events": Out(FrontEvents)}
            # Instructions of each group in program order.
            | ({"trace": Out(records(TraceDispatch, self._groups * self._width))} if trace else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        events, queued, retired, redirected = self.events, [], [], []
        for k, dispatched in enumerate(self.dispatched):
            group, slots = dispatched.group, (*self.scalar[k].slot, *self.vector[k].slot)
            count, ended = Signal(range(self._width + 1), name=f"queued_{k}"), Signal(range(self._width + 1), name=f"ended_{k}")
            m.d.comb += [
                count.eq(sum(slot.valid for slot in slots)),
                ended.eq(Mux(group.valid & ~group.waits, group.count - count, 0)),
            ]
            queued.append(count != 0)
            retired.append(ended)
            redirected.append(Cat(group.flow == kind for kind in REDIRECTS).any())
        m.d.sync += [
            events.fetch_miss.eq(self.fetch_events.miss),
            events.dispatched.eq(Cat(queued).any()),
            events.retired.eq(sum(retired)),
            events.redirect.eq(sum(redirected)),
        ]
        if self._trace_on:
            for k in range(self._groups):
                self._trace(m, k)
        return m

    def _trace(self, m: Module, k: int) -> None:
        group, chosen, gone = self.dispatched[k].group, self.chosen[k], self.left[k]
        where, counted = chosen.context.where, chosen.context.counted
        for i, record in enumerate(self.trace.record[k * self._width : (k + 1) * self._width]):
            m.d.sync += [
                record.valid.eq(gone.go[i] & ~group.waits),
                record.thread.eq(chosen.thread),
                record.seq.eq(counted.seq + i),
                record.pc.eq(where.pc + i),
                record.word.eq(gone.words[i]),
                record.executed.eq(gone.on[i]),
                record.result.eq(group.logic & (group.flow == Flow.LOGIC)),
            ]
