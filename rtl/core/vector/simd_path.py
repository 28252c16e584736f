"""The way of a SIMD operation from issue through the pipe to its register or predicate.

    I  registers are addressed      R  operands at the pipe's inputs      W  result, LATENCY cycles after R

A register that waits for a result is pending from the cycle after I to W; its next reader issues after W.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F3
from golden.arch.memmap import CSR_BITS, Csr
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import THREAD_BITS, THREADS, Register, VectorEntry, VectorSteer
from rtl.core.trace import TraceVector
from rtl.core.vector.registers import RegisterWrite

Tag = data.StructLayout({"to": Register, "is_predicate": 1, "all": 1})


class SimdPath(wiring.Component):
    """What stands round the pipe.

    Parameters
    ----------
    simd: the pipe, or a component with its ports; a submodule of this one.
    trace: with the port ``trace``.
    """

    def __init__(self, simd: wiring.Component, trace: bool) -> None:
        self.simd, self.trace_on = simd, trace
        members = {
            # An operation issues: its thread and itself.
            "go": In(1),
            "thread": In(THREAD_BITS),
            "queued": In(VectorEntry),
            # Its registers, in the next cycle.
            "operands": In(data.ArrayLayout(512, 3)),
            # W: the register that is written; registers that will be, state.
            "result": Out(RegisterWrite),
            "pending": Out(data.ArrayLayout(isa.VECTOR_REGISTERS, THREADS)),
            # In the cycle after W: the predicate that is written; FP flags that the result sets.
            "steer": Out(VectorSteer),
            "flags": Out(data.ArrayLayout(CSR_BITS[Csr.FP_FLAGS], THREADS)),
        }
        if trace:
            members["trace"] = Out(TraceVector)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pipe = simd = self.simd
        word, row, tag, out = self.queued.word, self.queued.row, Signal(Tag), Signal(Tag, name="out_tag")
        m.d.comb += [
            tag.to.thread.eq(self.thread),
            tag.to.reg.eq(Mux(row.is_predicate, word[F0 : F0 + 3], word[F0 : F0 + 5])),
            tag.is_predicate.eq(row.is_predicate),
            tag.all.eq(row.all),
        ]
        m.d.sync += [simd.valid.eq(self.go), simd.op.eq(row.op), simd.imm.eq(word[F3 : F3 + 5]), simd.tag.eq(tag)]
        m.d.comb += [
            *(port.eq(value) for port, value in zip((simd.a, simd.b, simd.c), self.operands, strict=True)),
            out.eq(simd.out_tag[: Tag.size]),
            self.result.valid.eq(simd.out_valid & ~out.is_predicate),
            self.result.to.eq(out.to),
            self.result.data.eq(simd.out_data),
        ]
        predicate, value = self.steer.predicate, Mux(out.all, simd.out_all, simd.out_any)
        m.d.sync += [
            predicate.valid.eq(simd.out_valid & out.is_predicate),
            predicate.thread.eq(out.to.thread),
            predicate.index.eq(out.to.reg),
            predicate.value.eq(value),
        ]
        for t in range(THREADS):
            begun, over = Signal(isa.VECTOR_REGISTERS, name=f"begun_{t}"), Signal(isa.VECTOR_REGISTERS, name=f"over_{t}")
            m.d.comb += [
                begun.eq(Mux(self.go & row.writes_v & (self.thread == t), 1 << word[F0 : F0 + 5], 0)),
                over.eq(Mux(self.result.valid & (out.to.thread == t), 1 << out.to.reg, 0)),
            ]
            m.d.sync += [
                self.pending[t].eq((self.pending[t] | begun) & ~over),
                self.flags[t].eq(Mux(simd.out_valid & (out.to.thread == t), simd.out_flags, 0)),
            ]
        if self.trace_on:
            self._trace(m, tag, out, value)
        return m

    def _trace(self, m: Module, tag: Signal, out: Signal, value: Signal) -> None:
        """Numbers are found by destination: it has one result under way at most."""
        m.submodules.numbers = numbers = memory.Memory(shape=SEQ_BITS, depth=2 * THREADS * isa.VECTOR_REGISTERS, init=[])
        write, read, record = numbers.write_port(), numbers.read_port(domain="comb"), self.trace
        m.d.comb += [
            write.en.eq(self.go),
            write.addr.eq(Cat(tag.to, tag.is_predicate)),
            write.data.eq(self.queued.seq),
            read.addr.eq(Cat(out.to, out.is_predicate)),
        ]
        m.d.sync += [
            record.valid.eq(self.simd.out_valid),
            record.thread.eq(out.to.thread),
            record.seq.eq(read.data),
            record.index.eq(out.to.reg),
            record.is_predicate.eq(out.is_predicate),
            record.data.eq(Mux(out.is_predicate, value, self.simd.out_data)),
        ]
