"""The scalar unit: scalar queues, issue, registers, the execute stage with two arithmetic units, and later results.

    I   issue: choose a thread, read registers          X   execute, in step with the memory unit: results, predicates, operands
"""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from rtl.common.host_ports import Poke
from rtl.core.access import ISSUE_SLOTS, Accesses, Room
from rtl.core.interfaces import (
    THREADS,
    CsrAccess,
    Life,
    ScalarEvents,
    ScalarSteer,
    Settings,
    StoreProgress,
    scalar_progress,
    scalar_pushes,
    vector_progress,
)
from rtl.core.scalar.execute import ExecuteStage
from rtl.core.scalar.issue import ScalarIssue
from rtl.core.scalar.late import LateResults
from rtl.core.scalar.queue import ScalarQueue
from rtl.core.scalar.registers import ScalarRegisters
from rtl.core.trace import ScalarHeads, TraceIssue, TraceScalar, records
from rtl.mem.ports import ScalarReturn


class ScalarUnit(wiring.Component):
    """The scalar unit of one core.

    Parameters
    ----------
    config: sizes.
    trace: with the trace port.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self._config, self._trace = config, trace
        members = {
            "pushes": In(scalar_pushes(config)).array(config.dispatch_threads),
            "progress": Out(scalar_progress(config)),
            "vector_progress": In(vector_progress(config)),
            "store_progress": In(StoreProgress),
            "life": In(Life),
            "settings": In(Settings),
            "accesses": Out(Accesses),
            "room": In(Room),
            # Scalar loads' data.
            "loaded": In(ScalarReturn),
            "csr": Out(CsrAccess),
            # Writes a register of a thread that rests.
            "poke": In(Poke),
            "steer": Out(ScalarSteer),
            "events": Out(ScalarEvents),
        }
        if trace:
            # Results of the two slots, then of loads and the slow unit; flip-flops.
            members["trace"] = Out(records(TraceScalar, ISSUE_SLOTS + 1))
            members["trace_issue"] = Out(records(TraceIssue, ISSUE_SLOTS))
            members["trace_heads"] = Out(records(ScalarHeads))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = ScalarQueue(self._config)
        m.submodules.issue = issue = ScalarIssue(self._config, self._trace)
        m.submodules.registers = registers = ScalarRegisters()
        m.submodules.execute = execute = ExecuteStage()
        m.submodules.late = late = LateResults(self._trace)
        for mine, port in zip(self.pushes, queue.pushes, strict=True):
            wiring.connect(m, wiring.flipped(mine), port)
        wiring.connect(m, wiring.flipped(self.life), queue.life, issue.life, execute.life)
        for name in ("vector_progress", "store_progress", "room", "settings"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(issue, name))
        for name in ("loaded", "poke"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(late, name))
        for name in ("accesses", "csr", "steer", "events"):
            wiring.connect(m, getattr(execute, name), wiring.flipped(getattr(self, name)))
        wiring.connect(m, queue.heads, issue.heads, registers.heads)
        wiring.connect(m, issue.take, queue.take)
        wiring.connect(m, issue.issued, registers.issued, execute.issued, late.issued)
        wiring.connect(m, registers.operands, execute.operands)
        wiring.connect(m, execute.results, registers.results)
        wiring.connect(m, execute.late, late.starts)
        wiring.connect(m, late.result, registers.late)
        wiring.connect(m, late.state, issue.late)
        wiring.connect(m, execute.state, issue.execute)
        m.d.comb += [self.progress.free.eq(queue.free), self.progress.busy.eq(late.state.pending)]
        for t in range(THREADS):
            head, oldest, executing = self.progress.head[t], 2 * t, execute.state
            m.d.comb += [
                head.valid.eq(queue.heads.valid[t][0]),
                head.vq_mark.eq(queue.heads.entry[oldest].vq_mark),
                self.progress.idle[t].eq(queue.empty[t] & ~executing.busy[t] & ~executing.stopped[t] & ~late.state.pending[t].any()),
            ]
        if self._trace:
            m.d.comb += [record.eq(each) for record, each in zip(self.trace.record, (*execute.trace, late.trace), strict=True)]
            for record, x in zip(self.trace_issue.record, execute.accesses.slot, strict=True):
                m.d.comb += [record.valid.eq(x.valid), record.thread.eq(execute.accesses.thread), record.seq.eq(x.q.seq)]
            m.d.sync += self.trace_heads.record[0].eq(issue.told)
        return m
