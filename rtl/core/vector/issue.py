"""Which vector instructions issue: every cycle one MATRIX and one SIMD instruction, each the oldest of its thread.

An instruction may issue when its registers have the loads that are older than it and none of them waits for a SIMD result, and
when the stores that read what it overwrites have read. SIMD instructions take turns by thread and reserve the cycle in which
their result leaves the pipe. The matrix slot goes to the highest priority that has an instruction ready, and stays with its
thread while that has one; an instruction that was ready for STARVED cycles goes before any other.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0, F1, F2, F3
from golden.arch.simd_ops import LATENCY, OCCUPANCY, SimdOp
from rtl.common.arbiter import first_from, preferred, round_robin
from rtl.common.invariant import always
from rtl.common.select import by_number
from rtl.core.interfaces import (
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    WAIT_CAUSES,
    Life,
    Settings,
    StoreProgress,
)
from rtl.core.trace import VectorHeads
from rtl.core.vector.parts import Heads, Issued, LoadState, SimdState, Take

STARVED = 512
LOAD, DRAIN, SIMD, FRONT, SYNC, IDLE = range(WAIT_CAUSES)
SHORT, LONG = LATENCY[SimdOp.FMA], LATENCY[SimdOp.RECIP]

if {*LATENCY.values()} != {SHORT, LONG} or {*OCCUPANCY.values()} != {1, 2}:
    raise ValueError("SIMD operations have other latencies than the two that issue knows, or occupy the pipe for longer")


class VectorIssue(wiring.Component):
    """The choice; combinational from the queues' heads.

    Parameters
    ----------
    trace: with the port ``told``.
    """

    def __init__(self, trace: bool = False) -> None:
        self.trace_on = trace
        members = {
            "heads": In(Heads),
            # State of the registers.
            "loads": In(LoadState),
            "pipe": In(SimdState),
            # Store positions read.
            "store_progress": In(StoreProgress),
            # Of threads that are killed nothing issues; threads that run, and those of them that wait, for the causes.
            "life": In(Life),
            # The low two bits of a thread's priority are for the matrix slot, 3 the highest.
            "settings": In(Settings),
            # What issues in this cycle.
            "take": Out(Take),
            "simd": Out(Issued),
            "matrix": Out(Issued),
            # Why no matrix operation does, one-hot; zero when one does.
            "cause": Out(WAIT_CAUSES),
        }
        if trace:
            # What the oldest instruction of each thread waits for in this cycle.
            members["told"] = Out(VectorHeads)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        simd_able, matrix_able = Signal(THREADS), Signal(THREADS)
        lacks_load, lacks_drain = Signal(THREADS), Signal(THREADS)
        specials = Signal(LONG - SHORT)  # bit j: a special function's result would meet that of another operation j cycles from now
        for t in range(THREADS):
            valid, entry = self.heads.valid[t], self.heads.entry[t]
            row = entry.row
            loaded, made, read = Signal(name=f"loaded_{t}"), Signal(name=f"made_{t}"), Signal(name=f"read_{t}")
            lacks, waits = [], []
            for used, field, parity in (
                (row.reads_a, F1, entry.parity_a),
                (row.reads_b, F2, entry.parity_b),
                (row.reads_c, F3, entry.parity_c),
                (row.writes_v, F0, entry.parity_d),
            ):
                register = entry.word[field : field + 5]
                lacks.append(used & (self.loads.parity[t].bit_select(register, 1) != parity))
                waits.append(used & self.pipe.pending[t].bit_select(register, 1))
            able = Signal(name=f"able_{t}")
            m.d.comb += [
                loaded.eq(~Cat(lacks).any()),
                made.eq(~Cat(waits).any()),
                read.eq(~entry.st.wait | ((entry.st.pos - self.store_progress.st_read[t])[ST_POS_BITS - 1])),
                able.eq(valid & ~self.life.kill[t] & loaded & made & read),
                simd_able[t].eq(able & row.simd & Mux(row.special, ~specials[-1], ~specials[0])),
                matrix_able[t].eq(able & ~row.simd),
                lacks_load[t].eq(valid & ~row.simd & ~loaded),
                lacks_drain[t].eq(valid & ~row.simd & ~read),
            ]
            if self.trace_on:
                m.d.comb += self.told[t].eq(Cat(valid, loaded, made, read))

        self._simd(m, simd_able, specials)
        self._matrix(m, matrix_able)
        self._causes(m, lacks_load, lacks_drain)
        same = self.simd.go & self.matrix.go & (self.simd.thread == self.matrix.thread)
        always(m, ~same, "one instruction issues to both pipes")
        return m

    def _causes(self, m: Module, lacks_load: Value, lacks_drain: Value) -> None:
        """Why no matrix instruction issues."""
        running, waiting = self.life.running, self.life.waiting
        for t in range(THREADS):
            m.d.comb += self.take.threads[t].eq(Cat(slot.go & (slot.thread == t) for slot in (self.simd, self.matrix)).any())
        with m.If(self.matrix.go):
            m.d.comb += self.cause.eq(0)
        with m.Elif(~running.any()):
            m.d.comb += self.cause.eq(1 << IDLE)
        with m.Elif(~(running & ~waiting).any()):
            m.d.comb += self.cause.eq(1 << SYNC)
        with m.Elif(lacks_load.any()):
            m.d.comb += self.cause.eq(1 << LOAD)
        with m.Elif(lacks_drain.any()):
            m.d.comb += self.cause.eq(1 << DRAIN)
        with m.Elif(self.heads.valid.any()):
            m.d.comb += self.cause.eq(1 << SIMD)
        with m.Else():
            m.d.comb += self.cause.eq(1 << FRONT)

    def _simd(self, m: Module, able: Value, specials: Signal) -> None:
        m.d.comb += [
            self.simd.go.eq(able.any()),
            self.simd.thread.eq(round_robin(m, able, name="simd_turn")),
            self.simd.entry.eq(by_number(m, self.simd.thread, list(self.heads.entry), "simd_chosen")),
        ]
        m.d.sync += specials.eq(Cat(specials[1:], self.simd.go & self.simd.entry.row.special))

    def _matrix(self, m: Module, able: Value) -> None:
        last, starved, asking = Signal(THREAD_BITS), Signal(THREADS), Signal(THREADS)
        highest = preferred(m, able, [priority[:2] for priority in self.settings.priority], "highest")
        for t in range(THREADS):
            waited = Signal(range(STARVED + 1), name=f"waited_{t}")
            m.d.comb += starved[t].eq(able[t] & waited[-1])
            with m.If(self.take.threads[t] | ~able[t]):
                m.d.sync += waited.eq(0)
            with m.Elif(~waited[-1]):
                m.d.sync += waited.eq(waited + 1)
        m.d.comb += [asking.eq(Mux(starved.any(), starved, highest)), self.matrix.go.eq(able.any())]
        m.d.comb += [
            self.matrix.thread.eq(first_from(m, last, asking, "matrix_first")),
            self.matrix.entry.eq(by_number(m, self.matrix.thread, list(self.heads.entry), "matrix_chosen")),
        ]
        with m.If(self.matrix.go):
            m.d.sync += last.eq(self.matrix.thread)
