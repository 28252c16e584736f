"""Results that come later than the execute stage: scalar loads, multiplication, control registers, and start packets.

They share the late write port of the registers, in this order: a load's data when it returns, the slow unit, a poke. The
destinations of the first two are pending from issue until they are written, which keeps readers, later writers and a second
load to the same register away.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0
from golden.arch.trace import SEQ_BITS
from rtl.common.host_ports import Poke
from rtl.common.invariant import always
from rtl.core.access import Issued, LoadTag
from rtl.core.interfaces import THREAD_BITS, THREADS, ScalarEntry
from rtl.core.scalar.registers import LateResult
from rtl.core.scalar.slow import SlowUnit
from rtl.core.trace import TraceScalar
from rtl.mem.ports import ScalarReturn

LateStarts = wiring.Signature(
    {
        # Execute: thread, and registers whose instruction was cancelled or faulted.
        "thread": Out(THREAD_BITS),
        "cancelled": Out(isa.SCALAR_REGISTERS),
        # A scalar load completes its stage.
        "load": Out(1),
        "load_q": Out(ScalarEntry),
        # An instruction of the slow unit is in the stage, and completes it.
        "slow": Out(1),
        "slow_done": Out(1),
        "slow_q": Out(ScalarEntry),
        "a": Out(64),
        "b": Out(64),
        # Value of the control register whose number was in the stage in the previous cycle.
        "csr_value": Out(64),
    }
)
LateState = wiring.Signature(
    {
        # late results -> issue, flip-flops: the slow unit is free; registers whose value is under way.
        "slow_free": Out(1),
        "pending": Out(data.ArrayLayout(isa.SCALAR_REGISTERS, THREADS)),
    }
)


class LateResults(wiring.Component):
    """Scalar loads under way, slow unit and the pending registers of all threads.

    Parameters
    ----------
    trace: with the port ``trace``.
    """

    def __init__(self, trace: bool = False) -> None:
        self._trace_on = trace
        members = {
            "issued": In(Issued),
            "starts": In(LateStarts),
            # Scalar loads' data.
            "loaded": In(ScalarReturn),
            "poke": In(Poke),
            "state": Out(LateState),
            "result": Out(LateResult),
        }
        if trace:
            # What was written in the previous cycle.
            members["trace"] = Out(TraceScalar)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.slow_unit = slow = SlowUnit()
        begins, claim = self._begins(m)
        starts, loaded, write, poke = self.starts, self.loaded, self.result.write, self.poke
        tag = Signal(LoadTag)
        m.d.comb += [
            tag.eq(loaded.tag),
            slow.claim.eq(claim),
            slow.start.eq(starts.slow & starts.slow_done),
            slow.cancel.eq(starts.slow & ~starts.slow_done),
            slow.is_csr.eq(starts.slow_q.row.csr),
            slow.a.eq(starts.a),
            slow.b.eq(starts.b),
            slow.tag.thread.eq(starts.thread),
            slow.tag.index.eq(starts.slow_q.word[F0 : F0 + 5]),
            slow.tag.seq.eq(starts.slow_q.seq),
            slow.csr_value.eq(starts.csr_value),
            self.state.slow_free.eq(slow.free),
        ]
        with m.If(loaded.valid):
            m.d.comb += [write.thread.eq(tag.thread), write.index.eq(tag.index), write.value.eq(self._wanted(m, tag))]
        with m.Elif(slow.done):
            m.d.comb += [
                write.thread.eq(slow.result_tag.thread),
                write.index.eq(slow.result_tag.index),
                write.value.eq(slow.result),
                slow.take.eq(1),
            ]
        with m.Else():
            m.d.comb += [write.thread.eq(poke.thread), write.index.eq(poke.index), write.value.eq(poke.value), poke.ready.eq(1)]
        m.d.comb += write.en.eq(loaded.valid | slow.done | poke.valid)
        arrived = Signal(isa.SCALAR_REGISTERS)
        m.d.comb += arrived.eq(Mux(loaded.valid | slow.done, 1 << write.index, 0))
        for t in range(THREADS):
            pending = self.state.pending[t]
            with m.If(self.issued.thread == t):
                always(m, ~(begins & pending).any(), f"a register of thread {t} waits for two values at once")
            with m.If(write.thread == t):
                always(m, ~(arrived & ~pending).any(), f"a value arrives for a register of thread {t} that waits for none")
            m.d.sync += pending.eq(
                (pending | Mux(self.issued.thread == t, begins, 0))
                & ~Mux(starts.thread == t, starts.cancelled, 0)
                & ~Mux(write.thread == t, arrived, 0)
            )
        if self._trace_on:
            self._trace(m, tag, slow)
        return m

    def _begins(self, m: Module) -> tuple[Signal, Signal]:
        """Registers that become pending with what issues; the slow unit is claimed."""
        begins, claim = Signal(isa.SCALAR_REGISTERS), Signal()
        mine = []
        for k, q in enumerate(self.issued.slot):
            late = self.issued.go[k] & (q.row.sload | q.row.slow)
            mine.append(Mux(late, 1 << q.word[F0 : F0 + 5], 0))
        m.d.comb += [
            begins.eq(mine[0] | mine[1]),
            claim.eq(Cat(self.issued.go[k] & q.row.slow for k, q in enumerate(self.issued.slot)).any()),
        ]
        return begins, claim

    def _wanted(self, m: Module, tag: data.View) -> Signal:
        """The bytes that a load wants, extended."""
        at, value = Signal(64), Signal(64)
        m.d.comb += at.eq(self.loaded.data >> Cat(Const(0, 3), tag.offset))
        with m.Switch(tag.size):
            for size in range(4):
                width = 8 << size
                with m.Case(size):
                    m.d.comb += value.eq(Cat(at[:width], (at[width - 1] & tag.signed).replicate(64 - width)))
        return value

    def _trace(self, m: Module, tag: data.View, slow: SlowUnit) -> None:
        """A register has one load under way, so its number can wait under the register's name."""
        m.submodules.numbers = numbers = memory.Memory(shape=SEQ_BITS, depth=THREADS * isa.SCALAR_REGISTERS, init=[])
        into, out = numbers.write_port(), numbers.read_port(domain="comb")
        starts, returns, write = self.starts, self.loaded.valid, self.result.write
        m.d.comb += [
            into.en.eq(starts.load),
            into.addr.eq(Cat(starts.load_q.word[F0 : F0 + 5], starts.thread)),
            into.data.eq(starts.load_q.seq),
            out.addr.eq(Cat(tag.index, tag.thread)),
        ]
        m.d.sync += [
            self.trace.valid.eq((returns | slow.done) & write.index.any()),
            self.trace.thread.eq(write.thread),
            self.trace.seq.eq(Mux(returns, out.data, slow.result_tag.seq)),
            self.trace.kind.eq(Mux(returns, 3, 0)),
            self.trace.index.eq(write.index),
            self.trace.value.eq(write.value),
        ]
