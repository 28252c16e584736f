"""Event counters of 48 bits (golden.arch.memmap.Counter): what happened, and in which cycle a few things first or last did.

Counting runs one cycle behind the events, in all counters alike, so that a line of eight is a consistent picture.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import COUNTER_LINES, Counter

COUNTER_BITS = 48
LINE = 8
LINES = COUNTER_LINES

Events = data.StructLayout({
    "matrix_step": 1,  # a step or accumulator load issued
    "matrix_wait": 6,  # otherwise why not: one bit, MATRIX_WAIT_LOAD first, MATRIX_IDLE last
    "retired_front": 3,  # instructions that ended in the front end in this cycle
    "retired_simd": 1,
    "retired_matrix": 1,
    "simd_busy": 1,
    "conflicts": 6,
    "store_beat": 1,  # a beat was written
    "corrected": 5,  # words
    "packet_in": 1,
    "packet_out": 1,
    "fetch_miss": 1,
    "redirect": 1,
    "first_start": 1,  # a start packet was accepted while no thread ran
})


class Counters(wiring.Component):
    """All counters."""

    events: In(Events)
    # Of the scalar unit: instructions finished, without and with vector memory.
    retired_scalar: In(2)
    retired_vector_memory: In(2)
    # Every counter to 0.
    clear: In(1)
    # Line n: counters 8 n to 8 n + 7 at the end of the previous cycle but one; flip-flops, then a multiplexer.
    line: In(range(LINES))
    values: Out(data.ArrayLayout(COUNTER_BITS, LINE))
    # Counter `index`, likewise.
    index: In(range(len(Counter)))
    value: Out(COUNTER_BITS)
    # CYCLES.
    cycles: Out(COUNTER_BITS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counters = [Signal(COUNTER_BITS, name=counter.name.lower()) for counter in Counter]
        # After reset there is nothing to multiply: of every cycle that is counted, one cause or a step is.
        events = Signal(Events, init={"matrix_wait": 1 << Counter.MATRIX_IDLE - Counter.MATRIX_WAIT_LOAD})
        scalar, memory_ops, stepped = Signal(2), Signal(2), Signal()
        m.d.sync += [events.eq(self.events), scalar.eq(self.retired_scalar), memory_ops.eq(self.retired_vector_memory)]
        amounts = {
            Counter.CYCLES: 1,
            Counter.MATRIX_STEPS: events.matrix_step,
            Counter.RETIRED_FRONT: events.retired_front,
            Counter.RETIRED_SCALAR: scalar,
            Counter.RETIRED_VECTOR_MEMORY: memory_ops,
            Counter.RETIRED_SIMD: events.retired_simd,
            Counter.RETIRED_MATRIX: events.retired_matrix,
            Counter.SIMD_BUSY: events.simd_busy,
            Counter.SRAM_CONFLICTS: events.conflicts,
            Counter.STORE_BEATS: events.store_beat,
            Counter.ECC_CORRECTED: events.corrected,
            Counter.PACKETS_IN: events.packet_in,
            Counter.PACKETS_OUT: events.packet_out,
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
        with m.If(self.clear):
            m.d.sync += [stepped.eq(0), *(counter.eq(0) for counter in counters)]

        with m.Switch(self.index):
            for number, counter in enumerate(counters):
                with m.Case(number):
                    m.d.comb += self.value.eq(counter)
        with m.Switch(self.line):
            for line in range(LINES):
                with m.Case(line):
                    m.d.comb += self.values.eq(Cat(counters[LINE * line : LINE * (line + 1)]))
        m.d.comb += self.cycles.eq(counters[Counter.CYCLES])
        return m
