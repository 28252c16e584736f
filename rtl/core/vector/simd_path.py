"""The way of a SIMD operation from issue through the pipe to its register or predicate.

    I  registers are addressed      R  operands at the pipe's inputs      W  result, LATENCY cycles after R

A register that waits for a result is pending from the cycle after I to W; its next reader issues after W.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, F2, F3
from golden.arch.memmap import CSR_BITS, Csr
from golden.arch.simd_ops import SimdClass
from golden.arch.trace import SEQ_BITS
from rtl.common.select import by_number
from rtl.core.interfaces import THREADS, Register, Settings, VectorSteer
from rtl.core.trace import TraceVector
from rtl.core.vector.parts import Issued, SimdResult, SimdState, addressed, reads
from rtl.core.vector.simd_operands import is_class

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
            "issued": In(Issued),
            "reads": Out(reads(3)),
            "settings": In(Settings),
            # W: the register that is written.
            "result": Out(SimdResult),
            "state": Out(SimdState),
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
        issued, tag, out = self.issued, Signal(Tag), Signal(Tag, name="out_tag")
        word, row = issued.entry.word, issued.entry.row
        m.d.comb += addressed(issued, self.reads, (F1, F2, F3))
        m.d.comb += [
            tag.to.thread.eq(issued.thread),
            tag.to.reg.eq(Mux(row.is_predicate, word[F0 : F0 + 3], word[F0 : F0 + 5])),
            tag.is_predicate.eq(row.is_predicate),
            tag.all.eq(row.all),
        ]
        mode = issued.entry.mode
        m.d.sync += [
            simd.valid.eq(issued.go),
            simd.op.eq(row.op),
            simd.imm.eq(word[F3 : F3 + 5]),
            simd.bias.eq(Mux(is_class(row.op, SimdClass.NARROW), mode.result, mode.a)),
            simd.seed.eq(by_number(m, issued.thread, list(self.settings.seed), "seed_now")),
            simd.tag.eq(tag),
        ]
        m.d.comb += [
            *(port.eq(value) for port, value in zip((simd.a, simd.b, simd.c), self.reads.value, strict=True)),
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
                begun.eq(Mux(issued.go & row.writes_v & (issued.thread == t), 1 << word[F0 : F0 + 5], 0)),
                over.eq(Mux(self.result.valid & (out.to.thread == t), 1 << out.to.reg, 0)),
            ]
            m.d.sync += [
                self.state.pending[t].eq((self.state.pending[t] | begun) & ~over),
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
            write.en.eq(self.issued.go),
            write.addr.eq(Cat(tag.to, tag.is_predicate)),
            write.data.eq(self.issued.entry.seq),
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
