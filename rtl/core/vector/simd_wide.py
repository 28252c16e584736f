"""Sums of 64 bits; order, minimum and maximum of integers of every size in 64 bits.

    S1 bytes compared    S2 elements compared, by their bytes from the top; the sum    S3 result
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.simd_ops import SimdOp
from rtl.common.delay import delay, stage
from rtl.core.vector.elements import by_size
from rtl.fp.adder import Body, add

WIDE_STAGES = 3

WIDTH = 64


class SimdWide(wiring.Component):
    """Two lanes; one operation a cycle. ``body``: form of the adder."""

    # The low four bits of the operation's code, with the operands.
    op: In(4)
    a: In(WIDTH)
    b: In(WIDTH)
    # WIDE_STAGES cycles later.
    result: Out(WIDTH)

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b, op = self.a, self.b, self.op

        def is_op(*ops: SimdOp) -> Value:
            return op.matches(*(each & 15 for each in ops))

        subtract, signed = is_op(SimdOp.ISUB64), is_op(SimdOp.ILT64, SimdOp.IMIN64, SimdOp.IMAX64)
        every_size = ~op[3]
        # Inverting both sign bits turns the signed order into the unsigned one.
        left, right = (Cat(word[:-1], word[-1] ^ signed) for word in (a, b))
        pairs = [(left.word_select(byte, 8), right.word_select(byte, 8)) for byte in range(WIDTH // 8)]
        s1 = stage(
            m,
            "s1",
            a=a,
            b=b,
            subtract=subtract,
            size=Mux(every_size, op[:2], 3),
            less=Cat(x < y for x, y in pairs),
            equal=Cat(x == y for x, y in pairs),
            adds=is_op(SimdOp.IADD64, SimdOp.ISUB64),
            tests=is_op(SimdOp.IEQ64, SimdOp.ILT64, SimdOp.ILTU64),
            tests_equal=is_op(SimdOp.IEQ64),
            # The greater of two is a where it is not the lesser.
            greatest=Mux(every_size, op[2], is_op(SimdOp.IMAX64)),
        )
        less, equal = {8: s1.less}, {8: s1.equal}
        for bits in (16, 32, 64):
            low, high = (Cat(less[bits // 2][k::2]) for k in (0, 1))
            same_low, same_high = (Cat(equal[bits // 2][k::2]) for k in (0, 1))
            less[bits], equal[bits] = Signal(WIDTH // bits, name=f"less_{bits}"), Signal(WIDTH // bits, name=f"equal_{bits}")
            m.d.comb += [less[bits].eq(high | same_high & low), equal[bits].eq(same_high & same_low)]
        total = add(m, s1.a, s1.b ^ s1.subtract.replicate(WIDTH), s1.subtract, width=WIDTH, body=self.body, name="total")
        s2 = stage(
            m,
            "s2",
            a=s1.a,
            b=s1.b,
            total=total,
            less=by_size(s1.size, WIDTH, lambda bits: Cat(bit.replicate(bits // 8) for bit in less[bits])),
            true=Mux(s1.tests_equal, equal[64], less[64]),
            adds=s1.adds,
            tests=s1.tests,
            greatest=s1.greatest,
        )
        takes_a = Cat((bit ^ s2.greatest).replicate(8) for bit in s2.less)
        chosen = takes_a & s2.a | ~takes_a & s2.b
        result = Mux(s2.adds, s2.total, Mux(s2.tests, s2.true.replicate(WIDTH), chosen))
        m.d.comb += self.result.eq(delay(m, result, ("s3",), "result", reset_less=True))
        return m
