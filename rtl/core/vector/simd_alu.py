"""Logic and integer operations of one 32-bit SIMD lane: one stage (meanings: golden.arch.simd_ops).

Additions of 32, 16 and 8 bits share one adder.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.simd_ops import IMM_BITS, SimdOp
from rtl.fp.adder import Body, add_elements


class SimdAlu(wiring.Component):
    """One lane; one operation a cycle. ``body``: form of the adder."""

    # The operation is of the integer class, else of the logic class; with the operands.
    integer: In(1)
    # The low four bits of its code, with the operands.
    op: In(4)
    # Shift distance, with the operands.
    imm: In(IMM_BITS)
    # Operands.
    a: In(32)
    b: In(32)
    c: In(32)
    # Result, one cycle after the operands.
    result: Out(32)

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        a, b, c = self.a, self.b, self.c

        logic = Signal(32)
        with m.Switch(self.op):
            with m.Case(SimdOp.SELECT & 15):
                m.d.comb += logic.eq(c & a | ~c & b)
            with m.Case(SimdOp.AND & 15):
                m.d.comb += logic.eq(a & b)
            with m.Case(SimdOp.OR & 15):
                m.d.comb += logic.eq(a | b)
            with m.Case(SimdOp.XOR & 15):
                m.d.comb += logic.eq(a ^ b)
            with m.Case(SimdOp.ANDNOT & 15):
                m.d.comb += logic.eq(a & ~b)
            with m.Case(SimdOp.FABS & 15):
                m.d.comb += logic.eq(a[:31])
            with m.Case(SimdOp.FNEG & 15):
                m.d.comb += logic.eq(Cat(a[:31], ~a[31]))
            with m.Default():
                m.d.comb += logic.eq(a)

        # ISUB codes are IADD codes with bit 0 inverted: only that bit and the element size matter below.
        subtract, tops = Signal(), Signal(32)
        m.d.comb += subtract.eq(self.op[0])
        with m.Switch(self.op):
            with m.Case(SimdOp.IADD16 & 15, SimdOp.ISUB16 & 15):
                m.d.comb += tops.eq(0x80008000)
            with m.Case(SimdOp.IADD8 & 15, SimdOp.ISUB8 & 15):
                m.d.comb += tops.eq(0x80808080)
            with m.Default():
                m.d.comb += tops.eq(0x80000000)
        total = add_elements(m, a, b, subtract, tops, width=32, body=self.body, name="total")

        less, equal = Signal(), Signal()
        unsigned_compare = self.op.matches(SimdOp.ILTU & 15)
        m.d.comb += [
            # Inverting both sign bits turns the signed order into the unsigned one.
            less.eq(Cat(a[:31], a[31] ^ ~unsigned_compare) < Cat(b[:31], b[31] ^ ~unsigned_compare)),
            equal.eq(a == b),
        ]
        integer = Signal(32)
        with m.Switch(self.op):
            with m.Case(SimdOp.ISHL & 15):
                m.d.comb += integer.eq((a << self.imm)[:32])
            with m.Case(SimdOp.ISHR & 15):
                m.d.comb += integer.eq(a >> self.imm)
            with m.Case(SimdOp.ISAR & 15):
                m.d.comb += integer.eq(a.as_signed() >> self.imm)
            with m.Case(SimdOp.IEQ & 15):
                m.d.comb += integer.eq(equal.replicate(32))
            with m.Case(SimdOp.ILT & 15, SimdOp.ILTU & 15):
                m.d.comb += integer.eq(less.replicate(32))
            with m.Case(SimdOp.IMIN & 15):
                m.d.comb += integer.eq(Mux(less, a, b))
            with m.Case(SimdOp.IMAX & 15):
                m.d.comb += integer.eq(Mux(less, b, a))
            with m.Default():
                m.d.comb += integer.eq(total)

        result = Signal(32, reset_less=True)
        m.d.sync += result.eq(Mux(self.integer, integer, logic))
        m.d.comb += self.result.eq(result)
        return m
