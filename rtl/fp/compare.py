"""FP32 minimum, maximum and compares of one lane: one stage (docs/numerics.md section 4).

The order of FP32 words is that of integers once negative words are inverted below the sign: then -0 comes just before
+0, as minimum and maximum want it; the compares add that the zeros are equal and that a NaN compares with nothing.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.simd_ops import SimdOp
from rtl.fp.unpack import NAN


class Compare(wiring.Component):
    """One lane of the comparison class; results one cycle after the operands, one operation a cycle."""

    # Operation of the comparison class: the low four bits of its code, with the operands.
    op: In(4)
    # Operands, FP32.
    a: In(32)
    b: In(32)
    # Minimum, maximum, or a mask of all ones or zeros; one cycle after the operands.
    result: Out(32)
    # Flag Invalid: with lt and le any NaN, with the others a signalling one; together with the result.
    invalid: Out(1)

    def elaborate(self, platform) -> Module:
        m = Module()
        nan, signalling, key = {}, {}, {}
        for name, word in (("a", self.a), ("b", self.b)):
            nan[name], signalling[name] = Signal(name=f"nan_{name}"), Signal(name=f"signalling_{name}")
            key[name] = Signal(signed(32), name=f"key_{name}")
            m.d.comb += [
                nan[name].eq(word[23:31].all() & word[:23].any()),
                signalling[name].eq(nan[name] & ~word[22]),
                key[name].eq((word ^ Mux(word[31], 0x7FFFFFFF, 0)).as_signed()),
            ]
        unordered, below, same, equal = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            unordered.eq(nan["a"] | nan["b"]),
            below.eq(key["a"] < key["b"]),
            same.eq(self.a == self.b),
            equal.eq(same | ~(self.a[:31] | self.b[:31]).any()),
        ]

        def is_op(*ops: SimdOp):
            return self.op.matches(*(op & 15 for op in ops))

        choose, least, true = Signal(), Signal(), Signal()
        m.d.comb += [
            choose.eq(is_op(SimdOp.FMIN, SimdOp.FMAX)),
            least.eq(is_op(SimdOp.FMIN)),
            true.eq(
                Mux(
                    is_op(SimdOp.FNE),
                    unordered | ~equal,
                    ~unordered & Mux(is_op(SimdOp.FLT), below & ~equal, equal | (is_op(SimdOp.FLE) & below)),
                ),
            ),
        ]
        result, invalid = Signal(32, reset_less=True), Signal(reset_less=True)
        m.d.comb += [self.result.eq(result), self.invalid.eq(invalid)]
        m.d.sync += [
            result.eq(
                Mux(
                    choose,
                    Mux(unordered, NAN, Mux(below == least, self.a, self.b)),
                    true.replicate(32),
                ),
            ),
            invalid.eq(
                Mux(is_op(SimdOp.FLT, SimdOp.FLE), unordered, signalling["a"] | signalling["b"]),
            ),
        ]
        return m
