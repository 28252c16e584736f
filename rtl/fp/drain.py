"""Drain converter of the matrix unit: one accumulator element becomes FP32 or BF16, rounded once to nearest even.

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

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from rtl.fp.adder import Body, add

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
                # Five cycles after the words.
                "result": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # D1
        word = Signal(RAW_BITS)
        m.d.comb += word.eq(self.words[self.choice] if self.choices > 1 else self.words[0])
        exponent, special, negative = word[56:62], word[62:64], word[55]
        magnitude = add(
            m,
            word[:55],
            Const(0, SIGNIFICAND_BITS),
            negative,
            width=SIGNIFICAND_BITS,
            body=self.body,
            name="magnitude",
        )
        d2_magnitude = _register(m, "d2_magnitude", magnitude)
        d2_exponent = _register(m, "d2_exponent", exponent)
        # Bit 0: the sign counts, unless P says otherwise; then P itself.
        flags = _register(m, "d2_flags", Cat(negative, special))
        right = Signal(6)
        m.d.comb += right.eq(Mux(exponent >= _FIRST_LEFT, 0, Mux(exponent <= 5, 63, 103 - 8 * exponent)))
        d2_right = _register(m, "d2_right", right)

        # D2
        window, lost = self._right(m, d2_magnitude, d2_right)
        d3_window = _register(m, "d3_window", window)
        d3_lost = _register(m, "d3_lost", lost)
        d3_exponent = _register(m, "d3_exponent", d2_exponent)
        d3_stop = _register(m, "d3_stop", _stop(d2_exponent))
        flags = _register(m, "d3_flags", flags)

        # D3
        counted = Signal(SIGNIFICAND_BITS)
        m.d.comb += counted.eq(d3_window | d3_stop)
        d4_left = _register(m, "d4_left", _zeros(m, counted))
        d4_window = _register(m, "d4_window", d3_window)
        d4_lost = _register(m, "d4_lost", d3_lost)
        d4_exponent = _register(m, "d4_exponent", d3_exponent)
        flags = _register(m, "d4_flags", flags)

        # D4
        shifted = d4_window
        for bit in reversed(range(6)):
            moved = Signal(SIGNIFICAND_BITS, name=f"d4_left_{1 << bit}")
            m.d.comb += moved.eq(Mux(d4_left[bit], shifted.shift_left(1 << bit)[:SIGNIFICAND_BITS], shifted))
            shifted = moved
        field = Signal(9)
        left_over = (8 * d4_exponent - (8 * _FIRST_LEFT - 1)) - d4_left
        m.d.comb += field.eq(Mux(d4_exponent >= _FIRST_LEFT, left_over[:9], 0))
        d5_window = _register(m, "d5_window", shifted)
        d5_lost = _register(m, "d5_lost", d4_lost)
        d5_field = _register(m, "d5_field", field[:8])
        d5_over = _register(m, "d5_over", (field >= 254) & d4_window.any())
        d5_zero = _register(m, "d5_zero", ~d4_window.any() & ~d4_lost)
        flags = _register(m, "d5_flags", flags)

        # D5
        sticky_low = d5_window[:31].any() | d5_lost
        sticky_high = sticky_low | d5_window[31:47].any()
        up = Mux(
            self.bf16,
            d5_window[47] & (sticky_high | d5_window[48]),
            d5_window[31] & (sticky_low | d5_window[32]),
        )
        hidden = Cat(Const(0, 23), d5_window[55])
        below = d5_window[32:48] | self.bf16.replicate(16)
        rounded = add(
            m, Cat(below, d5_window[48:55], d5_field), hidden, up, width=31, body=self.body, name="rounded"
        )
        negative, special = flags[0], flags[1:]
        nan, infinite = special.all(), special.any() | d5_over
        sign = Mux(special.any(), special[1] & ~special[0], negative & ~d5_zero)
        # A zero has an exponent field of its own making when E is large: terms that cancelled leave E where it was.
        finite = rounded & ~(infinite | d5_zero).replicate(31)
        code = finite | Const(_INFINITY, 31) & infinite.replicate(31) | Const(_NAN, 31) & nan.replicate(31)
        m.d.sync += self.result.eq(Cat(code, sign) & ~(sign & self.relu).replicate(32))
        return m

    def _right(self, m: Module, magnitude: Value, amount: Value) -> tuple[Value, Value]:
        """Magnitude shifted right by 0, 7, 15, .. 63, and whether ones were lost."""
        if self.body is Body.SIMULATION:
            mask = Const((1 << 63) - 1) >> (63 - amount)[:6]
            return magnitude >> amount, (magnitude & mask).any()
        select = [amount == 0] + [amount == 8 * i + 7 for i in range(8)]
        places = [0] + [8 * i + 7 for i in range(8)]
        window, lost = Const(0, SIGNIFICAND_BITS), Const(0, 1)
        for chosen, place in zip(select, places, strict=True):
            window = window | magnitude[place:] & chosen.replicate(SIGNIFICAND_BITS)
            lost = lost | magnitude[:place].any() & chosen
        return window, lost


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


def _register(m: Module, name: str, value: Value) -> Signal:
    register = Signal(len(value), name=name, reset_less=True)
    m.d.sync += register.eq(value)
    return register
