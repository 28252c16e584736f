"""Event counters of 48 bits (golden.arch.memmap.Counter): what happened, and in which cycle a few things first or last did.

Counting runs one cycle behind the events, in all counters alike, so that a line of eight is a consistent picture.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import Counter
from rtl.common.host_ports import COUNTER_BITS, Activity, CounterLine, LinkEvents
from rtl.common.select import by_number
from rtl.core.interfaces import WAIT_CAUSES, FrontEvents, ScalarEvents, StoreEvents, ThreadEvents, VectorEvents
from rtl.core.thread.csr import CounterRead
from rtl.mem.ports import ConflictCount, Corrected

Events = data.StructLayout({
    "matrix_step": 1,
    "matrix_wait": WAIT_CAUSES,
    "retired_front": 6,
    "retired_scalar": 2,
    "retired_vector_memory": 2,
    "simd_issue": 1,
    "conflicts": 6,
    "store_beat": 1,
    "corrected": 5,
    "packet_in": 1,
    "packet_out": 1,
    "parity_errors": 2,
    "fetch_miss": 1,
    "redirect": 3,
    "first_start": 1,
})
"""What happened in a cycle, of all units."""

class Counters(wiring.Component):
    """All counters."""

    front_events: In(FrontEvents)
    thread_events: In(ThreadEvents)
    scalar_events: In(ScalarEvents)
    vector_events: In(VectorEvents)
    store_events: In(StoreEvents)
    corrected: In(Corrected)
    conflicts: In(ConflictCount)
    link_events: In(LinkEvents)
    # Counters are as they were at the end of the previous cycle but one: flip-flops, then a multiplexer.
    read: In(CounterRead)
    line: In(CounterLine)
    activity: Out(Activity)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counters = [Signal(COUNTER_BITS, name=counter.name.lower()) for counter in Counter]
        # After reset there is nothing to multiply: of every cycle that is counted, one cause or a step is.
        events = Signal(Events, init={"matrix_wait": 1 << Counter.MATRIX_IDLE - Counter.MATRIX_WAIT_LOAD})
        stepped = Signal()
        self._gather(m, events)
        amounts = {
            Counter.CYCLES: 1,
            Counter.MATRIX_STEPS: events.matrix_step,
            Counter.RETIRED_FRONT: events.retired_front,
            Counter.RETIRED_SCALAR: events.retired_scalar,
            Counter.RETIRED_VECTOR_MEMORY: events.retired_vector_memory,
            Counter.RETIRED_SIMD: events.simd_issue,
            Counter.RETIRED_MATRIX: events.matrix_step,
            Counter.SIMD_BUSY: events.simd_issue,
            Counter.SRAM_CONFLICTS: events.conflicts,
            Counter.STORE_BEATS: events.store_beat,
            Counter.ECC_CORRECTED: events.corrected,
            Counter.PACKETS_IN: events.packet_in,
            Counter.PACKETS_OUT: events.packet_out,
            Counter.PARITY_ERRORS: events.parity_errors,
            Counter.FETCH_MISSES: events.fetch_miss,
            Counter.REDIRECTS: events.redirect,
        }
        for bit, counter in enumerate(range(Counter.MATRIX_WAIT_LOAD, Counter.MATRIX_IDLE + 1)):
            amounts[Counter(counter)] = events.matrix_wait[bit]
        moments = {  # counters that hold the cycle of an event
            Counter.FIRST_STEP: events.matrix_step & ~stepped,
            Counter.LAST_STEP: events.matrix_step,
            Counter.START_CYCLE: events.first_start,
            Counter.LAST_STORE: events.store_beat,
        }
        if silent := [counter.name for counter in Counter if counter not in amounts and counter not in moments]:
            raise ValueError(f"rtl/core/thread/counters.py: nothing counts {', '.join(silent)}: give it an amount or a moment")
        for counter, amount in amounts.items():
            m.d.sync += counters[counter].eq(counters[counter] + amount)
        for counter, happens in moments.items():
            with m.If(happens):
                m.d.sync += counters[counter].eq(counters[Counter.CYCLES])
        # A step in the cycle of a start counts as before it.
        m.d.sync += stepped.eq((stepped | events.matrix_step) & ~events.first_start)
        with m.If(self.read.clear):
            m.d.sync += [stepped.eq(0), *(counter.eq(0) for counter in counters)]

        lines = [counters[at : at + len(self.line.values)] for at in range(0, len(counters), len(self.line.values))]
        m.d.comb += [
            self.read.value.eq(by_number(m, self.read.index, counters, "indexed")),
            self.read.cycles.eq(counters[Counter.CYCLES]),
        ]
        with m.Switch(self.line.line):
            for number, line in enumerate(lines):
                with m.Case(number):
                    m.d.comb += self.line.values.eq(Cat(line))
        return m

    def _gather(self, m: Module, events: Signal) -> None:
        front, vector, link = self.front_events, self.vector_events, self.link_events
        m.d.sync += [
            events.matrix_step.eq(vector.matrix_step),
            events.matrix_wait.eq(vector.matrix_wait),
            events.retired_front.eq(front.retired + self.thread_events.ended),
            events.retired_scalar.eq(self.scalar_events.retired),
            events.retired_vector_memory.eq(self.scalar_events.retired_vector_memory),
            events.simd_issue.eq(vector.simd_issue),
            events.conflicts.eq(self.conflicts.count),
            events.store_beat.eq(self.store_events.beat),
            events.corrected.eq(self.corrected.count),
            events.packet_in.eq(link.packet_in.valid),
            events.packet_out.eq(link.packet_out.valid),
            events.parity_errors.eq(link.parity_errors),
            events.fetch_miss.eq(front.fetch_miss),
            events.redirect.eq(front.redirect),
            events.first_start.eq(link.first_start.valid),
        ]
        retired = front.retired.any() | self.thread_events.ended.any()
        moved = vector.matrix_step | vector.simd_issue | self.store_events.beat | link.packet_in.valid | link.packet_out.valid
        m.d.comb += self.activity.busy.eq(front.dispatched | retired | moved)
