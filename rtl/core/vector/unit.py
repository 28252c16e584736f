"""The vector unit: vector queues, issue, registers, SIMD pipe, the way to the matrix unit, and the tracking of vector loads.

    I   issue: registers are addressed
    R   operands stand at the SIMD pipe's and at the matrix unit's inputs
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.simd_ops import MAX_LATENCY
from golden.arch.sram import LANES
from rtl.core.interfaces import (
    THREADS,
    Life,
    LoadBegins,
    Settings,
    StoreData,
    StoreProgress,
    VectorEvents,
    VectorSteer,
    vector_progress,
    vector_pushes,
)
from rtl.core.operations import DIGEST_LATENCY, matrix_operations
from rtl.core.trace import TraceIssue, TraceLane, TraceLoad, TraceMatrix, TraceVector, VectorHeads, records
from rtl.core.vector.issue import VectorIssue
from rtl.core.vector.load_tracker import LoadTracker
from rtl.core.vector.matrix_path import MatrixPath
from rtl.core.vector.queue import VectorQueue
from rtl.core.vector.registers import VectorRegisters
from rtl.core.vector.simd import SimdPipe
from rtl.core.vector.simd_path import SimdPath
from rtl.mem.ports import LaneReturn

PIPE_CYCLES = 1 + max(MAX_LATENCY + 1, DIGEST_LATENCY)  # from issue until nothing of an instruction is left


class VectorUnit(wiring.Component):
    """Vector side of the core.

    Parameters
    ----------
    config: sizes.
    trace: with the trace ports.
    simd: component with the ports of SimdPipe to take in its place.
    """

    def __init__(self, config: NodeConfig, trace: bool = False, simd: wiring.Component | None = None) -> None:
        self.config, self.trace_on, self.simd = config, trace, simd or SimdPipe(gated=True)
        members = {
            "pushes": In(vector_pushes(config)).array(config.dispatch_threads),
            "progress": Out(vector_progress(config)),
            "store_progress": In(StoreProgress),
            "life": In(Life),
            "settings": In(Settings),
            # Loads that issue, and what their lanes bring.
            "load_begins": In(LoadBegins),
            "l0": In(LaneReturn),
            "l1": In(LaneReturn),
            "store_data": In(StoreData),
            "operations": Out(matrix_operations(trace)),
            "steer": Out(VectorSteer),
            "events": Out(VectorEvents),
        }
        if trace:
            members |= {
                "trace_issue": Out(records(TraceIssue, 2)),
                "trace_heads": Out(records(VectorHeads)),
                "trace_vector": Out(records(TraceVector)),
                "trace_matrix": Out(records(TraceMatrix)),
                "trace_load": Out(records(TraceLoad, 2)),
                "trace_lane": Out(records(TraceLane, 2 * LANES)),
            }
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = VectorQueue(self.config)
        m.submodules.issue = issue = VectorIssue(self.trace_on)
        m.submodules.registers = registers = VectorRegisters()
        m.submodules.loads = loads = LoadTracker()
        m.submodules.simd = simd = SimdPath(self.simd, self.trace_on)
        m.submodules.matrix = matrix = MatrixPath(self.trace_on)
        for mine, port in zip(self.pushes, queue.pushes, strict=True):
            wiring.connect(m, wiring.flipped(mine), port)
        wiring.connect(m, wiring.flipped(self.life), queue.life, issue.life)
        wiring.connect(m, wiring.flipped(self.settings), simd.settings)
        for name in ("store_progress", "settings"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(issue, name))
        wiring.connect(m, wiring.flipped(self.load_begins), loads.begins)
        for name in ("l0", "l1"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(loads, name), getattr(registers, name))
        wiring.connect(m, wiring.flipped(self.store_data), registers.store)
        wiring.connect(m, matrix.operations, wiring.flipped(self.operations))
        wiring.connect(m, simd.steer, wiring.flipped(self.steer))
        wiring.connect(m, queue.heads, issue.heads)
        wiring.connect(m, issue.take, queue.take)
        wiring.connect(m, loads.state, issue.loads)
        wiring.connect(m, simd.state, issue.pipe)
        wiring.connect(m, simd.result, registers.result)
        for name, path in (("simd", simd), ("matrix", matrix)):
            wiring.connect(m, getattr(issue, name), path.issued)
            wiring.connect(m, path.reads, getattr(registers, name))
        progress = self.progress
        m.d.comb += [
            progress.free.eq(queue.free),
            progress.head.eq(queue.oldest),
            progress.vq_head.eq(queue.position),
            progress.simd_pending.eq(simd.state.pending),
            progress.load_parity.eq(loads.state.parity),
            progress.load_busy.eq(loads.state.busy),
            progress.acc_busy.eq(matrix.acc_busy),
            self.events.flags.eq(simd.flags),
        ]
        m.d.sync += [
            self.events.matrix_step.eq(issue.matrix.go),
            self.events.matrix_wait.eq(issue.cause),
            self.events.simd_issue.eq(issue.simd.go),
        ]
        for t in range(THREADS):
            moving = Signal(PIPE_CYCLES, name=f"moving_{t}")
            m.d.sync += moving.eq(Cat(issue.take.threads[t], moving[:-1]))
            m.d.comb += progress.idle[t].eq(queue.empty[t] & ~moving.any() & ~loads.state.busy[t].any())
        if self.trace_on:
            self._trace(m, issue, simd, matrix)
        return m

    def _trace(self, m: Module, issue: VectorIssue, simd: SimdPath, matrix: MatrixPath) -> None:
        for record, issued in zip(self.trace_issue.record, (issue.simd, issue.matrix), strict=True):
            m.d.sync += [record.valid.eq(issued.go), record.thread.eq(issued.thread), record.seq.eq(issued.entry.seq)]
        m.d.sync += self.trace_heads.record[0].eq(issue.told)
        m.d.comb += [self.trace_vector.record[0].eq(simd.trace), self.trace_matrix.record[0].eq(matrix.trace)]
        for record, begin in zip(self.trace_load.record, self.load_begins.begin, strict=True):
            m.d.comb += [record[name].eq(begin[name]) for name in ("valid", "thread", "seq", "reg")]
        for k, record in enumerate(self.trace_lane.record):
            back, lane = (self.l0, self.l1)[k // LANES], k % LANES
            m.d.comb += record.valid.eq(back.valid[lane])
            m.d.comb += [record[name].eq(getattr(back, name)[lane]) for name in ("thread", "reg", "data")]
