"""Drain converter of the matrix unit: one accumulator element becomes FP32 or BF16, rounded once to nearest even, or FP32 rounded to odd.

The rules are docs/numerics.md section 7. Five stages, one element every cycle:

    D1 choice of the element, magnitude        D2 right shift for numbers below the smallest normal
    D3 zero count, limited at subnormals       D4 left shift        D5 round, infinities, NaN, sign, ReLU

The top bit of the 56-bit magnitude has the biased exponent 8E - 102. A left shift may take it down to exponent 1 and no
farther, so the zero counter sees an extra one at that place; elements of E <= 12 lie wholly below and move right by
103 - 8E first. What is left of the exponent, less one, stands above the fraction, and the hidden bit is added to it:
so rounding carries from fraction to exponent, from the largest subnormal to the smallest normal, and to infinity.

For BF16 the 16 lower bits of the rounder are ones, so that the same carry rounds at the higher place. That equals
rounding to odd at 24 bits and then to BF16, because both round the exact value once.
"""

from types import SimpleNamespace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.delay import stage
from rtl.fp.adder import Body, add
from rtl.fp.flags import FpFlags

STAGES = 5
"""Cycles from element to result."""

SIGNIFICAND_BITS = 56
RAW_BITS = 64
_INFINITY = 0x7F800000
_NAN = 0x7FC00000
_FIRST_LEFT = 13  # smallest E whose elements can only move left


class DrainConverter(wiring.Component):
    """Converts one element per cycle.

    Parameters
    ----------
    choices: how many raw words the first stage chooses from, a power of two.
    body: form of the data path.
    """

    def __init__(self, choices: int = 1, body: Body = Body.SIMULATION):
        self.choices = choices
        self.body = body
        super().__init__(
            {
                # Folded raw words and which of them to convert: stage D1.
                "words": In(data.ArrayLayout(RAW_BITS, choices)),
                "choice": In(range(choices)),
                # Stage D5 of the same element: BF16 (in the upper half of the result) instead of FP32; elements with
                # their sign set become +0, NaN stays.
                "bf16": In(1),
                "relu": In(1),
                # Round to odd, for a conversion that follows; not with bf16. No Underflow then.
                "odd": In(1),
                # Five cycles after the words: the result, and the flags that it raises.
                "result": Out(32),
                "flags": Out(FpFlags),
            }
        )

    def elaborate(self, platform):
        m = Module()
        magnitude, exponent, signs = self._choose(m)
        right = Signal(6)
        m.d.comb += right.eq(Mux(exponent >= _FIRST_LEFT, 0, Mux(exponent <= 5, 63, 103 - 8 * exponent)))

        d2 = stage(m, "d2", magnitude=magnitude, exponent=exponent, right=right, signs=signs)
        window, sticky = self._right(m, d2.magnitude, d2.right)
        d3 = stage(m, "d3", window=window, sticky=sticky, exponent=d2.exponent, stop=_stop(d2.exponent), signs=d2.signs)
        counted = Signal(SIGNIFICAND_BITS)
        m.d.comb += counted.eq(d3.window | d3.stop)
        d4 = stage(m, "d4", left=_zeros(m, counted), window=d3.window, sticky=d3.sticky, exponent=d3.exponent, signs=d3.signs)
        shifted = d4.window
        for bit in reversed(range(6)):
            moved = Signal(SIGNIFICAND_BITS, name=f"d4_left_{1 << bit}")
            m.d.comb += moved.eq(Mux(d4.left[bit], shifted.shift_left(1 << bit)[:SIGNIFICAND_BITS], shifted))
            shifted = moved
        field = Signal(9)
        left_over = (8 * d4.exponent - (8 * _FIRST_LEFT - 1)) - d4.left
        m.d.comb += field.eq(Mux(d4.exponent >= _FIRST_LEFT, left_over[:9], 0))
        some = d4.window.any()
        over, zero = (field >= 254) & some, ~some & ~d4.sticky
        self._round(m, stage(m, "d5", window=shifted, sticky=d4.sticky, field=field[:8], over=over, zero=zero, signs=d4.signs))
        return m

    def _choose(self, m: Module) -> tuple[Value, Value, Value]:
        """D1: magnitude and exponent of the chosen element, and its signs: bit 0 that of S, then P."""
        word = Signal(RAW_BITS)
        m.d.comb += word.eq(self.words[self.choice] if self.choices > 1 else self.words[0])
        negative = word[55]
        zero = Const(0, SIGNIFICAND_BITS)
        magnitude = add(m, word[:55], zero, negative, width=SIGNIFICAND_BITS, body=self.body, name="magnitude")
        return magnitude, word[56:62], Cat(negative, word[62:64])

    def _round(self, m: Module, d5: SimpleNamespace) -> None:
        """D5, and the flags a cycle later."""
        window = d5.window
        sticky_low = window[:31].any() | d5.sticky
        sticky_high = sticky_low | window[31:47].any()
        up = ~self.odd & Mux(self.bf16, window[47] & (sticky_high | window[48]), window[31] & (sticky_low | window[32]))
        hidden = Cat(Const(0, 23), window[55])
        below = window[32:48] | self.bf16.replicate(16)
        rounded = add(m, Cat(below, window[48:55], d5.field), hidden, up, width=31, body=self.body, name="rounded")
        negative, special = d5.signs[0], d5.signs[1:]
        nan, infinite = special.all(), special.any() | d5.over
        sign = Mux(special.any(), special[1] & ~special[0], negative & ~d5.zero)
        # A zero has an exponent field of its own making when E is large: terms that cancelled leave E where it was.
        odd = self.odd & (sticky_low | window[31]) & ~infinite
        finite = rounded & ~(infinite | d5.zero).replicate(31) | odd
        code = finite | Const(_INFINITY, 31) & infinite.replicate(31) | Const(_NAN, 31) & nan.replicate(31)
        replaced = sign & self.relu
        m.d.sync += self.result.eq(Cat(code, sign) & ~replaced.replicate(32))
        # The exponent field of the result says the rest.
        inexact = Mux(self.bf16, sticky_high | window[47], sticky_low | window[31])
        d6 = stage(m, "d6", number=~special.any() & ~replaced, inexact=inexact & ~self.odd, nan=nan)
        exponent = self.result[23:31]
        m.d.comb += [
            self.flags.invalid.eq(d6.nan),
            self.flags.overflow.eq(d6.number & exponent.all()),
            self.flags.underflow.eq(d6.number & d6.inexact & ~exponent.any()),
        ]

    def _right(self, m: Module, magnitude: Value, amount: Value) -> tuple[Value, Value]:
        """Magnitude shifted right by 0, 7, 15, .. 63, and whether ones were lost."""
        if self.body is Body.SIMULATION:
            mask = Const((1 << 63) - 1) >> (63 - amount)[:6]
            return magnitude >> amount, (magnitude & mask).any()
        select = [amount == 0] + [amount == 8 * i + 7 for i in range(8)]
        places = [0] + [8 * i + 7 for i in range(8)]
        window, sticky = Const(0, SIGNIFICAND_BITS), Const(0, 1)
        for chosen, place in zip(select, places, strict=True):
            window = window | magnitude[place:] & chosen.replicate(SIGNIFICAND_BITS)
            sticky = sticky | magnitude[:place].any() & chosen
        return window, sticky


