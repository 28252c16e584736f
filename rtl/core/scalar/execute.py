"""The execute stage X, in step with the memory unit: what the pair that issued does in the next cycle.

Each of the two slots can do anything; issue sees to it that a pair shares no unit that exists once (store address, scalar load,
slow unit, control registers). An instruction that faults changes nothing, nor does any younger one of its thread: those that have
issued meanwhile are cancelled here, the rest waits for ``kill``.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0, F1, F2
from rtl.common.select import by_number, mark
from rtl.core.access import ISSUE_SLOTS, Accesses, Issued
from rtl.core.interfaces import THREADS, CsrAccess, Life, ScalarEntry, ScalarEvents, ScalarSteer
from rtl.core.scalar.fault import FaultReport
from rtl.core.scalar.late import LateStarts
from rtl.core.scalar.registers import Operands, Results
from rtl.core.scalar.slot import ExecuteSlot
from rtl.core.trace import TraceScalar

ExecuteState = wiring.Signature(
    {
        # execute -> issue: threads with an instruction here; threads with a fault on its way to the front end.
        "busy": Out(THREADS),
        "stopped": Out(THREADS),
    }
)


def pick(slots: list, flag: str) -> tuple[Value, Value]:
    """For a flag of the row that one of the pair has at most: whether one has it, and whether the second."""
    second = slots[1].valid & slots[1].q.row[flag]
    return second | (slots[0].valid & slots[0].q.row[flag]), second


class ExecuteStage(wiring.Component):
    """The stage."""

    issued: In(Issued)
    operands: In(Operands)
    life: In(Life)
    accesses: Out(Accesses)
    results: Out(Results)
    late: Out(LateStarts)
    csr: Out(CsrAccess)
    steer: Out(ScalarSteer)
    events: Out(ScalarEvents)
    state: Out(ExecuteState)
    # A slot has one result at most; in the cycle after X.
    trace: Out(data.ArrayLayout(TraceScalar, ISSUE_SLOTS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._enter(m)
        slots, thread, accesses = self.accesses.slot, self.accesses.thread, self.accesses
        parts = [ExecuteSlot() for _ in range(ISSUE_SLOTS)]
        # Signals of their own for each slot: the second's depend on the first's.
        faulty, done = ([Signal(name=f"{name}_{k}") for k in range(ISSUE_SLOTS)] for name in ("faulty", "done"))
        is_stopped = by_number(m, thread, list(self.state.stopped), "is_stopped")
        for k, (x, part) in enumerate(zip(slots, parts, strict=True)):
            m.submodules[f"slot_{k}"] = part
            result, predicate = self.results.write[k], self.steer.predicate[k]
            cancelled = is_stopped | (faulty[0] if k else 0)
            m.d.comb += [
                part.x.eq(x),
                part.image.eq(accesses.image[k]),
                part.access.eq(accesses.fault[k]),
                part.csr_illegal.eq(self.csr.illegal),
                accesses.address[k].eq(part.address),
                faulty[k].eq(x.valid & ~cancelled & part.fault.fault),
                done[k].eq(x.valid & ~cancelled & ~part.fault.fault),
                accesses.faulty[k].eq(faulty[k]),
                accesses.done[k].eq(done[k]),
                result.en.eq(done[k] & part.writes),
                result.thread.eq(thread),
                result.index.eq(part.index),
                result.value.eq(part.result),
                predicate.valid.eq(done[k] & x.q.row.writes_p),
                predicate.thread.eq(thread),
                predicate.index.eq(x.q.word[F0 : F0 + 3]),
                predicate.value.eq(part.predicate),
            ]
        self._report(m, parts, faulty)
        self._leave(m, done)
        self._trace(m)
        return m

    def _enter(self, m: Module) -> None:
        """From I to X."""
        accesses, operands = self.accesses, self.operands.value
        wiring.connect(m, wiring.flipped(self.issued), wiring.flipped(accesses.issued))
        m.d.sync += accesses.thread.eq(self.issued.thread)
        for k, (q, x) in enumerate(zip(self.issued.slot, accesses.slot, strict=True)):
            a, b = operands[2 * k], operands[2 * k + 1]
            m.d.comb += accesses.source[k].eq(b)
            m.d.sync += [
                x.valid.eq(self.issued.go[k]),
                x.q.eq(q),
                x.a.eq(a),
                x.b.eq(Mux(q.row.b_imm, immediate(q), b)),
            ]
        m.d.comb += self.state.busy.eq(Mux(accesses.slot[0].valid, mark(accesses.thread, THREADS), 0))

    def _report(self, m: Module, parts: list[ExecuteSlot], faulty: list[Signal]) -> None:
        """The first fault of the pair."""
        m.submodules.report = report = FaultReport()
        some, thread = faulty[0] | faulty[1], self.accesses.thread
        blamed = [(part.fault, x.q) for part, x in zip(parts, self.accesses.slot, strict=True)]
        for (fault, q), condition in zip(blamed, (m.If(faulty[0]), m.Else()), strict=True):
            with condition:
                m.d.comb += [
                    report.cause.eq(fault.cause),
                    report.operand.eq(fault.operand),
                    report.pc.eq(q.pc),
                    report.outside.eq(q.row.vload | q.row.vstore | q.row.drain),
                ]
        m.d.comb += [
            report.valid.eq(some),
            report.thread.eq(thread),
            report.place.eq(self.accesses.outside),
            report.kill.eq(self.life.kill),
            self.steer.fault.eq(report.event),
        ]
        m.d.sync += self.state.stopped.eq((self.state.stopped | Mux(some, mark(thread, THREADS), 0)) & ~self.life.kill)

    def _leave(self, m: Module, done: list[Signal]) -> None:
        """What goes on: control registers, later results, operands that steer; and what has retired."""
        slots, late, csr = self.accesses.slot, self.late, self.csr

        def chosen(second: Value, name: str) -> Value:
            return Mux(second, Value.cast(slots[1][name]), Value.cast(slots[0][name]))

        cancelled = [
            Mux(x.valid & ~done[k] & (x.q.row.sload | x.q.row.slow), 1 << x.q.word[F0 : F0 + 5], 0)
            for k, x in enumerate(slots)
        ]
        m.d.comb += [late.thread.eq(self.accesses.thread), late.cancelled.eq(cancelled[0] | cancelled[1]), late.csr_value.eq(csr.value)]
        some, second = pick(slots, "sload")
        m.d.comb += [late.load.eq(some & Mux(second, done[1], done[0])), late.load_q.eq(chosen(second, "q"))]
        some, second = pick(slots, "slow")
        m.d.comb += [
            late.slow.eq(some),
            late.slow_done.eq(Mux(second, done[1], done[0])),
            late.slow_q.eq(chosen(second, "q")),
            late.a.eq(chosen(second, "a")),
            late.b.eq(chosen(second, "b")),
        ]
        some, second = pick(slots, "csr")
        m.d.comb += [
            csr.thread.eq(self.accesses.thread),
            csr.number.eq(chosen(second, "b")),
            csr.is_write.eq(~Mux(second, slots[1].q.row.slow, slots[0].q.row.slow)),
            csr.commit.eq(some & Mux(second, done[1], done[0])),
            csr.data.eq(chosen(second, "a")),
            self.steer.setting.valid.eq(csr.commit & csr.is_write),
            self.steer.setting.thread.eq(self.accesses.thread),
        ]
        some, second = pick(slots, "operand")
        m.d.comb += [
            self.steer.operand.valid.eq(some & Mux(second, done[1], done[0])),
            self.steer.operand.thread.eq(self.accesses.thread),
            self.steer.operand.value.eq(chosen(second, "a")),
        ]
        vector = [x.q.row.vload | x.q.row.vstore | x.q.row.drain for x in slots]
        m.d.comb += [
            self.events.retired.eq((done[0] & ~vector[0]) + (done[1] & ~vector[1])),
            self.events.retired_vector_memory.eq((done[0] & vector[0]) + (done[1] & vector[1])),
        ]

    def _trace(self, m: Module) -> None:
        for k, (x, trace) in enumerate(zip(self.accesses.slot, self.trace, strict=True)):
            result, predicate = self.results.write[k], self.steer.predicate[k]
            writes_p, writes_d = predicate.valid & predicate.index.any(), self.accesses.done[k] & x.q.names.changes_d
            m.d.sync += [
                trace.valid.eq((result.en & result.index.any()) | writes_d | writes_p),
                trace.thread.eq(self.accesses.thread),
                trace.seq.eq(x.q.seq),
            ]
            with m.If(writes_p):
                m.d.sync += [trace.kind.eq(1), trace.index.eq(predicate.index), trace.value.eq(predicate.value)]
            with m.Elif(writes_d):
                m.d.sync += [trace.kind.eq(2), trace.index.eq(x.q.names.d), trace.value.eq(self.accesses.moved[k])]
            with m.Else():
                m.d.sync += [trace.kind.eq(0), trace.index.eq(result.index), trace.value.eq(result.value)]


def immediate(entry: ScalarEntry) -> Value:
    """The immediate of an entry, sign-extended to 64 bits."""
    ten, fifteen = entry.word[F2:].as_signed(), entry.word[F1:].as_signed()
    value = Mux(entry.row.imm15, fifteen, ten)
    return Cat(value, value[-1].replicate(64 - len(value)))
