"""What a core did in each cycle, as records of the trace."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.trace import Slot
from rtl.common.host_ports import LinkEvents
from rtl.core.access import ISSUE_SLOTS
from rtl.core.interfaces import FrontEvents, Life, ScalarEvents, StoreEvents, ThreadEvents, VectorEvents
from rtl.core.trace import FrontThreads, ScalarHeads, TraceCycle, TraceIssue, VectorHeads, records
from rtl.mem import ports


class CycleRecorder(wiring.Component):
    """Hears what the counters hear, and how the threads stand.

    Some units show what happens at once, others a cycle later: the record of a cycle comes out in the cycle behind it.
    """

    # At once.
    life: In(Life)
    threads: In(records(FrontThreads))
    scalar_events: In(ScalarEvents)
    store_events: In(StoreEvents)
    conflicts: In(ports.ConflictCount)
    # A cycle later.
    front_events: In(FrontEvents)
    thread_events: In(ThreadEvents)
    vector_events: In(VectorEvents)
    link_events: In(LinkEvents)
    scalar_heads: In(records(ScalarHeads))
    vector_heads: In(records(VectorHeads))
    scalar_issue: In(records(TraceIssue, ISSUE_SLOTS))
    vector_issue: In(records(TraceIssue, len(Slot) - ISSUE_SLOTS))
    # What left the queues, in the order of `Slot`; what happened in the cycle.
    issue: Out(records(TraceIssue, len(Slot)))
    cycle: Out(records(TraceCycle))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        issued = (*self.scalar_issue.record, *self.vector_issue.record)
        m.d.comb += [record.eq(each) for record, each in zip(self.issue.record, issued, strict=True)]
        cycle, links, vector = self.cycle.record[0], self.link_events, self.vector_events
        before = Signal.like(cycle)
        m.d.sync += [
            before.running.eq(self.life.running),
            before.waiting.eq(self.life.waiting),
            before.present.eq(self.threads.record[0].present),
            before.able.eq(self.threads.record[0].able),
            before.retired_scalar.eq(self.scalar_events.retired),
            before.retired_vector_memory.eq(self.scalar_events.retired_vector_memory),
            before.store_beat.eq(self.store_events.beat),
            before.conflicts.eq(self.conflicts.count),
        ]
        m.d.comb += [
            cycle.eq(before),
            cycle.valid.eq(Cat(before.running, before.store_beat, links.packet_in.valid, links.packet_out.valid).any()),
            cycle.matrix_step.eq(vector.matrix_step),
            cycle.matrix_wait.eq(vector.matrix_wait),
            cycle.simd_issue.eq(vector.simd_issue),
            cycle.retired_front.eq(self.front_events.retired + self.thread_events.ended),
            cycle.packet_in.eq(links.packet_in.valid),
            cycle.packet_out.eq(links.packet_out.valid),
            cycle.fetch_miss.eq(self.front_events.fetch_miss),
            cycle.redirect.eq(self.front_events.redirect),
            cycle.scalar.eq(self.scalar_heads.record[0]),
            cycle.vector.eq(self.vector_heads.record[0]),
        ]
        return m
