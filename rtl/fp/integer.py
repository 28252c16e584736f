"""32-bit integers to FP32 and back, one lane each (docs/numerics.md section 3).

IntegerToFloat: S1 magnitude, S2 count zeros, S3 shift, S4 round
FloatToInteger: S1 distance,  S2 shift,       S3 round and negate
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.fp.adder import Body, add
from rtl.fp.shift import leading_zeros, shift_left

TO_FLOAT_STAGES = 4
"""Cycles from an integer to its FP32 word."""

TO_INTEGER_STAGES = 3
"""Cycles from an FP32 word to its integer."""


class IntegerToFloat(wiring.Component):
    """Integer to FP32, to nearest even; one a cycle. ``body``: form of the adders."""

    # Integer, in two's complement unless it is unsigned. Taken every cycle.
    value: In(32)
    is_unsigned: In(1)
    # FP32 word, four cycles later.
    result: Out(32)

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        signs = [Signal(name=f"s{stage}_sign", reset_less=True) for stage in (1, 2, 3)]
        negative, flipped = Signal(), Signal(32)
        m.d.comb += [negative.eq(self.value[31] & ~self.is_unsigned), flipped.eq(self.value ^ negative.replicate(32))]
        m.d.sync += [later.eq(earlier) for later, earlier in zip(signs, [negative, *signs], strict=False)]
        s1_magnitude = Signal(32, reset_less=True)
        m.d.sync += s1_magnitude.eq(add(m, flipped, Const(0, 32), negative, width=32, body=self.body, name="negate"))

        s2_magnitude, s2_zeros = Signal(32, reset_less=True), Signal(5, reset_less=True)
        m.d.sync += [s2_magnitude.eq(s1_magnitude), s2_zeros.eq(leading_zeros(m, s1_magnitude, "count"))]

        s3_shifted, s3_exponent = Signal(32, reset_less=True), Signal(8, reset_less=True)
        m.d.sync += [
            s3_shifted.eq(shift_left(m, s2_magnitude, s2_zeros, "normal")),
            # 2^31 has exponent field 158, and bit 31 of the shifted word is the hidden one.
            s3_exponent.eq(158 - s2_zeros),
        ]

        up, rounded, result = Signal(), Signal(31), Signal(32, reset_less=True)
        m.d.comb += [
            up.eq(s3_shifted[7] & (s3_shifted[8] | s3_shifted[:7].any())),
            rounded.eq(Cat(s3_shifted[8:31], s3_exponent) + up),
            self.result.eq(result),
        ]
        m.d.sync += result.eq(Mux(s3_shifted[31], Cat(rounded, signs[2]), 0))
        return m


class FloatToInteger(wiring.Component):
    """FP32 to integer, to nearest even; one a cycle. ``body``: form of the adder.

    What does not fit becomes the nearer end of the range, a NaN becomes 0; both raise Invalid.
    """

    # FP32 word, and whether an unsigned integer is wanted. Taken every cycle.
    value: In(32)
    is_unsigned: In(1)
    # Integer, three cycles later.
    result: Out(32)
    # Flag Invalid, with the result.
    invalid: Out(1)

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        exponent, fraction = self.value[23:31], self.value[:23]

        # Stage 1. The hidden bit stands for 2^31 when the exponent field is 158.
        distance = Signal(signed(9))
        s1_places, s1_significand = Signal(6, reset_less=True), Signal(24, reset_less=True)
        s1_sign, s1_nan, s1_large, s1_least, s1_unsigned = (Signal(reset_less=True) for _ in range(5))
        m.d.comb += distance.eq(158 - exponent)
        m.d.sync += [
            s1_places.eq(Mux(distance > 63, 63, distance[:6])),
            s1_significand.eq(Cat(fraction, exponent.any())),
            s1_sign.eq(self.value[31]),
            s1_nan.eq(exponent.all() & fraction.any()),
            s1_large.eq(Mux(self.is_unsigned, distance < 0, distance < 1)),
            s1_least.eq(~self.is_unsigned & (self.value == 0xCF000000)),  # -2^31 fits
            s1_unsigned.eq(self.is_unsigned),
        ]

        # Stage 2. 32 bits of integer above 32 of fraction.
        shifted = Signal(64)
        s2_integer, s2_guard, s2_sticky = Signal(32, reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        s2_sign, s2_nan, s2_large, s2_least, s2_unsigned = (Signal(reset_less=True) for _ in range(5))
        m.d.comb += shifted.eq(Cat(Const(0, 40), s1_significand) >> s1_places)
        m.d.sync += [
            s2_integer.eq(shifted[32:]),
            s2_guard.eq(shifted[31]),
            # A significand shifted out altogether lies below a half, where nothing depends on it.
            s2_sticky.eq(shifted[:31].any()),
            s2_sign.eq(s1_sign),
            s2_nan.eq(s1_nan),
            s2_large.eq(s1_large),
            s2_least.eq(s1_least),
            s2_unsigned.eq(s1_unsigned),
        ]

        # Stage 3. -(x + up) = ~x + 1 - up: one adder rounds and negates.
        up, flipped, below = Signal(), Signal(32), Signal()
        result, invalid = Signal(32, reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            up.eq(s2_guard & (s2_sticky | s2_integer[0])),
            flipped.eq(s2_integer ^ s2_sign.replicate(32)),
            below.eq(s2_unsigned & s2_sign),
            self.result.eq(result),
            self.invalid.eq(invalid),
        ]
        rounded = add(m, flipped, Const(0, 32), up ^ s2_sign, width=32, body=self.body, name="round")
        m.d.sync += [
            result.eq(Mux(s2_nan | below, 0, Mux(s2_large, Cat((~s2_sign).replicate(31), s2_sign | s2_unsigned), rounded))),
            # A number below zero fits where it rounds to zero.
            invalid.eq(s2_nan | (s2_large & ~s2_least) | (below & (s2_integer.any() | up))),
        ]
        return m
