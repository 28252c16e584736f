"""The scalar unit: scalar queues, issue, and the execute stage with two arithmetic and two address units.

    I   issue: choose a thread, read registers and descriptors             load_begin, store_issue
    X   execute, also called AG: results, addresses, faults, steps         store_address, predicates, operands
    ..  load queues -> SRAM; a scalar load's data enters the registers in the cycle in which it returns

Each of the two slots of X can do anything; issue sees to it that a pair shares no unit that exists once (store address,
scalar load, slow unit). An instruction that faults changes nothing, nor does any younger one of its thread: those that
have issued meanwhile are cancelled in X, the rest waits for `kill`. A vector load that is cancelled still goes to the
SRAM, with no lane enabled, so that its register's busy bit falls.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2
from golden.arch.memmap import CSR_BITS, Csr, Fault
from golden.arch.trace import SEQ_BITS
from rtl.core.address import NOWHERE_LOW, DrainAddress, GatherAddress
from rtl.core.alu import Alu
from rtl.core.counters import COUNTER_BITS, LINE, LINES, Counters, Events
from rtl.core.csr import NODE_BITS, CsrFile
from rtl.core.descriptors import Descriptor, DescriptorFile, Stepper
from rtl.core.layouts import (
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    FaultEvent,
    LoadBegin,
    Operand,
    PredicateWrite,
    StoreAddress,
    StoreIssue,
    StoreKind,
    StoreSlots,
    TraceScalar,
)
from rtl.core.load_queue import LoadQueue, ScalarRequest, VectorLoadQueues
from rtl.core.scalar_decode import Queued, Step, immediate
from rtl.core.scalar_issue import GENERATION_BITS, ScalarIssue
from rtl.core.scalar_queue import HEADS, ScalarHead, ScalarPush, ScalarQueue
from rtl.core.scalar_registers import READS, ScalarRegisters
from rtl.core.slow import SlowUnit
from rtl.mem import ports

SLOTS = 2
# How equal words of two stores are known to lie in equal lanes: from the address alone, or by the rows of one descriptor.
STREAM_LINE, STREAM_ROWS8, STREAM_ROWS4, STREAM_UNIQUE = range(4)
STREAM_BITS = 12

Execute = data.StructLayout({
    "valid": 1,
    "q": Queued,
    "a": 64,
    "b": 64,
    "descriptor": Descriptor,
    "generation": GENERATION_BITS,
})
LoadTag = data.StructLayout({"thread": THREAD_BITS, "index": 5, "offset": 3, "size": 2, "signed": 1})
Poke = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "index": 5, "value": 64})
StoreIssuePort = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "store": StoreIssue})
StoreAddressPort = data.StructLayout({"valid": 1, "thread": THREAD_BITS, "cancel": 1, "store": StoreAddress})


class ScalarUnit(wiring.Component):
    """The scalar unit of one core.

    Parameters
    ----------
    config: sizes.
    trace: with the trace ports.
    """

    def __init__(self, config: NodeConfig, trace: bool = False) -> None:
        self._config, self._trace = config, trace
        ports_ = {
            # From dispatch: instructions of one thread, oldest first; into places that scalar_free showed.
            "scalar_in": In(data.ArrayLayout(ScalarPush, config.dispatch_width)),
            "scalar_thread": In(THREAD_BITS),
            # Places free at the start of the cycle; what is pushed in it does not count yet. State out.
            "scalar_free": Out(data.ArrayLayout(range(config.scalar_queue + 1), THREADS)),
            # The oldest instruction of each thread, as long as it has not issued.
            "scalar_head": Out(data.ArrayLayout(ScalarHead, THREADS)),
            # State of the vector unit: positions issued, registers that a SIMD operation will write, parity of completed
            # loads, registers with a load under way.
            "vq_head": In(data.ArrayLayout(VQ_POS_BITS, THREADS)),
            "simd_pending": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_parity": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            "load_busy": In(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            # State of the store unit: store positions read, slots.
            "st_read": In(data.ArrayLayout(ST_POS_BITS, THREADS)),
            "store_slots": In(data.ArrayLayout(StoreSlots, THREADS)),
            # Vector loads that issue in this cycle, up to two of one thread; the second is the younger.
            "load_begin": Out(data.ArrayLayout(LoadBegin, SLOTS)),
            # SRAM ports.
            "l0": Out(ports.VectorLoad),
            "l1": Out(ports.VectorLoad),
            "sl": Out(ports.ScalarLoad),
            # A store issues; its address, or that it shall not happen, follows in the next cycle.
            "store_issue": Out(StoreIssuePort),
            "store_address": Out(StoreAddressPort),
            # Scalar registers whose value is under way, per thread; a store's `scalar_loads` fall with these. State out.
            "scalar_busy": Out(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS)),
            # To the front end.
            "predicate_out": Out(data.ArrayLayout(PredicateWrite, SLOTS)),
            "operand_out": Out(Operand),
            # A fault; a flip-flop. The thread issues nothing until it is killed.
            "fault_out": Out(FaultEvent),
            # Threads that drop what they have queued, a pulse.
            "kill": In(THREADS),
            # Threads of which nothing is queued, executing or under way (vector loads apart).
            "idle": Out(THREADS),
            # Writes a register of a thread that does not run; taken in a cycle with poke_ready.
            "poke": In(Poke),
            "poke_ready": Out(1),
            # Control registers: y << 5 | x; flags to set; state of the others.
            "node": In(NODE_BITS),
            "set_flags": In(data.ArrayLayout(CSR_BITS[Csr.FP_FLAGS], THREADS)),
            "priority": Out(data.ArrayLayout(CSR_BITS[Csr.PRIORITY], THREADS)),
            "fp_mode": Out(data.ArrayLayout(CSR_BITS[Csr.FP_MODE], THREADS)),
            "seed": Out(data.ArrayLayout(CSR_BITS[Csr.SEED], THREADS)),
            # What the rest of the core counts; and a line of eight counters for the endpoint.
            "events": In(Events),
            "counter_line": In(range(LINES)),
            "counter_values": Out(data.ArrayLayout(COUNTER_BITS, LINE)),
        }
        if trace:
            # Results of the two slots, then of loads and the slow unit; flip-flops.
            ports_["trace_out"] = Out(data.ArrayLayout(TraceScalar, SLOTS + 1))
        super().__init__(ports_)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = self._config.sram_words
        m.submodules.queue = queue = ScalarQueue(self._config.scalar_queue, self._config.dispatch_width)
        m.submodules.issue = issue = ScalarIssue()
        m.submodules.registers = registers = ScalarRegisters()
        m.submodules.descriptors = file = DescriptorFile()
        m.submodules.vector_loads = vector_loads = VectorLoadQueues()
        m.submodules.scalar_loads = scalar_loads = LoadQueue(ScalarRequest)
        m.submodules.slow = slow = SlowUnit()
        m.submodules.csr = csr = CsrFile()
        m.submodules.counters = counters = Counters()
        occupied = [self.store_slots[t].occupied for t in range(THREADS)]
        pending = [self.scalar_busy[t] for t in range(THREADS)]
        stopped = Signal(THREADS)  # a fault is on its way to the front end

        def of_thread(thread: Value, values: list[Value], name: str) -> Signal:
            chosen = Signal(len(values[0]), name=name)
            with m.Switch(thread):
                for t in range(THREADS):
                    with m.Case(t):
                        m.d.comb += chosen.eq(values[t])
            return chosen

        # --- queue ----------------------------------------------------------------------------------------------------
        m.d.comb += [
            queue.push.eq(self.scalar_in),
            queue.push_thread.eq(self.scalar_thread),
            queue.take.eq(issue.take),
            queue.take_thread.eq(issue.thread),
            queue.kill.eq(self.kill),
            self.scalar_free.eq(queue.free),
        ]
        for t in range(THREADS):
            head = queue.heads[HEADS * t]
            m.d.comb += [self.scalar_head[t].valid.eq(queue.valid[t][0]), self.scalar_head[t].vq_mark.eq(head.vq_mark)]

        # --- I --------------------------------------------------------------------------------------------------------
        m.d.comb += [
            issue.heads.eq(queue.heads),
            issue.valid.eq(queue.valid),
            issue.hold.eq(stopped | self.kill),
            issue.pending.eq(self.scalar_busy),
            issue.vq_head.eq(self.vq_head),
            issue.simd_pending.eq(self.simd_pending),
            issue.load_parity.eq(self.load_parity),
            issue.st_read.eq(self.st_read),
            issue.occupied.eq(Cat(occupied)),
            issue.priority.eq(Cat(self.priority[t][2:4] for t in range(THREADS))),
            issue.room_one.eq(vector_loads.room_one),
            issue.room_two.eq(vector_loads.room_two),
            issue.room_scalar.eq(scalar_loads.room),
            issue.slow_free.eq(slow.free),
            registers.thread.eq(issue.thread),
        ]
        for t in range(THREADS):
            for h in range(HEADS):
                q = queue.heads[HEADS * t + h]
                m.d.comb += registers.index[READS * t + 2 * h].eq(q.a)
                m.d.comb += registers.index[READS * t + 2 * h + 1].eq(q.b)
        thread = Signal(THREAD_BITS)  # of both slots of X
        older = Signal(4)  # store slots that were in use when they issued
        older_now = of_thread(issue.thread, occupied, "older_now")
        m.d.sync += [thread.eq(issue.thread), older.eq(older_now)]
        slots = [Signal(Execute, name=f"x{k}") for k in range(SLOTS)]
        register_bit = []  # of each slot, the register in f0
        for k, q in enumerate((issue.first, issue.second)):
            c, x = q.control, slots[k]
            m.d.comb += [
                registers.chosen[2 * k].eq(q.a),
                registers.chosen[2 * k + 1].eq(q.b),
                file.read_index[k].eq(Cat(q.d, issue.thread)),
                self.load_begin[k].valid.eq(issue.issue[k] & c.vload),
                self.load_begin[k].thread.eq(issue.thread),
                self.load_begin[k].reg.eq(q.word[F0 : F0 + 5]),
                self.load_begin[k].seq.eq(q.seq),
            ]
            m.d.sync += [
                x.valid.eq(issue.issue[k]),
                x.q.eq(q),
                x.a.eq(registers.value[2 * k]),
                x.b.eq(Mux(c.b_imm, immediate(q), registers.value[2 * k + 1])),
                x.descriptor.eq(file.read[k]),
                x.generation.eq(issue.generation[k]),
            ]
            bit = Signal(isa.SCALAR_REGISTERS, name=f"register_{k}")
            m.d.comb += bit.eq(1 << q.word[F0 : F0 + 5])
            register_bit.append(bit)

        # Stores: at most one of the pair, and a load that goes with it is the older of the two.
        second_stores = issue.issue[1] & issue.second.control.store
        stores = second_stores | issue.issue[0] & issue.first.control.store
        q = Signal(Queued, name="stored")
        source = Signal(64)
        with m.If(second_stores):
            m.d.comb += [q.eq(issue.second), source.eq(registers.value[3])]
        with m.Else():
            m.d.comb += [q.eq(issue.first), source.eq(registers.value[1])]
        with_it = Mux(second_stores, register_bit[0], 0)
        c, out = q.control, self.store_issue.store
        m.d.comb += [
            self.store_issue.valid.eq(stores),
            self.store_issue.thread.eq(issue.thread),
            out.seq.eq(q.seq),
            out.source.eq(Mux(c.drain, q.word[F0 : F0 + 3], q.word[F0 : F0 + 5])),
            out.vq.eq(q.vq),
            out.parity.eq(q.parity),
            out.loads.eq(
                of_thread(issue.thread, [self.load_busy[t] for t in range(THREADS)], "busy_now")
                | Mux(issue.first.control.vload, with_it, 0)
            ),
            out.scalar_loads.eq(
                of_thread(issue.thread, pending, "pending_now") | Mux(issue.first.control.sload, with_it, 0)
            ),
            out.drain_format.eq(c.drain_format),
            out.relu.eq(q.word[F2 + 3]),
        ]
        with m.If(c.drain):
            m.d.comb += out.kind.eq(StoreKind.DRAIN)
        with m.Elif(c.sstore):
            m.d.comb += out.kind.eq(StoreKind.SCALAR)
        with m.Elif(c.sync):
            m.d.comb += out.kind.eq(StoreKind.RAISE)
        with m.Else():
            m.d.comb += out.kind.eq(StoreKind.VECTOR)
        # A scalar store's data is repeated at every place that it may have in its word.
        with m.If(c.sync):
            m.d.comb += out.value.eq(Cat(q.word[F2 : F2 + 10], Const(0, 6), q.word[F0 : F0 + 6]))
        with m.Else():
            with m.Switch(c.size):
                for size in range(4):
                    with m.Case(size):
                        m.d.comb += out.value.eq(source[: 8 << size].replicate(8 >> size))

        # --- X --------------------------------------------------------------------------------------------------------
        m.submodules.drain = drain = DrainAddress(words)
        drains = slots[1].valid & slots[1].q.control.drain
        drained = Signal(Execute)
        m.d.comb += [
            drained.eq(Mux(drains, Value.cast(slots[1]), Value.cast(slots[0]))),
            drain.geometry.eq(drained.descriptor.geometry),
            drain.position.eq(drained.descriptor.inner),
            drain.tile.eq(drained.q.word[F2 : F2 + 3]),
            drain.kind.eq(drained.q.control.drain_format),
        ]
        is_stopped = of_thread(thread, [stopped[t] for t in range(THREADS)], "is_stopped")
        # Signals of their own for each slot: the second's depend on the first's.
        cancelled, faulty, done = (
            [Signal(name=f"{name}_{k}") for k in range(SLOTS)] for name in ("cancelled", "faulty", "done")
        )
        m.d.comb += [cancelled[0].eq(is_stopped), cancelled[1].eq(is_stopped | faulty[0])]
        m.d.comb += [done[k].eq(x.valid & ~cancelled[k] & ~faulty[k]) for k, x in enumerate(slots)]
        faults, addresses, gathers = [], [], []
        for k, x in enumerate(slots):
            q, c = x.q, x.q.control
            m.submodules[f"alu_{k}"] = alu = Alu()
            m.submodules[f"stepper_{k}"] = stepper = Stepper()
            m.submodules[f"gather_{k}"] = gather = GatherAddress(words)
            gathers.append(gather)
            m.d.comb += [
                alu.op.eq(c.alu),
                alu.compare.eq(c.compare),
                alu.invert.eq(c.invert),
                alu.a.eq(x.a),
                alu.b.eq(x.b),
                alu.pc.eq(q.pc),
                stepper.current.eq(x.descriptor),
                stepper.step.eq(q.step),
                stepper.set.eq(c.setd),
                stepper.low.eq(x.a),
                stepper.high.eq(x.b),
                gather.geometry.eq(x.descriptor.geometry),
                gather.position.eq(x.descriptor.inner),
                gather.tile.eq(q.word[F2 : F2 + 3]),
                gather.pieces.eq(c.pieces),
            ]
            # Results: of the arithmetic unit, a half of a descriptor, or the moved base.
            to_ra = c.writes_ra
            now = (c.writes_rd & ~c.sload & ~c.slow) | to_ra
            result = registers.result[k]
            m.d.comb += [
                result.thread.eq(thread),
                result.index.eq(Mux(to_ra, q.word[F1 : F1 + 5], q.word[F0 : F0 + 5])),
                result.en.eq(done[k] & now),
                result.value.eq(
                    Mux(
                        c.getd,
                        Mux(q.word[F2], stepper.image_high, stepper.image_low),
                        Mux(to_ra, alu.sum, alu.result),
                    )
                ),
            ]
            m.d.comb += [
                file.write[k].eq(done[k] & q.changes_d),
                file.write_outer[k].eq(c.setd | (q.step == Step.OUTER)),
                file.write_geometry[k].eq(c.setd),
                file.write_index[k].eq(Cat(q.d, thread)),
                file.value[k].eq(stepper.after),
                self.predicate_out[k].valid.eq(done[k] & c.writes_p),
                self.predicate_out[k].thread.eq(thread),
                self.predicate_out[k].index.eq(q.word[F0 : F0 + 3]),
                self.predicate_out[k].value.eq(alu.predicate),
            ]
            # Faults. A misaligned scalar access is that first.
            address = Signal(64, name=f"address_{k}")
            scalar, vector = c.sload | c.sstore, c.vload | c.vstore
            unaligned = Signal(name=f"unaligned_{k}")
            with m.Switch(c.size):
                for size in range(1, 4):
                    with m.Case(size):
                        m.d.comb += unaligned.eq(address[:size].any())
            outside = address[21:].any() | (address[3:21] >= words)
            m.d.comb += address.eq(Mux(c.post, x.a, alu.sum))
            addresses.append(address)
            cause, operand = Signal(4, name=f"cause_{k}"), Signal(64, name=f"fault_operand_{k}")
            m.d.comb += [cause.eq(Fault.RANGE), operand.eq(address)]
            fault = Signal(name=f"fault_{k}")
            with m.If(scalar):
                m.d.comb += fault.eq(unaligned | outside)
                with m.If(unaligned):
                    m.d.comb += cause.eq(Fault.MISALIGNED)
            with m.Elif(vector):
                m.d.comb += [fault.eq(gather.fault), operand.eq(Cat(Const(0, 3), gather.fault_addr))]
            with m.Elif(c.drain):
                m.d.comb += [fault.eq(drain.fault), operand.eq(Cat(Const(0, 3), drain.fault_addr))]
            with m.Elif(c.setd):
                m.d.comb += [fault.eq(stepper.bad), cause.eq(Fault.DESCRIPTOR), operand.eq(x.b)]
            with m.Elif(c.csr):
                m.d.comb += [fault.eq(csr.illegal), cause.eq(Fault.ILLEGAL), operand.eq(q.word)]
            m.d.comb += faulty[k].eq(x.valid & ~cancelled[k] & fault)
            faults.append((cause, q.pc, operand))

            # Vector loads enter their queues whatever happens.
            dead = cancelled[k] | fault
            request, span = vector_loads.request[k], vector_loads.range[k]
            m.d.comb += [
                vector_loads.push[k].eq(x.valid & c.vload),
                request.reg.eq(q.word[F0 : F0 + 5]),
                request.enable.eq(Mux(dead, 0, gather.enable)),
                request.addr.eq(gather.addr),
                request.keep.eq(gather.keep),
                span.thread.eq(thread),
                span.low.eq(Mux(dead, NOWHERE_LOW, gather.low)),
                span.high.eq(Mux(dead, 0, gather.high)),
            ]
        m.d.comb += [vector_loads.older.eq(older), vector_loads.slots.eq(self.store_slots)]
        wiring.connect(m, wiring.flipped(self.l0), vector_loads.l0)
        wiring.connect(m, wiring.flipped(self.l1), vector_loads.l1)

        def pick(condition, name: str) -> tuple[Signal, Signal]:
            """The slot whose control satisfies a condition that one of the pair has at most: (some, the second)."""
            second = Signal(name=f"{name}_second")
            some = Signal(name=f"{name}_some")
            both = [x.valid & condition(x.q.control) for x in slots]
            m.d.comb += [second.eq(both[1]), some.eq(both[0] | both[1])]
            return some, second

        # Faults.
        late_fault = Mux(faulty[0], 0, 1)
        with m.If(faulty[0] | faulty[1]):
            m.d.sync += [
                self.fault_out.thread.eq(thread),
                self.fault_out.cause.eq(Mux(late_fault, faults[1][0], faults[0][0])),
                self.fault_out.pc.eq(Mux(late_fault, faults[1][1], faults[0][1])),
                self.fault_out.operand.eq(Mux(late_fault, faults[1][2], faults[0][2])),
            ]
        m.d.sync += self.fault_out.valid.eq(faulty[0] | faulty[1])
        m.d.sync += stopped.eq((stopped | Mux((faulty[0] | faulty[1]), 1 << thread, 0)) & ~self.kill)

        # Operands for the front end.
        some, second = pick(lambda c: c.operand, "operand")
        m.d.comb += [
            self.operand_out.valid.eq(some & Mux(second, done[1], done[0])),
            self.operand_out.thread.eq(thread),
            self.operand_out.value.eq(Mux(second, slots[1].a, slots[0].a)),
        ]

        # --- store address --------------------------------------------------------------------------------------------
        some, second = pick(lambda c: c.store, "store")
        x, address = Signal(Execute, name="storing"), Signal(64, name="store_byte")
        gather = Signal(data.StructLayout({
            "base": 18, "t0": 18, "t1": 18, "t2": 18, "enable": 8, "strobe": 64, "low": 18, "high": 18, "row": 3,
        }))
        with m.If(second):
            m.d.comb += [x.eq(slots[1]), address.eq(addresses[1])]
        with m.Else():
            m.d.comb += [x.eq(slots[0]), address.eq(addresses[0])]
        for name, values in {
            "base": [g.base for g in gathers],
            "t0": [g.t[0] for g in gathers],
            "t1": [g.t[1] for g in gathers],
            "t2": [g.t[2] for g in gathers],
            "enable": [g.enable for g in gathers],
            "strobe": [g.keep for g in gathers],
            "low": [g.low for g in gathers],
            "high": [g.high for g in gathers],
            "row": [g.row for g in gathers],
        }.items():
            m.d.comb += gather[name].eq(Mux(second, values[1], values[0]))
        c, out = x.q.control, self.store_address.store
        geometry = x.descriptor.geometry
        unique = Signal(10)
        m.d.sync += unique.eq(unique + 1)
        bytes_ = Signal(8)
        with m.Switch(c.size):
            for size in range(4):
                with m.Case(size):
                    m.d.comb += bytes_.eq((1 << (1 << size)) - 1)
        column_bytes = Signal(17)
        with m.Switch(geometry.elem):
            for elem in range(4):
                with m.Case(elem):
                    m.d.comb += column_bytes.eq(Cat(Const(0, elem), geometry.columns))
        with m.If(c.drain):
            with m.If(c.drain_format == 0):
                m.d.comb += column_bytes.eq(Cat(Const(0, 2), geometry.columns))
            with m.Else():
                m.d.comb += column_bytes.eq(Cat(Const(0, 1), geometry.columns))
        # Rows that overlap hold a word more than once, in different lanes.
        overlapping = column_bytes > Cat(Const(0, 3), geometry.row_pitch)
        by_descriptor = Cat(x.generation, x.q.d)
        one_of_a_kind = Cat(unique, Const(STREAM_UNIQUE, 2))
        m.d.comb += [
            self.store_address.valid.eq(some),
            self.store_address.thread.eq(thread),
            self.store_address.cancel.eq(~Mux(second, done[1], done[0])),
        ]
        with m.If(c.vstore):
            m.d.comb += [
                out.base.eq(gather.base),
                out.t0.eq(gather.t0),
                out.t1.eq(gather.t1),
                out.t2.eq(gather.t2),
                out.enable.eq(gather.enable),
                out.strobe.eq(gather.strobe),
                out.low.eq(gather.low),
                out.high.eq(gather.high),
            ]
            with m.Switch(c.pieces):
                with m.Case(0):
                    m.d.comb += out.stream.eq(Cat(gather.base[:3], Const(0, 7), Const(STREAM_LINE, 2)))
                with m.Case(2):
                    place = Cat(gather.base[0], gather.row[:2])
                    by_rows = Cat(place, by_descriptor, Const(STREAM_ROWS4, 2))
                    m.d.comb += out.stream.eq(Mux(overlapping, one_of_a_kind, by_rows))
                with m.Case(3):
                    by_rows = Cat(gather.row, by_descriptor, Const(STREAM_ROWS8, 2))
                    m.d.comb += out.stream.eq(Mux(overlapping, one_of_a_kind, by_rows))
                with m.Default():
                    m.d.comb += out.stream.eq(one_of_a_kind)
        with m.Elif(c.drain):
            raw = c.drain_format[1]
            by_rows = Cat(drain.base[0], drain.row[:2], by_descriptor, Const(STREAM_ROWS4, 2))
            m.d.comb += [
                out.base.eq(drain.base),
                out.t0.eq(1),
                out.t1.eq(Mux(raw, 2, drain.pitch)),
                out.t2.eq(Mux(raw, 4, Cat(Const(0, 1), drain.pitch))),
                out.row_mask.eq(drain.row_mask),
                out.column_mask.eq(drain.column_mask),
                out.row_pitch.eq(drain.pitch),
                out.low.eq(drain.low),
                out.high.eq(drain.high),
            ]
            with m.If(raw):
                m.d.comb += out.stream.eq(Cat(drain.base[:3], Const(0, 7), Const(STREAM_LINE, 2)))
            with m.Else():
                m.d.comb += out.stream.eq(Mux(overlapping, one_of_a_kind, by_rows))
        with m.Elif(c.sstore):
            # All scalar stores share a port that keeps their order.
            m.d.comb += [
                out.base.eq(address[3:21]),
                out.enable.eq(1),
                out.strobe.eq(self._move_bytes(m, bytes_, address[:3])),
                out.low.eq(address[3:21]),
                out.high.eq(address[3:21]),
                out.stream.eq(1 << 3),
            ]
        with m.Else():
            m.d.comb += [out.low.eq(NOWHERE_LOW), out.high.eq(0), out.stream.eq(one_of_a_kind)]
        with m.If(self.store_address.cancel):
            m.d.comb += [out.low.eq(NOWHERE_LOW), out.high.eq(0)]

        # --- scalar loads ---------------------------------------------------------------------------------------------
        some, second = pick(lambda c: c.sload, "load")
        loading, address = Signal(Execute, name="loading"), Signal(64, name="load_byte")
        m.d.comb += [
            loading.eq(Mux(second, Value.cast(slots[1]), Value.cast(slots[0]))),
            address.eq(Mux(second, addresses[1], addresses[0])),
        ]
        tag = Signal(LoadTag)
        m.d.comb += [
            tag.thread.eq(thread),
            tag.index.eq(loading.q.word[F0 : F0 + 5]),
            tag.offset.eq(address[:3]),
            tag.size.eq(loading.q.control.size),
            tag.signed.eq(loading.q.control.signed),
            scalar_loads.push.eq(some & Mux(second, done[1], done[0])),
            scalar_loads.older.eq(older),
            scalar_loads.range.thread.eq(thread),
            scalar_loads.range.low.eq(address[3:21]),
            scalar_loads.range.high.eq(address[3:21]),
            scalar_loads.request.addr.eq(address[3:21]),
            scalar_loads.request.tag.eq(tag),
            scalar_loads.slots.eq(self.store_slots),
            scalar_loads.take.eq(scalar_loads.go & self.sl.ready),
            self.sl.valid.eq(scalar_loads.go),
            self.sl.addr.eq(scalar_loads.head_request.addr),
            self.sl.tag.eq(scalar_loads.head_request.tag),
        ]
        back = data.View(LoadTag, self.sl.ret.tag[: LoadTag.size])
        loaded = self._extend(m, self.sl.ret.data, back)

        # --- slow unit and control registers --------------------------------------------------------------------------
        some, second = pick(lambda c: c.slow, "slow")
        slow_done = Mux(second, done[1], done[0])
        q = Signal(Queued, name="slow_instruction")
        csr_some, csr_second = pick(lambda c: c.csr, "csr")
        m.d.comb += [
            q.eq(Mux(second, Value.cast(slots[1].q), Value.cast(slots[0].q))),
            slow.claim.eq(
                issue.issue[0] & issue.first.control.slow | issue.issue[1] & issue.second.control.slow
            ),
            slow.start.eq(some & slow_done),
            slow.cancel.eq(some & ~slow_done),
            slow.is_csr.eq(q.control.csr),
            slow.a.eq(Mux(second, slots[1].a, slots[0].a)),
            slow.b.eq(Mux(second, slots[1].b, slots[0].b)),
            slow.tag.thread.eq(thread),
            slow.tag.index.eq(q.word[F0 : F0 + 5]),
            slow.tag.seq.eq(q.seq),
            slow.csr_value.eq(csr.value),
            csr.thread.eq(thread),
            csr.number.eq(Mux(csr_second, slots[1].b, slots[0].b)),
            csr.is_write.eq(~Mux(csr_second, slots[1].q.control.slow, slots[0].q.control.slow)),
            csr.commit.eq(csr_some & Mux(csr_second, done[1], done[0])),
            csr.data.eq(Mux(csr_second, slots[1].a, slots[0].a)),
            csr.node.eq(self.node),
            csr.counter_value.eq(counters.value),
            csr.cycles.eq(counters.cycles),
            csr.set_flags.eq(self.set_flags),
            self.priority.eq(csr.priority),
            self.fp_mode.eq(csr.fp_mode),
            self.seed.eq(csr.seed),
            counters.events.eq(self.events),
            counters.clear.eq(csr.clear_counters),
            counters.index.eq(csr.counter_index),
            counters.line.eq(self.counter_line),
            self.counter_values.eq(counters.values),
        ]
        vectors = [slot.q.control.vload | slot.q.control.vstore | slot.q.control.drain for slot in slots]
        m.d.comb += [
            counters.retired_scalar.eq((done[0] & ~vectors[0]) + (done[1] & ~vectors[1])),
            counters.retired_vector_memory.eq((done[0] & vectors[0]) + (done[1] & vectors[1])),
        ]

        # --- the late write port, pending and idle ----------------------------------------------------------------------
        late = registers.late
        m.d.comb += self.poke_ready.eq(~self.sl.ret.valid & ~slow.done)
        with m.If(self.sl.ret.valid):
            m.d.comb += [late.en.eq(1), late.thread.eq(back.thread), late.index.eq(back.index), late.value.eq(loaded)]
        with m.Elif(slow.done):
            m.d.comb += [
                late.en.eq(1),
                late.thread.eq(slow.result_tag.thread),
                late.index.eq(slow.result_tag.index),
                late.value.eq(slow.result),
                slow.take.eq(1),
            ]
        with m.Else():
            m.d.comb += [
                late.en.eq(self.poke.valid),
                late.thread.eq(self.poke.thread),
                late.index.eq(self.poke.index),
                late.value.eq(self.poke.value),
            ]
        begins, arrived, lost = (Signal(isa.SCALAR_REGISTERS, name=name) for name in ("begins", "arrived", "lost"))
        begin_bits = [
            Mux(issue.issue[k] & (q.control.sload | q.control.slow), register_bit[k], 0)
            for k, q in enumerate((issue.first, issue.second))
        ]
        lost_bits = [
            Mux(x.valid & ~done[k] & (x.q.control.sload | x.q.control.slow), 1 << x.q.word[F0 : F0 + 5], 0)
            for k, x in enumerate(slots)
        ]
        returns = self.sl.ret.valid | slow.done
        m.d.comb += [
            begins.eq(begin_bits[0] | begin_bits[1]),
            arrived.eq(Mux(returns, 1 << late.index, 0)),
            lost.eq(lost_bits[0] | lost_bits[1]),
        ]
        for t in range(THREADS):
            m.d.sync += pending[t].eq(
                (pending[t] | Mux(issue.thread == t, begins, 0))
                & ~Mux(thread == t, lost, 0)
                & ~Mux(late.thread == t, arrived, 0)
            )
            m.d.comb += self.idle[t].eq(queue.empty[t] & ~(slots[0].valid & (thread == t)) & ~pending[t].any())

        if self._trace:
            self._add_trace(m, slots, thread, done, registers, file, tag, scalar_loads.push, loading.q.seq, back, slow)
        return m

    @staticmethod
    def _move_bytes(m: Module, strobe: Value, offset: Value) -> Value:
        """An 8-bit strobe moved up to a byte offset that it fits at."""
        for bit in range(3):
            moved = Signal(8, name=f"strobe_{bit}")
            m.d.comb += moved.eq(Mux(offset[bit], Cat(Const(0, 1 << bit), strobe)[:8], strobe))
            strobe = moved
        return strobe

    @staticmethod
    def _extend(m: Module, word: Value, tag) -> Signal:
        """The bytes of a word that a scalar load wants, extended to 64 bits."""
        at, value = Signal(64, name="loaded_at"), Signal(64, name="loaded")
        m.d.comb += at.eq(word >> Cat(Const(0, 3), tag.offset))
        with m.Switch(tag.size):
            for size in range(4):
                width = 8 << size
                with m.Case(size):
                    fill = (at[width - 1] & tag.signed).replicate(64 - width)
                    m.d.comb += value.eq(Cat(at[:width], fill))
        return value

    def _add_trace(self, m, slots, thread, done, registers, file, tag, starts, seq, back, slow) -> None:
        """Trace ports; a load's sequence number waits in a table, as one load per register is under way."""
        m.submodules.load_seq = table = memory.Memory(shape=SEQ_BITS, depth=THREADS * isa.SCALAR_REGISTERS, init=[])
        into, out = table.write_port(), table.read_port(domain="comb")
        m.d.comb += [
            into.en.eq(starts),
            into.addr.eq(Cat(tag.index, tag.thread)),
            into.data.eq(seq),
            out.addr.eq(Cat(back.index, back.thread)),
        ]
        for k, x in enumerate(slots):
            c, result, trace = x.q.control, registers.result[k], self.trace_out[k]
            writes_x = result.en & result.index.any()
            writes_d = file.write[k]
            writes_p = done[k] & c.writes_p & x.q.word[F0 : F0 + 3].any()
            m.d.sync += [
                trace.valid.eq(writes_x | writes_d | writes_p),
                trace.thread.eq(thread),
                trace.seq.eq(x.q.seq),
                trace.kind.eq(Mux(c.writes_p, 1, Mux(writes_d, 2, 0))),
                trace.index.eq(Mux(c.writes_p, x.q.word[F0 : F0 + 3], Mux(writes_d, x.q.d, result.index))),
                trace.value.eq(
                    Mux(c.writes_p, self.predicate_out[k].value, Mux(writes_d, file.value[k].inner.base, result.value))
                ),
            ]
        late, trace = registers.late, self.trace_out[SLOTS]
        loads = self.sl.ret.valid
        m.d.sync += [
            trace.valid.eq((loads | slow.done) & late.index.any()),
            trace.thread.eq(late.thread),
            trace.seq.eq(Mux(loads, out.data, slow.result_tag.seq)),
            trace.kind.eq(Mux(loads, 3, 0)),
            trace.index.eq(late.index),
            trace.value.eq(late.value),
        ]