def fold(raw: Value) -> Value:
    """A raw word whose S is inverted below its sign when that is set: its own inverse, and half of a negation.

    Lanes fold what they give to the drain, where the inversion would stand in the way of the choice.
    """
    return Cat(raw[:55] ^ raw[55].replicate(55), raw[55:])


def _stop(exponent: Value) -> Value:
    """The one at which the zero counter stops: where the left shift reaches exponent 1; none where it never does."""
    ones = [exponent <= _FIRST_LEFT - 1] + [exponent == _FIRST_LEFT + i for i in range(7)]
    places = [SIGNIFICAND_BITS - 1] + [SIGNIFICAND_BITS - 2 - 8 * i for i in range(7)]
    bits = dict(zip(places, ones, strict=True))
    return Cat(bits.get(place, Const(0, 1)) for place in range(SIGNIFICAND_BITS))


def _zeros(m: Module, window: Value) -> Value:
    """Leading zeros of 56 bits (anything when there is no one): halve, keep the half that holds the first one."""
    rest = Cat(Const(0, 64 - SIGNIFICAND_BITS), window)
    count = []
    for half in (32, 16, 8, 4, 2, 1):
        none = Signal(name=f"d3_none_{half}")
        kept = Signal(half, name=f"d3_kept_{half}")
        m.d.comb += none.eq(~rest[half:].any())
        m.d.comb += kept.eq(Mux(none, rest[:half], rest[half:]))
        rest = kept
        count.append(none)
    return Cat(*reversed(count))
