"""The vector unit: vector queues, issue, registers, SIMD pipe, matrix unit, and the tracking of vector loads.

    I   issue: registers are addressed
    R   operands stand at the SIMD pipe's and at the matrix unit's inputs
    W   SIMD: result at the pipe's output, LATENCY cycles after R, written into the registers

A register that waits for a SIMD result is pending from the cycle after I to W; its next reader issues after W. A drain may ask for an
accumulator when that is not busy: DRAIN_LEAD cycles later no operation that has issued is on its way to it.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2, F3
from golden.arch.simd_ops import MAX_LATENCY
from golden.arch.sram import LANES
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import ST_POS_BITS, THREAD_BITS, THREADS, VQ_POS_BITS, LoadBegin, PredicateWrite, Register, VectorHead, VectorPush
from rtl.core.matrix.unit import DrainReply, DrainRequest, MatrixUnit
from rtl.core.trace import TraceMatrix, TraceVector
from rtl.core.vector.issue import IDLE, WAIT_CAUSES, VectorIssue
from rtl.core.vector.load_tracker import LoadTracker, arrival_of
from rtl.core.vector.queue import VectorQueue
from rtl.core.vector.registers import VectorRegisters
from rtl.core.vector.simd import SimdPipe
from rtl.fp.flags import FpFlags
from rtl.mem.ports import LaneReturn

DRAIN_LEAD = 1
"""Cycles from a look at acc_busy to the request of a drain's first beat."""

Tag = data.StructLayout({"to": Register, "is_predicate": 1, "all": 1})
PIPE_CYCLES = 1 + max(MAX_LATENCY + 1, MatrixUnit.TRACE_LATENCY)  # from issue until nothing of an instruction is left


