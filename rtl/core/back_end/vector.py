"""The vector unit: vector queues, issue, register file, SIMD pipe, matrix unit, and the tracking of vector loads.

::

    I   issue: one MATRIX and one SIMD instruction a cycle, each the oldest of its thread     registers are addressed
    R   operands stand at the SIMD pipe and at the matrix unit's decode stage
    ..  SIMD: result after LATENCY, written at the end of that cycle; matrix: accumulators stay in the unit

The matrix slot stays with its thread while that has a step ready; a step that has waited STARVED cycles goes first. SIMD rotates.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2, F3, OPCODE_BITS, Kind
from golden.arch.encoding import Unit as ArchUnit
from golden.arch.simd_ops import LATENCY, MAX_LATENCY, SimdClass, SimdOp
from golden.arch.trace import SEQ_BITS
from rtl.core.layouts import (
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    LoadBegin,
    PredicateWrite,
    TraceMatrix,
    TraceVector,
    Unit,
    VectorEntry,
)
from rtl.core.matrix import DrainReply, DrainRequest, LoadKind, MatrixUnit
from rtl.core.simd import SimdPipe
from rtl.mem.ports import LaneReturn

VectorPush = data.StructLayout({"valid": 1, "entry": VectorEntry})
VectorHead = data.StructLayout({"valid": 1, "st_mark": ST_POS_BITS})
REGISTERS = isa.VECTOR_REGISTERS
LANES = 8
STARVED = 512
Tag = data.StructLayout({"thread": THREAD_BITS, "index": 5, "is_predicate": 1, "all": 1})
StoreRead = data.StructLayout({"thread": THREAD_BITS, "reg": 5})

Row = data.StructLayout(
    {
        "op": 7,
        "special": 1,
        "imm": 1,  # f3 is an immediate
        "reads_a": 1,
        "reads_b": 1,
        "reads_c": 1,
        "writes_v": 1,
        "is_predicate": 1,
        "all": 1,
        "step": 1,
        "load_kind": LoadKind,
    }
)


def _row(opcode: int) -> dict:
    insn = isa.BY_OPCODE.get(opcode)
    kinds = list(LoadKind)
    if insn is None or insn.unit not in (ArchUnit.SIMD, ArchUnit.MATRIX):
        return {"load_kind": kinds[0]}
    vectors = {op.lo for op in insn.operands if op.kind is Kind.V and not op.writes}
    load = {"cld.f32": LoadKind.QUARTER, "cld.row": LoadKind.ROW, "cld.raw": LoadKind.RAW}
    simd = insn.simd_op is not None
    return {
        "op": insn.simd_op or 0,
        "special": int(simd and SimdOp(insn.simd_op) >> 4 == SimdClass.SPECIAL),
        "imm": int(any(op.name == "imm" for op in insn.operands)),
        "reads_a": int(F1 in vectors),
        "reads_b": int(F2 in vectors),
        "reads_c": int(F3 in vectors),
        "writes_v": int(any(op.kind is Kind.V and op.writes for op in insn.operands)),
        "is_predicate": int(any(op.name == "pd" for op in insn.operands)),
        "all": int(insn.mnemonic == "vall"),
        "step": int(insn.unit is ArchUnit.MATRIX and insn.mnemonic not in load),
        "load_kind": load.get(insn.mnemonic, kinds[0]),
    }


class VectorUnit(wiring.Component):
    """Vector side of the core.

    Parameters
    ----------
    config : sizes.
    trace : with the trace ports.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self.config, self.trace_on = config, trace
        members = {
            "vector_in": In(data.ArrayLayout(VectorPush, config.dispatch_width)),
            "vector_thread": In(THREAD_BITS),
            # State out: free places, oldest entries, positions issued, registers with a SIMD result or a load under way, load parities.
            "vector_free": Out(data.ArrayLayout(range(config.vector_queue + 1), THREADS)),
            "vector_head": Out(data.ArrayLayout(VectorHead, THREADS)),
            "vq_head": Out(data.ArrayLayout(VQ_POS_BITS, THREADS)),
            "simd_pending": Out(data.ArrayLayout(REGISTERS, THREADS)),
            "load_busy": Out(data.ArrayLayout(REGISTERS, THREADS)),
            "load_parity": Out(data.ArrayLayout(REGISTERS, THREADS)),
            # Accumulator 8 t + c has an operation that a drain could not see yet. State out.
            "acc_busy": Out(THREADS * isa.ACCUMULATORS),
            "load_begin": In(data.ArrayLayout(LoadBegin, 2)),
            "l0": In(LaneReturn),
            "l1": In(LaneReturn),
            # Store positions read: state of the store unit.
            "st_read": In(data.ArrayLayout(ST_POS_BITS, THREADS)),
            # A register for the store unit; its value is there in the next cycle.
            "store_read": In(StoreRead),
            "store_data": Out(512),
            # Drains, to and from the matrix unit.
            "drain": In(DrainRequest),
            "drained": Out(DrainReply),
            "drained_data": Out(512),
            "predicate_out": Out(PredicateWrite),
            "kill": In(THREADS),
            "idle": Out(THREADS),
            # Threads that run, and those of them that wait: for the causes.
            "running": In(THREADS),
            "waiting": In(THREADS),
            # Events: a matrix operation or SIMD operation issued; otherwise why the matrix slot stood empty, one-hot.
            "matrix_step": Out(1),
            "matrix_wait": Out(6),
            "simd_issue": Out(1),
        }
        if trace:
            members |= {"trace_vector": Out(TraceVector), "trace_matrix": Out(TraceMatrix)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        depth, width = self.config.vector_queue, self.config.dispatch_width
        index_bits = (depth - 1).bit_length()
        m.submodules.simd = simd = SimdPipe(gated=True)
        m.submodules.matrix = matrix = MatrixUnit(trace=self.trace_on, gated=True)
        m.submodules.store = store = memory.Memory(shape=VectorEntry, depth=THREADS * depth, init=[])
        m.submodules.table = table = memory.Memory(shape=Row, depth=1 << OPCODE_BITS, init=[_row(i) for i in range(1 << OPCODE_BITS)])

        # --- queues -----------------------------------------------------------------------------------------------------------
        heads = [Signal(VQ_POS_BITS, name=f"head_{t}") for t in range(THREADS)]
        tails = [Signal(VQ_POS_BITS, name=f"tail_{t}") for t in range(THREADS)]
        tail = Signal(VQ_POS_BITS)
        m.d.comb += tail.eq(Array(tails)[self.vector_thread])
        place = tail
        for i in range(width):
            port = store.write_port()
            push = self.vector_in[i]
            m.d.comb += [port.en.eq(push.valid), port.addr.eq(Cat(place[:index_bits], self.vector_thread)), port.data.eq(push.entry)]
            after = Signal(VQ_POS_BITS, name=f"place{i}")
            m.d.comb += after.eq(place + push.valid)
            place = after
        issued = Signal(THREADS)
        entries, rows, present = [], [], []
        for t in range(THREADS):
            with m.If(self.kill[t]):
                m.d.sync += tails[t].eq(heads[t])
            with m.Elif(self.vector_thread == t):
                m.d.sync += tails[t].eq(place)
            m.d.sync += heads[t].eq(heads[t] + issued[t])
            port, look = store.read_port(domain="comb"), table.read_port(domain="comb")
            entry = Signal(VectorEntry, name=f"entry_{t}")
            m.d.comb += [
                port.addr.eq(Cat(heads[t][:index_bits], Const(t, THREAD_BITS))),
                entry.eq(port.data),
                look.addr.eq(entry.word[:OPCODE_BITS]),
            ]
            row = Signal(Row, name=f"row_{t}")
            m.d.comb += row.eq(look.data)
            entries.append(entry)
            rows.append(row)
            here = Signal(name=f"present_{t}")
            m.d.comb += here.eq((heads[t] != tails[t]) & ~self.kill[t])
            present.append(here)
            used = (tails[t] - heads[t])[:VQ_POS_BITS]
            m.d.comb += [
                self.vector_free[t].eq(depth - used),
                self.vector_head[t].valid.eq(heads[t] != tails[t]),
                self.vector_head[t].st_mark.eq(entry.st_mark),
                self.vq_head[t].eq(heads[t]),
            ]

        # --- readiness --------------------------------------------------------------------------------------------------------
        ready, lacks_load, lacks_drain, lacks_simd = [], [], [], []
        for t, (entry, row) in enumerate(zip(entries, rows, strict=True)):
            word = entry.word

            def fits(reg, parity, t=t):
                return ~self.load_parity[t].bit_select(reg, 1) ^ parity

            def still(reg, t=t):
                return self.simd_pending[t].bit_select(reg, 1)

            f0, f1, f2, f3 = (word[lo : lo + 5] for lo in (F0, F1, F2, F3))
            loaded = (
                (~row.reads_a | fits(f1, entry.parity_a))
                & (~row.reads_b | fits(f2, entry.parity_b))
                & (~row.reads_c | fits(f3, entry.parity_c))
                & (~row.writes_v | fits(f0, entry.parity_d))
            )
            made = ~((row.reads_a & still(f1)) | (row.reads_b & still(f2)) | (row.reads_c & still(f3)) | (row.writes_v & still(f0)))
            past = ~entry.st.wait | ((entry.st.pos - self.st_read[t])[:ST_POS_BITS] >= 1 << (ST_POS_BITS - 1))
            go = Signal(name=f"ready_{t}")
            m.d.comb += go.eq(present[t] & loaded & made & past)
            ready.append(go)
            lacks_load.append(~loaded)
            lacks_drain.append(~past)
            lacks_simd.append(~made)

        # --- SIMD issue -------------------------------------------------------------------------------------------------------
        short, long = LATENCY[SimdOp.FMA], LATENCY[SimdOp.EXP2]
        reserved = Signal(MAX_LATENCY + 1)  # bit j: a result appears j cycles from now
        recent = Signal()  # a special function started in the last cycle
        simd_ready = Signal(THREADS)
        for t in range(THREADS):
            free = Mux(rows[t].special, ~recent, ~reserved[short])
            m.d.comb += simd_ready[t].eq(ready[t] & (entries[t].unit == Unit.SIMD) & free)
        simd_turn, simd_thread = Signal(THREAD_BITS), Signal(THREAD_BITS)
        self._rotate(m, simd_turn, simd_ready, simd_thread)
        simd_go = simd_ready.any()
        entry, row = Signal(VectorEntry, name="simd_entry"), Signal(Row, name="simd_row")
        m.d.comb += [entry.eq(Array(entries)[simd_thread]), row.eq(Array(rows)[simd_thread])]
        m.d.sync += [
            reserved.eq((reserved | Mux(simd_go, Mux(row.special, 1 << long, 1 << short), 0)) >> 1),
            recent.eq(simd_go & row.special),
        ]
        with m.If(simd_go):
            m.d.sync += simd_turn.eq(simd_thread + 1)
        tag = Signal(Tag)
        word = entry.word
        m.d.comb += [
            tag.thread.eq(simd_thread),
            tag.index.eq(Mux(row.is_predicate, word[F0 : F0 + 3], word[F0 : F0 + 5])),
            tag.is_predicate.eq(row.is_predicate),
            tag.all.eq(row.all),
        ]
        m.d.sync += [simd.valid.eq(simd_go), simd.op.eq(row.op), simd.imm.eq(word[F3 : F3 + 5]), simd.tag.eq(tag)]
        out = Signal(Tag, name="out_tag")
        m.d.comb += out.eq(simd.out_tag[: Tag.size])
        write_v = simd.out_valid & ~out.is_predicate
        m.d.sync += [
            self.predicate_out.valid.eq(simd.out_valid & out.is_predicate),
            self.predicate_out.thread.eq(out.thread),
            self.predicate_out.index.eq(out.index),
            self.predicate_out.value.eq(Mux(out.all, simd.out_all, simd.out_any)),
        ]
        for t in range(THREADS):
            begun = Mux(simd_go & row.writes_v & (simd_thread == t), 1 << word[F0 : F0 + 5], 0)
            over = Mux(write_v & (out.thread == t), 1 << out.index, 0)
            m.d.sync += self.simd_pending[t].eq((self.simd_pending[t] | begun) & ~over)

        # --- matrix issue -----------------------------------------------------------------------------------------------------
        matrix_ready, starved = Signal(THREADS), Signal(THREADS)
        for t in range(THREADS):
            waits = Signal(range(STARVED + 1), name=f"waits_{t}")
            m.d.comb += [
                matrix_ready[t].eq(ready[t] & (entries[t].unit == Unit.MATRIX)),
                starved[t].eq(matrix_ready[t] & (waits == STARVED)),
            ]
            with m.If(issued[t] | ~matrix_ready[t]):
                m.d.sync += waits.eq(0)
            with m.Elif(waits != STARVED):
                m.d.sync += waits.eq(waits + 1)
        last, matrix_thread = Signal(THREAD_BITS), Signal(THREAD_BITS)
        choices = Signal(THREADS)
        m.d.comb += choices.eq(Mux(starved.any(), starved, matrix_ready))
        self._rotate(m, last, choices, matrix_thread)  # begins with the thread that issued last: greedy
        matrix_go = matrix_ready.any()
        with m.If(matrix_go):
            m.d.sync += last.eq(matrix_thread)
        mentry, mrow = Signal(VectorEntry, name="matrix_entry"), Signal(Row, name="matrix_row")
        m.d.comb += [mentry.eq(Array(entries)[matrix_thread]), mrow.eq(Array(rows)[matrix_thread])]
        mword = mentry.word
        m.d.sync += [
            matrix.step.valid.eq(matrix_go & mrow.step),
            matrix.step.first.eq(mword[F0 + 3]),
            matrix.step.thread.eq(matrix_thread),
            matrix.step.acc.eq(mword[F0 : F0 + 3]),
            matrix.step.a.transposed.eq(mword[F3]),
            matrix.step.b.transposed.eq(mword[F3 + 1]),
            matrix.load.valid.eq(matrix_go & ~mrow.step),
            matrix.load.thread.eq(matrix_thread),
            matrix.load.acc.eq(mword[F0 : F0 + 3]),
            matrix.load.kind.eq(mrow.load_kind),
            matrix.load.index.eq(mword[F3 : F3 + 3]),
        ]
        stages = MatrixUnit.STEP_TO_DRAIN + 1
        recent_acc = [Signal(THREADS * isa.ACCUMULATORS, name=f"recent_acc{k}") for k in range(stages)]
        m.d.sync += recent_acc[0].eq(Mux(matrix_go, 1 << Cat(mword[F0 : F0 + 3], matrix_thread), 0))
        m.d.sync += [recent_acc[k].eq(recent_acc[k - 1]) for k in range(1, stages)]
        busy = recent_acc[0]
        for k in range(1, stages):
            busy = busy | recent_acc[k]
        m.d.comb += [
            self.acc_busy.eq(busy),
            matrix.drain.eq(self.drain),
            self.drained.eq(matrix.drained),
            self.drained_data.eq(matrix.drained_data),
            issued.eq(Mux(simd_go, 1 << simd_thread, 0) | Mux(matrix_go, 1 << matrix_thread, 0)),
        ]

        # --- registers --------------------------------------------------------------------------------------------------------
        addresses = [
            Cat(word[F1 : F1 + 5], simd_thread),
            Cat(word[F2 : F2 + 5], simd_thread),
            Cat(word[F3 : F3 + 5], simd_thread),
            Cat(mword[F1 : F1 + 5], matrix_thread),
            Cat(mword[F2 : F2 + 5], matrix_thread),
            Cat(self.store_read.reg, self.store_read.thread),
        ]
        targets = [simd.a, simd.b, simd.c, matrix.step_a, matrix.step_b, self.store_data]
        for lane in range(LANES):
            m.submodules[f"slice_{lane}"] = part = memory.Memory(shape=64, depth=THREADS * REGISTERS, init=[])
            for back in (self.l0, self.l1):
                port = part.write_port()
                m.d.comb += [
                    port.en.eq(back.valid[lane]),
                    port.addr.eq(Cat(back.reg[lane], back.thread[lane])),
                    port.data.eq(back.data[lane]),
                ]
            port = part.write_port()
            m.d.comb += [port.en.eq(write_v), port.addr.eq(Cat(out.index, out.thread)), port.data.eq(simd.out_data.word_select(lane, 64))]
            for address, target in zip(addresses, targets, strict=True):
                port = part.read_port(domain="sync")
                m.d.comb += [port.en.eq(1), port.addr.eq(address), target.word_select(lane, 64).eq(port.data)]
        m.d.comb += matrix.load_data.eq(matrix.step_a)

        # --- loads --------------------------------------------------------------------------------------------------------------
        for t in range(THREADS):
            begun = Const(0, REGISTERS)
            for begin in (self.load_begin[0], self.load_begin[1]):
                begun = begun | Mux(begin.valid & (begin.thread == t), 1 << begin.reg, 0)
            done = Signal(REGISTERS, name=f"done_{t}")
            all_here = self.load_busy[t]
            for lane in range(LANES):
                arrived, now = Signal(REGISTERS, name=f"arrived_{t}_{lane}"), Signal(REGISTERS, name=f"now_{t}_{lane}")
                came = Const(0, REGISTERS)
                for back in (self.l0, self.l1):
                    came = came | Mux(back.valid[lane] & (back.thread[lane] == t), 1 << back.reg[lane], 0)
                m.d.comb += now.eq(arrived | came)
                m.d.sync += arrived.eq(now & ~done)
                all_here = all_here & now
            m.d.comb += done.eq(all_here)
            m.d.sync += [
                self.load_busy[t].eq((self.load_busy[t] & ~done) | begun),
                self.load_parity[t].eq(self.load_parity[t] ^ done),
            ]

        # --- idle, events -------------------------------------------------------------------------------------------------------
        for t in range(THREADS):
            moving = Signal(MAX_LATENCY + 4, name=f"moving_{t}")  # cycles since something issued: covers both pipes
            m.d.sync += moving.eq(Cat(issued[t], moving[:-1]))
            m.d.comb += self.idle[t].eq((heads[t] == tails[t]) & ~moving.any() & (self.load_busy[t] == 0))
        steps = [present[t] & (entries[t].unit == Unit.MATRIX) for t in range(THREADS)]
        simds = [present[t] & (entries[t].unit == Unit.SIMD) for t in range(THREADS)]
        m.d.comb += [self.matrix_step.eq(matrix_go), self.simd_issue.eq(simd_go)]
        with m.If(matrix_go):
            m.d.comb += self.matrix_wait.eq(0)
        with m.Elif(~self.running.any()):
            m.d.comb += self.matrix_wait.eq(1 << 5)
        with m.Elif((self.running & ~self.waiting) == 0):
            m.d.comb += self.matrix_wait.eq(1 << 4)
        with m.Elif(Cat(s & lacks for s, lacks in zip(steps, lacks_load, strict=True)).any()):
            m.d.comb += self.matrix_wait.eq(1 << 0)
        with m.Elif(Cat(s & lacks for s, lacks in zip(steps, lacks_drain, strict=True)).any()):
            m.d.comb += self.matrix_wait.eq(1 << 1)
        with m.Elif(Cat(*(s & lacks for s, lacks in zip(steps, lacks_simd, strict=True)), *simds).any()):
            m.d.comb += self.matrix_wait.eq(1 << 2)
        with m.Else():
            m.d.comb += self.matrix_wait.eq(1 << 3)

        if self.trace_on:
            self._trace(m, simd, matrix, simd_go, tag, entry, out, matrix_go, mentry)
        return m

    def _trace(self, m, simd, matrix, simd_go, tag, entry, out, matrix_go, mentry) -> None:
        """Numbers travel beside the pipes: by destination for SIMD, by age for the matrix unit."""
        m.submodules.numbers = numbers = memory.Memory(shape=SEQ_BITS, depth=256, init=[])
        write, read = numbers.write_port(), numbers.read_port(domain="comb")
        record = self.trace_vector
        m.d.comb += [
            write.en.eq(simd_go),
            write.addr.eq(Cat(tag.index, tag.thread, tag.is_predicate)),
            write.data.eq(entry.seq),
            read.addr.eq(Cat(out.index, out.thread, out.is_predicate)),
        ]
        value = Mux(out.all, simd.out_all, simd.out_any)
        m.d.sync += [
            record.valid.eq(simd.out_valid),
            record.thread.eq(out.thread),
            record.seq.eq(read.data),
            record.index.eq(out.index),
            record.is_predicate.eq(out.is_predicate),
            record.data.eq(Mux(out.is_predicate, value, simd.out_data)),
        ]
        ages = [Signal(SEQ_BITS, name=f"matrix_seq{k}") for k in range(MatrixUnit.TRACE_LATENCY + 1)]
        m.d.sync += ages[0].eq(mentry.seq)
        m.d.sync += [ages[k].eq(ages[k - 1]) for k in range(1, len(ages))]
        ended = matrix.ended
        m.d.comb += [
            self.trace_matrix.valid.eq(ended.valid),
            self.trace_matrix.thread.eq(ended.thread),
            self.trace_matrix.seq.eq(ages[-1]),
            self.trace_matrix.index.eq(ended.acc),
            self.trace_matrix.digest.eq(ended.digest),
        ]

    @staticmethod
    def _rotate(m, turn, asking, chosen) -> None:
        """The first asking thread from ``turn`` on."""
        with m.Switch(turn):
            for start in range(THREADS):
                with m.Case(start):
                    for offset in reversed(range(THREADS)):
                        t = (start + offset) % THREADS
                        with m.If(asking[t]):
                            m.d.comb += chosen.eq(t)
