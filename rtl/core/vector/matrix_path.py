"""The way of a matrix operation from issue to the matrix unit's decode stage, and which accumulators it is on its way to."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, F2, F3
from golden.arch.trace import SEQ_BITS
from rtl.common.delay import delay
from rtl.core.interfaces import THREADS
from rtl.core.operations import DIGEST_LATENCY, DRAIN_LEAD, STEP_TO_DRAIN, matrix_operations
from rtl.core.trace import TraceMatrix
from rtl.core.vector.parts import Issued, addressed, reads


class MatrixPath(wiring.Component):
    """From issue to decode.

    Parameters
    ----------
    trace: with the port ``trace``.
    """

    def __init__(self, trace: bool) -> None:
        self.trace_on = trace
        members = {
            "issued": In(Issued),
            "reads": Out(reads(2)),
            "operations": Out(matrix_operations(trace)),
            # As in vector_progress.
            "acc_busy": Out(THREADS * isa.ACCUMULATORS),
        }
        if trace:
            members["trace"] = Out(TraceMatrix)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        issued, step, load = self.issued, self.operations.step, self.operations.load
        word, row, accumulator = issued.entry.word, issued.entry.row, Cat(issued.entry.word[F0 : F0 + 3], issued.thread)
        m.d.comb += addressed(issued, self.reads, (F1, F2))
        m.d.sync += [
            step.valid.eq(issued.go & row.step),
            step.first.eq(word[F0 + 3]),
            Cat(step.acc, step.thread).eq(accumulator),
            step.a.transposed.eq(word[F3]),
            step.b.transposed.eq(word[F3 + 1]),
            step.a.format.eq(row.format_a),
            step.b.format.eq(row.format_b),
            step.a.half.eq(word[F3 + 2]),
            step.b.half.eq(word[F3 + 3]),
            step.a.bias.eq(issued.entry.mode.a),
            step.b.bias.eq(issued.entry.mode.b),
            load.valid.eq(issued.go & ~row.step),
            Cat(load.acc, load.thread).eq(accumulator),
            load.kind.eq(row.load_kind),
            load.index.eq(word[F3 : F3 + 3]),
        ]
        m.d.comb += [
            self.operations.step_a.eq(self.reads.value[0]),
            self.operations.step_b.eq(self.reads.value[1]),
            self.operations.load_data.eq(self.reads.value[0]),
        ]
        # An operation issues at 0 and is decoded at 1; the drain that looks at cycle n asks at n + DRAIN_LEAD.
        on_its_way = Mux(issued.go, 1 << accumulator, 0)
        busy = 0
        for cycle in range(STEP_TO_DRAIN - DRAIN_LEAD):
            on_its_way = delay(m, on_its_way, (f"issued_before_{cycle + 1}",))
            busy = busy | on_its_way
        m.d.comb += self.acc_busy.eq(busy)
        if self.trace_on:
            ended, record, seq = self.operations.ended, self.trace, Signal(SEQ_BITS)
            m.d.comb += [
                seq.eq(delay(m, issued.entry.seq, 1 + DIGEST_LATENCY, "seq")),
                record.valid.eq(ended.valid),
                record.thread.eq(ended.thread),
                record.seq.eq(seq),
                record.index.eq(ended.acc),
                record.digest.eq(ended.digest),
            ]
        return m
