"""The scalar unit: scalar queues, issue, and the execute stage with two arithmetic and two address units.

    I   issue: choose a thread, read registers and descriptors             load_begin, store_issue
    X   execute, also called AG: results, addresses, faults, steps         store_address, predicates, operands
    ..  load queues -> SRAM; a scalar load's data enters the registers in the cycle in which it returns

Each of the two slots of X can do anything; issue sees to it that a pair shares no unit that exists once (store address,
scalar load, slow unit). An instruction that faults changes nothing, nor does any younger one of its thread: those that
have issued meanwhile are cancelled in X, the rest waits for `kill`. A vector load that is cancelled still goes to the
SRAM, with no lane enabled, so that its register's busy bit falls.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0
from golden.arch.memmap import CSR_BITS, Csr
from rtl.core.interfaces import (
    ST_POS_BITS,
    THREAD_BITS,
    THREADS,
    VQ_POS_BITS,
    FaultEvent,
    LoadBegin,
    Operand,
    PredicateWrite,
    ScalarHead,
    ScalarPush,
    StoreAddressPort,
    StoreIssuePort,
    StoreSlots,
)
from rtl.core.memory.address import NOWHERE_LOW
from rtl.core.memory.descriptors import DescriptorFile
from rtl.core.memory.load_queue import VectorLoadQueues, of_thread
from rtl.core.memory.scalar_store import StoreEntry, StorePlace
from rtl.core.scalar.decode import Queued, Step, immediate
from rtl.core.scalar.execute import Execute, ExecuteSlot, pick
from rtl.core.scalar.fault import FaultReport
from rtl.core.scalar.issue import ScalarIssue
from rtl.core.scalar.late import LateResults, Poke
from rtl.core.scalar.queue import HEADS, ScalarQueue
from rtl.core.scalar.registers import READS, ScalarRegisters
from rtl.core.thread.counters import COUNTER_BITS, LINE, LINES, Counters, Events
from rtl.core.thread.csr import NODE_BITS, CsrFile
from rtl.core.trace import TraceScalar
from rtl.mem import ports

SLOTS = 2


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
            # A fault, two cycles after its execute stage; a flip-flop. The thread issues nothing until it is killed.
            "fault_out": Out(FaultEvent),
            # Threads that drop what they have queued, a pulse.
            "kill": In(THREADS),
            # Threads of which nothing is queued, executing or under way (vector loads apart), nor a fault to be reported.
            "idle": Out(THREADS),
            # Writes a register of a thread that does not run; taken in a cycle with poke_ready.
            "poke": In(Poke),
            "poke_ready": Out(1),
            # Control registers: threads that start, a pulse; y << 5 | x; flags to set; state of the others.
            "starts": In(THREADS),
            "node": In(NODE_BITS),
            "set_flags": In(data.ArrayLayout(CSR_BITS[Csr.FP_FLAGS], THREADS)),
            "priority": Out(data.ArrayLayout(CSR_BITS[Csr.PRIORITY], THREADS)),
            "fp_mode": Out(data.ArrayLayout(CSR_BITS[Csr.FP_MODE], THREADS)),
            "seed": Out(data.ArrayLayout(CSR_BITS[Csr.SEED], THREADS)),
            "ecc_inject": Out(data.ArrayLayout(CSR_BITS[Csr.ECC_INJECT], THREADS)),
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
        m.submodules.csr = csr = CsrFile()
        m.submodules.counters = counters = Counters()
        m.submodules.late = late = LateResults(self._trace)
        m.submodules.loads = loads = VectorLoadQueues()
        slots = [Signal(Execute, name=f"x{k}") for k in range(SLOTS)]
        thread = Signal(THREAD_BITS)  # of both slots
        older = Signal(4)  # store slots of the thread that were in use when they issued
        stopped = Signal(THREADS)  # a fault is on its way to the front end

        m.d.comb += [
            queue.push.eq(self.scalar_in),
            queue.push_thread.eq(self.scalar_thread),
            queue.take.eq(issue.take),
            queue.take_thread.eq(issue.thread),
            queue.kill.eq(self.kill),
            self.scalar_free.eq(queue.free),
            self.scalar_busy.eq(late.pending),
            issue.room_one.eq(loads.room_one),
            issue.room_two.eq(loads.room_two),
        ]
        for t in range(THREADS):
            head = queue.heads[HEADS * t]
            m.d.comb += [self.scalar_head[t].valid.eq(queue.valid[t][0]), self.scalar_head[t].vq_mark.eq(head.vq_mark)]
            still = queue.empty[t] & ~(slots[0].valid & (thread == t)) & ~stopped[t]
            m.d.comb += self.idle[t].eq(still & ~late.pending[t].any())

        self._issue(m, queue, issue, registers, file, late, slots, thread, older, stopped)
        done, parts = self._execute(m, slots, thread, older, stopped, registers, file, csr, loads, StorePlace(words))
        self._late(m, slots, done, parts, thread, older, late, registers, csr, counters)
        if self._trace:
            self._add_trace(m, slots, thread, done, registers, file, late)
        return m

    def _issue(self, m, queue, issue, registers, file, late, slots, thread, older, stopped) -> None:
        """Stage I: from the queues into the slots."""
        occupied = [self.store_slots[t].occupied for t in range(THREADS)]
        m.d.comb += [
            issue.heads.eq(queue.heads),
            issue.valid.eq(queue.valid),
            issue.hold.eq(stopped | self.kill),
            issue.pending.eq(late.pending),
            issue.vq_head.eq(self.vq_head),
            issue.simd_pending.eq(self.simd_pending),
            issue.load_parity.eq(self.load_parity),
            issue.st_read.eq(self.st_read),
            issue.occupied.eq(Cat(occupied)),
            issue.priority.eq(Cat(self.priority[t][2:4] for t in range(THREADS))),
            issue.slow_free.eq(late.slow_free),
            issue.room_scalar.eq(late.room),
            registers.thread.eq(issue.thread),
            late.begin_thread.eq(issue.thread),
        ]
        m.d.sync += [thread.eq(issue.thread), older.eq(of_thread(m, issue.thread, occupied, "older_now"))]
        for t in range(THREADS):
            for h in range(HEADS):
                q = queue.heads[HEADS * t + h]
                m.d.comb += registers.index[READS * t + 2 * h].eq(q.a)
                m.d.comb += registers.index[READS * t + 2 * h + 1].eq(q.b)
        bits = [Signal(isa.SCALAR_REGISTERS, name=f"register_{k}") for k in range(SLOTS)]  # the register in f0
        for k, q in enumerate((issue.first, issue.second)):
            c, x, begin = q.control, slots[k], self.load_begin[k]
            m.d.comb += [
                bits[k].eq(1 << q.word[F0 : F0 + 5]),
                registers.chosen[2 * k].eq(q.a),
                registers.chosen[2 * k + 1].eq(q.b),
                file.read_index[k].eq(Cat(q.d, issue.thread)),
                begin.valid.eq(issue.issue[k] & c.vload),
                begin.thread.eq(issue.thread),
                begin.reg.eq(q.word[F0 : F0 + 5]),
                begin.seq.eq(q.seq),
            ]
            m.d.sync += [
                x.valid.eq(issue.issue[k]),
                x.q.eq(q),
                x.a.eq(registers.value[2 * k]),
                x.b.eq(Mux(c.b_imm, immediate(q), registers.value[2 * k + 1])),
                x.descriptor.eq(file.read[k]),
                x.generation.eq(issue.generation[k]),
            ]
        first, second = issue.first.control, issue.second.control
        begins = [Mux(issue.issue[k] & (c.sload | c.slow), bits[k], 0) for k, c in enumerate((first, second))]
        m.d.comb += [
            late.begins.eq(begins[0] | begins[1]),
            late.claim.eq((issue.issue[0] & first.slow) | (issue.issue[1] & second.slow)),
        ]
        # At most one of the pair is a store; a load that goes with it is the older of the two.
        m.submodules.store_entry = entry = StoreEntry()
        second_stores = issue.issue[1] & second.store
        with m.If(second_stores):
            m.d.comb += [entry.q.eq(issue.second), entry.source.eq(registers.value[3])]
        with m.Else():
            m.d.comb += [entry.q.eq(issue.first), entry.source.eq(registers.value[1])]
        busy = of_thread(m, issue.thread, [self.load_busy[t] for t in range(THREADS)], "busy_now")
        pending = of_thread(m, issue.thread, [late.pending[t] for t in range(THREADS)], "pending_now")
        m.d.comb += [
            entry.loads.eq(busy | Mux(second_stores & first.vload, bits[0], 0)),
            entry.scalar_loads.eq(pending | Mux(second_stores & first.sload, bits[0], 0)),
            self.store_issue.valid.eq(second_stores | (issue.issue[0] & first.store)),
            self.store_issue.thread.eq(issue.thread),
            self.store_issue.store.eq(entry.entry),
        ]

    def _execute(self, m, slots, thread, older, stopped, registers, file, csr, loads, place):
        """Stage X; returns what completes, and the slots' components."""
        parts = [ExecuteSlot(self._config.sram_words) for _ in range(SLOTS)]
        m.submodules.place = place
        # Signals of their own for each slot: the second's depend on the first's.
        cancelled, faulty, done = (
            [Signal(name=f"{name}_{k}") for k in range(SLOTS)] for name in ("cancelled", "faulty", "done")
        )
        is_stopped = of_thread(m, thread, [stopped[t] for t in range(THREADS)], "is_stopped")
        m.d.comb += [cancelled[0].eq(is_stopped), cancelled[1].eq(is_stopped | faulty[0])]
        for k, (x, part) in enumerate(zip(slots, parts, strict=True)):
            m.submodules[f"slot_{k}"] = part
            q, c, result, predicate = x.q, x.q.control, registers.result[k], self.predicate_out[k]
            dead = cancelled[k] | part.fault
            request, span = loads.request[k], loads.range[k]
            m.d.comb += [
                part.x.eq(x),
                part.drain_fault.eq(place.outside.any()),
                part.csr_illegal.eq(csr.illegal),
                faulty[k].eq(x.valid & ~cancelled[k] & part.fault),
                done[k].eq(x.valid & ~dead),
                result.en.eq(done[k] & part.writes),
                result.thread.eq(thread),
                result.index.eq(part.index),
                result.value.eq(part.result),
                predicate.valid.eq(done[k] & c.writes_p),
                predicate.thread.eq(thread),
                predicate.index.eq(q.word[F0 : F0 + 3]),
                predicate.value.eq(part.predicate),
                file.write[k].eq(done[k] & q.changes_d),
                file.write_outer[k].eq(c.setd | (q.step == Step.OUTER)),
                file.write_geometry[k].eq(c.setd),
                file.write_index[k].eq(Cat(q.d, thread)),
                file.value[k].eq(part.after),
                # A vector load enters its queue whatever happens.
                loads.push[k].eq(x.valid & c.vload),
                request.reg.eq(q.word[F0 : F0 + 5]),
                request.enable.eq(Mux(dead, 0, part.gather.enable)),
                request.addr.eq(part.lanes),
                request.keep.eq(part.gather.keep),
                span.thread.eq(thread),
                span.low.eq(Mux(dead, NOWHERE_LOW, part.gather.low)),
                span.high.eq(Mux(dead, 0, part.gather.high)),
            ]
        m.d.comb += [loads.older.eq(older), loads.slots.eq(self.store_slots)]
        for mine, port in ((self.l0, loads.l0), (self.l1, loads.l1)):
            wiring.connect(m, wiring.flipped(mine), port)
        m.submodules.report = report = FaultReport(self._config.sram_words)
        any_fault = faulty[0] | faulty[1]
        blamed = Signal(Queued, name="blamed")
        for k, condition in enumerate((m.If(faulty[0]), m.Else())):
            with condition:
                m.d.comb += [
                    blamed.eq(slots[k].q),
                    report.cause.eq(parts[k].cause),
                    report.operand.eq(parts[k].operand),
                    report.outside.eq(parts[k].outside),
                    report.places.eq(parts[k].lanes),
                ]
        with m.If(blamed.control.drain):
            m.d.comb += [report.outside.eq(place.outside), report.places.eq(place.starts)]
        m.d.comb += [
            report.valid.eq(any_fault),
            report.kill.eq(self.kill),
            report.thread.eq(thread),
            report.pc.eq(blamed.pc),
            report.vector.eq(blamed.control.vload | blamed.control.vstore),
            report.drain.eq(blamed.control.drain),
            report.word_mask.eq(place.word_mask),
            self.fault_out.eq(report.event),
        ]
        m.d.sync += stopped.eq((stopped | Mux(any_fault, 1 << thread, 0)) & ~self.kill)

        some, second = pick(slots, "operand")
        m.d.comb += [
            self.operand_out.valid.eq(some & Mux(second, done[1], done[0])),
            self.operand_out.thread.eq(thread),
            self.operand_out.value.eq(Mux(second, slots[1].a, slots[0].a)),
        ]
        some, second = pick(slots, "store")
        with m.If(second):
            m.d.comb += [place.x.eq(slots[1]), place.address.eq(parts[1].address), place.gather.eq(parts[1].gather)]
        with m.Else():
            m.d.comb += [place.x.eq(slots[0]), place.address.eq(parts[0].address), place.gather.eq(parts[0].gather)]
        m.d.comb += [
            place.cancel.eq(~Mux(second, done[1], done[0])),
            self.store_address.valid.eq(some),
            self.store_address.thread.eq(thread),
            self.store_address.cancel.eq(place.cancel),
            self.store_address.store.eq(place.place),
        ]
        return done, parts

    def _late(self, m, slots, done, parts, thread, older, late, registers, csr, counters) -> None:
        """What leaves X for the units with later results, control registers and counters."""

        def chosen(second, name: str) -> Value:
            return Mux(second, Value.cast(getattr(slots[1], name)), Value.cast(getattr(slots[0], name)))
        lost = [x.valid & ~done[k] & (x.q.control.sload | x.q.control.slow) for k, x in enumerate(slots)]
        bits = [Mux(lost[k], 1 << x.q.word[F0 : F0 + 5], 0) for k, x in enumerate(slots)]
        wiring.connect(m, wiring.flipped(self.sl), late.sl)
        some, second = pick(slots, "sload")
        m.d.comb += [
            late.thread.eq(thread),
            late.lost.eq(bits[0] | bits[1]),
            late.load.eq(some & Mux(second, done[1], done[0])),
            late.load_q.eq(chosen(second, "q")),
            late.address.eq(Mux(second, parts[1].address, parts[0].address)),
            late.older.eq(older),
            late.slots.eq(self.store_slots),
            late.poke.eq(self.poke),
            self.poke_ready.eq(late.poke_ready),
            registers.late.eq(late.write),
        ]
        some, second = pick(slots, "slow")
        m.d.comb += [
            late.slow.eq(some),
            late.slow_done.eq(Mux(second, done[1], done[0])),
            late.slow_q.eq(chosen(second, "q")),
            late.a.eq(chosen(second, "a")),
            late.b.eq(chosen(second, "b")),
            late.csr_value.eq(csr.value),
        ]
        some, second = pick(slots, "csr")
        m.d.comb += [
            csr.thread.eq(thread),
            csr.number.eq(chosen(second, "b")),
            csr.is_write.eq(~Mux(second, slots[1].q.control.slow, slots[0].q.control.slow)),
            csr.commit.eq(some & Mux(second, done[1], done[0])),
            csr.data.eq(chosen(second, "a")),
            csr.node.eq(self.node),
            csr.counter_value.eq(counters.value),
            csr.cycles.eq(counters.cycles),
            csr.starts.eq(self.starts),
            csr.set_flags.eq(self.set_flags),
            self.priority.eq(csr.priority),
            self.fp_mode.eq(csr.fp_mode),
            self.seed.eq(csr.seed),
            self.ecc_inject.eq(csr.ecc_inject),
            counters.events.eq(self.events),
            counters.clear.eq(csr.clear_counters),
            counters.index.eq(csr.counter_index),
            counters.line.eq(self.counter_line),
            self.counter_values.eq(counters.values),
        ]
        vector = [x.q.control.vload | x.q.control.vstore | x.q.control.drain for x in slots]
        m.d.comb += [
            counters.retired_scalar.eq((done[0] & ~vector[0]) + (done[1] & ~vector[1])),
            counters.retired_vector_memory.eq((done[0] & vector[0]) + (done[1] & vector[1])),
        ]

    def _add_trace(self, m, slots, thread, done, registers, file, late) -> None:
        """Trace ports, a cycle behind: a slot has one result at most."""
        for k, x in enumerate(slots):
            result, trace, predicate = registers.result[k], self.trace_out[k], self.predicate_out[k]
            writes_p, writes_d = predicate.valid & predicate.index.any(), file.write[k]
            m.d.sync += [
                trace.valid.eq((result.en & result.index.any()) | writes_d | writes_p),
                trace.thread.eq(thread),
                trace.seq.eq(x.q.seq),
            ]
            with m.If(writes_p):
                m.d.sync += [trace.kind.eq(1), trace.index.eq(predicate.index), trace.value.eq(predicate.value)]
            with m.Elif(writes_d):
                m.d.sync += [trace.kind.eq(2), trace.index.eq(x.q.d), trace.value.eq(file.value[k].inner.base)]
            with m.Else():
                m.d.sync += [trace.kind.eq(0), trace.index.eq(result.index), trace.value.eq(result.value)]
        trace = self.trace_out[SLOTS]
        m.d.sync += [
            trace.valid.eq(late.trace.valid),
            trace.thread.eq(late.write.thread),
            trace.seq.eq(late.trace.seq),
            trace.kind.eq(Mux(late.trace.load, 3, 0)),
            trace.index.eq(late.write.index),
            trace.value.eq(late.write.value),
        ]