class VectorUnit(wiring.Component):
    """Vector side of the core.

    Parameters
    ----------
    config: sizes.
    trace: with the trace ports.
    simd, matrix: components with the ports of SimdPipe and MatrixUnit to take in their place.
    """

    def __init__(
        self,
        config: NodeConfig,
        trace: bool = False,
        simd: wiring.Component | None = None,
        matrix: wiring.Component | None = None,
    ) -> None:
        self.config, self.trace_on = config, trace
        self.simd, self.matrix = simd or SimdPipe(gated=True), matrix or MatrixUnit(trace=trace, gated=True)
        members = {
            # From dispatch: instructions of one thread, in program order.
            "vector_in": In(data.ArrayLayout(VectorPush, config.dispatch_width)),
            "vector_thread": In(THREAD_BITS),
            # State out: places in the queues, oldest entries, positions issued.
            "vector_free": Out(data.ArrayLayout(range(config.vector_queue + 1), THREADS)),
            "vector_head": Out(data.ArrayLayout(VectorHead, THREADS)),
            "vq_head": Out(data.ArrayLayout(VQ_POS_BITS, THREADS)),
            # State out: registers with a SIMD result or a load under way, and loads completed modulo two.
            "simd_pending": Out(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_busy": Out(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_parity": Out(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            # State out: a drain asked for DRAIN_LEAD cycles from now would miss an operation on accumulator 8 t + c.
            "acc_busy": Out(THREADS * isa.ACCUMULATORS),
            # Loads that issue, and what their lanes bring.
            "load_begin": In(data.ArrayLayout(LoadBegin, 2)),
            "l0": In(LaneReturn),
            "l1": In(LaneReturn),
            # State of the store unit: store positions read.
            "st_read": In(data.ArrayLayout(ST_POS_BITS, THREADS)),
            # A register for the store unit; its value is there in the next cycle.
            "store_read": In(Register),
            "store_data": Out(512),
            # Drains, to and from the matrix unit.
            "drain": In(DrainRequest),
            "drained": Out(DrainReply),
            "drained_data": Out(512),
            # Results that steer the thread.
            "predicate_out": Out(PredicateWrite),
            # Sticky flags that SIMD results and drained beats set in this cycle.
            "set_flags": Out(data.ArrayLayout(FpFlags, THREADS)),
            # Threads that drop what they have queued, a pulse; what has issued goes on.
            "kill": In(THREADS),
            # Nothing queued or under way, vector loads included.
            "idle": Out(THREADS),
            # Priorities for the matrix slot; threads that run, and those of them that wait, for the causes.
            "priority": In(data.ArrayLayout(2, THREADS)),
            "running": In(THREADS),
            "waiting": In(THREADS),
            # Events: a matrix operation issued, else why not, one-hot (golden.arch.memmap.Counter); a SIMD operation issued.
            "matrix_step": Out(1),
            "matrix_wait": Out(WAIT_CAUSES, init=1 << IDLE),
            "simd_issue": Out(1),
        }
        if trace:
            members |= {"trace_vector": Out(TraceVector), "trace_matrix": Out(TraceMatrix)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = VectorQueue(self.config.vector_queue, self.config.dispatch_width)
        m.submodules.issue = issue = VectorIssue()
        m.submodules.registers = registers = VectorRegisters()
        m.submodules.loads = loads = LoadTracker()
        m.submodules.simd = simd = self.simd
        m.submodules.matrix = matrix = self.matrix
        m.d.comb += [
            queue.push.eq(self.vector_in),
            queue.thread.eq(self.vector_thread),
            queue.take.eq(issue.take),
            queue.kill.eq(self.kill),
            self.vector_free.eq(queue.free),
            self.vector_head.eq(queue.oldest),
            self.vq_head.eq(queue.position),
            issue.valid.eq(queue.valid),
            issue.heads.eq(queue.heads),
            issue.kill.eq(self.kill),
            issue.load_parity.eq(self.load_parity),
            issue.simd_pending.eq(self.simd_pending),
            issue.st_read.eq(self.st_read),
            issue.priority.eq(self.priority),
            issue.running.eq(self.running),
            issue.waiting.eq(self.waiting),
            loads.begin.eq(self.load_begin),
            loads.arrival[0].eq(arrival_of(self.l0)),
            loads.arrival[1].eq(arrival_of(self.l1)),
            self.load_busy.eq(loads.busy),
            self.load_parity.eq(loads.parity),
        ]
        m.d.sync += [self.matrix_step.eq(issue.matrix_go), self.matrix_wait.eq(issue.cause), self.simd_issue.eq(issue.simd_go)]

        # --- registers: three reads for SIMD, two for the matrix unit, one for stores ------------------------------------------
        reads = [(issue.simd_thread, issue.simd, field) for field in (F1, F2, F3)]
        reads += [(issue.matrix_thread, issue.matrix, field) for field in (F1, F2)]
        for address, (thread, queued, field) in zip(registers.read, reads, strict=False):
            m.d.comb += [address.thread.eq(thread), address.reg.eq(queued.entry.word[field : field + 5])]
        m.d.comb += [registers.read[5].eq(self.store_read), self.store_data.eq(registers.value[5])]
        for source, port in zip(registers.load, (self.l0, self.l1), strict=True):
            m.d.comb += source.valid.eq(port.valid)
            for lane in range(LANES):
                m.d.comb += [
                    source.to[lane].thread.eq(port.thread[lane]),
                    source.to[lane].reg.eq(port.reg[lane]),
                    source.data[lane].eq(port.data[lane]),
                ]

        out = self._simd(m, issue, registers, simd)
        self._matrix(m, issue, registers, matrix)
        for t in range(THREADS):
            moving = Signal(PIPE_CYCLES, name=f"moving_{t}")
            m.d.sync += moving.eq(Cat(issue.take[t], moving[:-1]))
            m.d.comb += self.idle[t].eq(queue.empty[t] & ~moving.any() & ~self.load_busy[t].any())
        if self.trace_on:
            self._trace_simd(m, issue, simd, out)
            self._trace_matrix(m, issue, matrix)
        return m

    def _simd(self, m: Module, issue: VectorIssue, registers: VectorRegisters, simd: wiring.Component) -> Signal:
        """From issue to the register file; the tag of the result."""
        word, row, tag, out = issue.simd.entry.word, issue.simd.row, Signal(Tag), Signal(Tag, name="out_tag")
        m.d.comb += [
            tag.to.thread.eq(issue.simd_thread),
            tag.to.reg.eq(Mux(row.is_predicate, word[F0 : F0 + 3], word[F0 : F0 + 5])),
            tag.is_predicate.eq(row.is_predicate),
            tag.all.eq(row.all),
        ]
        m.d.sync += [simd.valid.eq(issue.simd_go), simd.op.eq(row.op), simd.imm.eq(word[F3 : F3 + 5]), simd.tag.eq(tag)]
        m.d.comb += [
            simd.a.eq(registers.value[0]),
            simd.b.eq(registers.value[1]),
            simd.c.eq(registers.value[2]),
            out.eq(simd.out_tag[: Tag.size]),
            registers.result.valid.eq(simd.out_valid & ~out.is_predicate),
            registers.result.to.eq(out.to),
            registers.result.data.eq(simd.out_data),
        ]
        m.d.sync += [
            self.predicate_out.valid.eq(simd.out_valid & out.is_predicate),
            self.predicate_out.thread.eq(out.to.thread),
            self.predicate_out.index.eq(out.to.reg),
            self.predicate_out.value.eq(Mux(out.all, simd.out_all, simd.out_any)),
        ]
        for t in range(THREADS):
            begun, over = Signal(isa.VECTOR_REGISTERS, name=f"begun_{t}"), Signal(isa.VECTOR_REGISTERS, name=f"over_{t}")
            m.d.comb += [
                begun.eq(Mux(issue.simd_go & row.writes_v & (issue.simd_thread == t), 1 << word[F0 : F0 + 5], 0)),
                over.eq(Mux(registers.result.valid & (out.to.thread == t), 1 << out.to.reg, 0)),
            ]
            drained = Mux(self.drained.valid & (self.drained.thread == t), self.drained.flags, 0)
            m.d.sync += [
                self.simd_pending[t].eq((self.simd_pending[t] | begun) & ~over),
                self.set_flags[t].eq(Mux(simd.out_valid & (out.to.thread == t), simd.out_flags, 0) | drained),
            ]
        return out

    def _matrix(self, m: Module, issue: VectorIssue, registers: VectorRegisters, matrix: wiring.Component) -> None:
        word, row = issue.matrix.entry.word, issue.matrix.row
        accumulator = Cat(word[F0 : F0 + 3], issue.matrix_thread)
        m.d.sync += [
            matrix.step.valid.eq(issue.matrix_go & row.step),
            matrix.step.first.eq(word[F0 + 3]),
            Cat(matrix.step.acc, matrix.step.thread).eq(accumulator),
            matrix.step.a.transposed.eq(word[F3]),
            matrix.step.b.transposed.eq(word[F3 + 1]),
            matrix.load.valid.eq(issue.matrix_go & ~row.step),
            Cat(matrix.load.acc, matrix.load.thread).eq(accumulator),
            matrix.load.kind.eq(row.load_kind),
            matrix.load.index.eq(word[F3 : F3 + 3]),
        ]
        m.d.comb += [
            matrix.step_a.eq(registers.value[3]),
            matrix.step_b.eq(registers.value[4]),
            matrix.load_data.eq(registers.value[3]),
            matrix.drain.eq(self.drain),
            self.drained.eq(matrix.drained),
            self.drained_data.eq(matrix.drained_data),
        ]
        # An operation issues at 0 and is decoded at 1; the drain that looks at cycle n asks at n + DRAIN_LEAD.
        stages = MatrixUnit.STEP_TO_DRAIN - DRAIN_LEAD
        age = [Signal(THREADS * isa.ACCUMULATORS, name=f"issued_before_{k + 1}") for k in range(stages)]
        now = Mux(issue.matrix_go, 1 << accumulator, 0)
        m.d.sync += [older.eq(younger) for older, younger in zip(age, [now, *age], strict=False)]
        busy = age[0]
        for older in age[1:]:
            busy = busy | older
        m.d.comb += self.acc_busy.eq(busy)

    def _trace_simd(self, m: Module, issue: VectorIssue, simd: wiring.Component, out: Signal) -> None:
        """Numbers are found by destination: it has one result under way at most."""
        m.submodules.numbers = numbers = memory.Memory(shape=SEQ_BITS, depth=2 * THREADS * isa.VECTOR_REGISTERS, init=[])
        write, read = numbers.write_port(), numbers.read_port(domain="comb")
        entry, row, record = issue.simd.entry, issue.simd.row, self.trace_vector
        target = Mux(row.is_predicate, entry.word[F0 : F0 + 3], entry.word[F0 : F0 + 5])
        m.d.comb += [
            write.en.eq(issue.simd_go),
            write.addr.eq(Cat(target, issue.simd_thread, row.is_predicate)),
            write.data.eq(entry.seq),
            read.addr.eq(Cat(out.to, out.is_predicate)),
        ]
        m.d.sync += [
            record.valid.eq(simd.out_valid),
            record.thread.eq(out.to.thread),
            record.seq.eq(read.data),
            record.index.eq(out.to.reg),
            record.is_predicate.eq(out.is_predicate),
            record.data.eq(Mux(out.is_predicate, Mux(out.all, simd.out_all, simd.out_any), simd.out_data)),
        ]

    def _trace_matrix(self, m: Module, issue: VectorIssue, matrix: wiring.Component) -> None:
        """Numbers travel beside the unit."""
        ages = [Signal(SEQ_BITS, name=f"matrix_seq_{k}") for k in range(MatrixUnit.TRACE_LATENCY + 1)]
        m.d.sync += [older.eq(younger) for older, younger in zip(ages, [issue.matrix.entry.seq, *ages], strict=False)]
        ended, record = matrix.ended, self.trace_matrix
        m.d.comb += [
            record.valid.eq(ended.valid),
            record.thread.eq(ended.thread),
            record.seq.eq(ages[-1]),
            record.index.eq(ended.acc),
            record.digest.eq(ended.digest),
        ]
