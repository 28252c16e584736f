"""Which vector instructions issue: every cycle one MATRIX and one SIMD instruction, each the oldest of its thread.

An instruction may issue when its registers have the loads that are older than it and none of them waits for a SIMD result, and
when the stores that read what it overwrites have read. SIMD instructions take turns by thread and reserve the cycle in which
their result leaves the pipe. The matrix slot goes to the highest priority that has an instruction ready, and stays with its
thread while that has one; an instruction that was ready for STARVED cycles goes before any other.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, F2, F3
from golden.arch.simd_ops import LATENCY, OCCUPANCY, SimdOp
from rtl.core.interfaces import ST_POS_BITS, THREAD_BITS, THREADS
from rtl.core.vector.decode import Queued

STARVED = 512
WAIT_CAUSES = 6  # golden.arch.memmap.Counter, MATRIX_WAIT_LOAD to MATRIX_IDLE
LOAD, DRAIN, SIMD, FRONT, SYNC, IDLE = range(WAIT_CAUSES)
SHORT, LONG = LATENCY[SimdOp.FMA], LATENCY[SimdOp.RECIP]

if {*LATENCY.values()} != {SHORT, LONG} or {*OCCUPANCY.values()} != {1, 2}:
    raise ValueError("SIMD operations have other latencies than the two that issue knows, or occupy the pipe for longer")


class VectorIssue(wiring.Component):
    """The choice; combinational from the queues' heads."""

    # State: the instructions at the heads.
    valid: In(THREADS)
    heads: In(data.ArrayLayout(Queued, THREADS))
    # Threads that are killed: nothing of them issues.
    kill: In(THREADS)
    # State: registers, and store positions read.
    load_parity: In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS))
    simd_pending: In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS))
    st_read: In(data.ArrayLayout(ST_POS_BITS, THREADS))
    # Threads' priorities for the matrix slot, 3 the highest.
    priority: In(data.ArrayLayout(2, THREADS))
    # Threads that run, and those of them that wait: for the causes.
    running: In(THREADS)
    waiting: In(THREADS)
    # What issues in this cycle.
    take: Out(THREADS)
    simd_go: Out(1)
    simd_thread: Out(THREAD_BITS)
    simd: Out(Queued)
    matrix_go: Out(1)
    matrix_thread: Out(THREAD_BITS)
    matrix: Out(Queued)
    # Why matrix_go is low, one-hot; zero when it is high.
    cause: Out(WAIT_CAUSES)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        simd_able, matrix_able = Signal(THREADS), Signal(THREADS)
        lacks_load, lacks_drain = Signal(THREADS), Signal(THREADS)
        specials = Signal(LONG - SHORT)  # bit j: a special function's result would meet that of another operation j cycles from now
        for t in range(THREADS):
            row, entry = self.heads[t].row, self.heads[t].entry
            loaded, made, read = Signal(name=f"loaded_{t}"), Signal(name=f"made_{t}"), Signal(name=f"read_{t}")
            lacks, waits = [], []
            for used, field, parity in (
                (row.reads_a, F1, entry.parity_a),
                (row.reads_b, F2, entry.parity_b),
                (row.reads_c, F3, entry.parity_c),
                (row.writes_v, F0, entry.parity_d),
            ):
                register = entry.word[field : field + 5]
                lacks.append(used & (self.load_parity[t].bit_select(register, 1) != parity))
                waits.append(used & self.simd_pending[t].bit_select(register, 1))
            able = Signal(name=f"able_{t}")
            m.d.comb += [
                loaded.eq(~Cat(lacks).any()),
                made.eq(~Cat(waits).any()),
                read.eq(~entry.st.wait | ((entry.st.pos - self.st_read[t])[ST_POS_BITS - 1])),
                able.eq(self.valid[t] & ~self.kill[t] & loaded & made & read),
                simd_able[t].eq(able & row.simd & Mux(row.special, ~specials[-1], ~specials[0])),
                matrix_able[t].eq(able & ~row.simd),
                lacks_load[t].eq(self.valid[t] & ~row.simd & ~loaded),
                lacks_drain[t].eq(self.valid[t] & ~row.simd & ~read),
            ]

        self._simd(m, simd_able, specials)
        self._matrix(m, matrix_able)
        for t in range(THREADS):
            m.d.comb += self.take[t].eq(
                (self.simd_go & (self.simd_thread == t)) | (self.matrix_go & (self.matrix_thread == t))
            )
        with m.If(self.matrix_go):
            m.d.comb += self.cause.eq(0)
        with m.Elif(~self.running.any()):
            m.d.comb += self.cause.eq(1 << IDLE)
        with m.Elif(~(self.running & ~self.waiting).any()):
            m.d.comb += self.cause.eq(1 << SYNC)
        with m.Elif(lacks_load.any()):
            m.d.comb += self.cause.eq(1 << LOAD)
        with m.Elif(lacks_drain.any()):
            m.d.comb += self.cause.eq(1 << DRAIN)
        with m.Elif(self.valid.any()):
            m.d.comb += self.cause.eq(1 << SIMD)
        with m.Else():
            m.d.comb += self.cause.eq(1 << FRONT)
        return m

    def _simd(self, m: Module, able: Value, specials: Signal) -> None:
        turn = Signal(THREAD_BITS)
        choose(m, turn, able, self.simd_thread)
        m.d.comb += self.simd_go.eq(able.any())
        select(m, self.simd_thread, self.heads, self.simd)
        m.d.sync += specials.eq(Cat(specials[1:], self.simd_go & self.simd.row.special))
        with m.If(self.simd_go):
            m.d.sync += turn.eq(self.simd_thread + 1)

    def _matrix(self, m: Module, able: Value) -> None:
        last, starved, asking = Signal(THREAD_BITS), Signal(THREADS), Signal(THREADS)
        highest = Signal(THREADS)
        m.d.comb += highest.eq(able)
        for level in range(4):
            at_level = Cat(able[t] & (self.priority[t] == level) for t in range(THREADS))
            with m.If(at_level.any()):
                m.d.comb += highest.eq(at_level)
        for t in range(THREADS):
            waited = Signal(range(STARVED + 1), name=f"waited_{t}")
            m.d.comb += starved[t].eq(able[t] & waited[-1])
            with m.If(self.take[t] | ~able[t]):
                m.d.sync += waited.eq(0)
            with m.Elif(~waited[-1]):
                m.d.sync += waited.eq(waited + 1)
        m.d.comb += [asking.eq(Mux(starved.any(), starved, highest)), self.matrix_go.eq(able.any())]
        choose(m, last, asking, self.matrix_thread)
        select(m, self.matrix_thread, self.heads, self.matrix)
        with m.If(self.matrix_go):
            m.d.sync += last.eq(self.matrix_thread)


def choose(m: Module, first: Value, asking: Value, chosen: Signal) -> None:
    """The first asking thread from ``first`` on, in the order of numbers."""
    with m.Switch(first):
        for start in range(THREADS):
            with m.Case(start):
                for offset in reversed(range(THREADS)):
                    t = (start + offset) % THREADS
                    with m.If(asking[t]):
                        m.d.comb += chosen.eq(t)


def select(m: Module, thread: Value, values, chosen: Signal) -> None:
    """One of four values."""
    with m.Switch(thread):
        for t in range(THREADS):
            with m.Case(t):
                m.d.comb += chosen.eq(values[t])
