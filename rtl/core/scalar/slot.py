"""One slot of the execute stage: the result of the integer unit, and whether the instruction faults. Combinational."""

from amaranth.hdl import Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0, F1, F2
from golden.arch.memmap import FP_MODE_BITS, Csr, Fault
from rtl.core.access import AccessFault, Execute
from rtl.core.scalar.alu import Alu


class ExecuteSlot(wiring.Component):
    """A slot; it can do everything that needs no unit that exists once."""

    x: In(Execute)
    # From the memory unit: half of a descriptor, and what it finds wrong.
    image: In(64)
    access: In(AccessFault)
    # The control register that the instruction names is not there.
    csr_illegal: In(1)
    # Register written at the end of this stage, if the instruction completes.
    writes: Out(1)
    index: Out(5)
    result: Out(64)
    predicate: Out(1)
    # Byte address of a scalar access.
    address: Out(64)
    # The instruction, if not cancelled, faults.
    fault: Out(AccessFault)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x, q, c = self.x, self.x.q, self.x.q.row
        m.submodules.alu = alu = Alu()
        m.d.comb += [
            alu.op.eq(c.alu),
            alu.compare.eq(c.compare),
            alu.invert.eq(c.invert),
            alu.a.eq(x.a),
            alu.b.eq(x.b),
            alu.pc.eq(q.pc),
            self.predicate.eq(alu.predicate),
            # The result is a half of a descriptor, the moved base, or the arithmetic unit's.
            self.writes.eq((c.writes_rd & ~c.sload & ~c.slow) | c.writes_ra),
            self.index.eq(Mux(c.writes_ra, q.word[F1 : F1 + 5], q.word[F0 : F0 + 5])),
            self.result.eq(Mux(c.getd, self.image, Mux(c.writes_ra, alu.sum, alu.result))),
            self.address.eq(Mux(c.post, x.a, alu.sum)),
            self.fault.eq(self.access),
        ]
        with m.If(c.csr):
            # A bias lies beside its field's bits in FP_MODE when it is out of range.
            beyond = ~c.slow & (q.word[F2:] == Csr.FP_MODE) & (x.a & ~Const(FP_MODE_BITS, 64)).any()
            m.d.comb += [
                self.fault.fault.eq(self.csr_illegal | beyond),
                self.fault.cause.eq(Mux(beyond, Fault.BIAS, Fault.ILLEGAL)),
                self.fault.operand.eq(Mux(beyond, x.a, q.word)),
            ]
        return m
