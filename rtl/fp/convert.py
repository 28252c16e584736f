"""Conversions between FP32 and the narrow formats (docs/numerics.md section 3).

``Widen`` takes one stage, ``Narrow`` three: shift distance, shift, round. Both are made for a tuple of formats, and a
port says which one a word has; formats that no instance needs cost nothing.

Narrowing keeps {K, 24 bits of fraction}: the significand, shifted right. Rounding adds a 24-bit word to the fraction
(half less a little, or random bits) and its carry to K; the exponent is added above K's hidden bit, so a carry out of
the fraction moves to the next binade by itself. The code with and without that carry exist before the carry does.
"""

from types import SimpleNamespace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BIAS_BITS, RANDOM_BITS, FloatFormat
from rtl.common.delay import stage
from rtl.fp.adder import Body, add
from rtl.fp.flags import FpFlags
from rtl.fp.unpack import NAN

NARROW_STAGES = 3
"""Cycles from an FP32 word to its narrow code."""

WIDEN_STAGES = 1
"""Cycles from a narrow code to its FP32 word."""

_KEPT = 11
"""Bits of the longest narrow significand, hidden bit included."""


def _check(formats: tuple[FloatFormat, ...]) -> None:
    if not formats:
        raise ValueError("a converter needs at least one narrow format")
    for fmt in formats:
        if fmt.mantissa_bits >= _KEPT:
            raise ValueError(f"{fmt.name} has {fmt.mantissa_bits} mantissa bits, a converter keeps {_KEPT - 1}")
        if fmt.literal_denormals:
            raise ValueError(f"{fmt.name} with literal denormals has no converter")


def format_width(formats: tuple[FloatFormat, ...]) -> int:
    """Width of the port that holds an index into ``formats``."""
    return max(1, (len(formats) - 1).bit_length())


def _per_format(m: Module, select: Value, values: list, shape, name: str) -> Signal:
    """The value that the format port selects."""
    chosen = Signal(shape, name=name)
    if len(values) == 1:
        m.d.comb += chosen.eq(values[0])
        return chosen
    with m.Switch(select):
        for index, value in enumerate(values):
            with m.Case(index):
                m.d.comb += chosen.eq(value)
    return chosen


class Widen(wiring.Component):
    """Narrow to FP32, exact; one stage.

    Parameters
    ----------
    formats: the formats that the ``format`` port counts.

    Raises ValueError for a format with more than 10 mantissa bits or literal denormals.
    """

    def __init__(self, formats: tuple[FloatFormat, ...]):
        _check(formats)
        self.formats = formats
        super().__init__(
            {
                # Index into the formats, with the code.
                "format": In(format_width(formats)),
                # Exponent bias of formats whose bias software sets, with the code.
                "bias": In(BIAS_BITS),
                # A code of the format, in the low bits.
                "code": In(max(fmt.bits for fmt in formats)),
                # FP32 word of the same value, one cycle later.
                "result": Out(32),
                # Invalid (signalling NaN) and Denormal (denormal code), with the result.
                "flags": Out(FpFlags),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        result, flags = Signal(32), Signal(FpFlags)
        with m.Switch(self.format):
            for index, fmt in enumerate(self.formats):
                with m.Case(index):
                    word, invalid, denormal = self._one(m, fmt)
                    m.d.comb += [result.eq(word), flags.invalid.eq(invalid), flags.denormal.eq(denormal)]
        s1_result, s1_flags = Signal(32, reset_less=True), Signal(FpFlags, reset_less=True)
        m.d.sync += [s1_result.eq(result), s1_flags.eq(flags)]
        m.d.comb += [self.result.eq(s1_result), self.flags.eq(s1_flags)]
        return m

    def _one(self, m: Module, fmt: FloatFormat) -> tuple[Value, Value, Value]:
        """FP32 word, Invalid, Denormal of the code read as ``fmt``."""
        low, high = fmt.mantissa_bits, fmt.mantissa_bits + fmt.exponent_bits
        fraction, exponent = self.code[:low], self.code[low:high]
        sign = self.code[high] if fmt.signed else Const(0, 1)
        denormal = ~exponent.any() & fraction.any()
        nan = exponent.all() & fraction.any() if fmt.ieee_specials else Const(0, 1)
        inf = exponent.all() & ~fraction.any() if fmt.ieee_specials else Const(0, 1)
        invalid = nan & ~fraction[-1]
        if fmt.fixed_bias == 127:
            word = Mux(nan, NAN, Cat(Const(0, 23 - low), self.code[: high + 1]))
            return word, invalid, denormal
        offset = Signal(8, name=f"{fmt.name}_offset")
        m.d.comb += offset.eq(127 - (self.bias if fmt.has_bias else fmt.fixed_bias))
        # A denormal: its leading one becomes the hidden bit, each place it moved costs one of exponent.
        moved, shifted = Const(low, 8), Const(0, low)
        for place in range(low):
            moved = Mux(fraction[place], low - 1 - place, moved)
            shifted = Mux(fraction[place], Cat(Const(0, low - place), fraction[:place]), shifted)
        wide = Mux(exponent.any(), offset + exponent, offset - moved)[:8]
        finite = Cat(Const(0, 23 - low), Mux(exponent.any(), fraction, shifted)[:low], wide)
        word = Cat(Mux(inf, 0x7F800000, Mux(exponent.any() | fraction.any(), finite, 0))[:31], sign)
        return Mux(nan, NAN, word), invalid, denormal


class Narrow(wiring.Component):
    """FP32 to narrow, one rounding, to nearest even or stochastic; three stages, one word a cycle.

    Parameters
    ----------
    formats: the formats that the ``format`` port counts.
    stochastic: whether the ports ``stochastic`` and ``random`` matter (else it rounds to nearest even).
    body: form of the adders.

    Raises ValueError for a format with more than 10 mantissa bits or literal denormals.
    """

    def __init__(self, formats: tuple[FloatFormat, ...], stochastic: bool = True, body: Body = Body.SIMULATION):
        _check(formats)
        self.formats = formats
        self.with_random = stochastic
        self.body = body
        super().__init__(
            {
                # Index into the formats, with the value.
                "format": In(format_width(formats)),
                # Exponent bias of formats whose bias software sets, with the value.
                "bias": In(BIAS_BITS),
                # FP32 word. Taken every cycle.
                "value": In(32),
                # Round stochastically, with the value.
                "stochastic": In(1),
                # Random word of this element, two cycles after the value: a generator's last stage may run beside the shift.
                "random": In(RANDOM_BITS),
                # The code, in the low bits, three cycles later.
                "code": Out(max(fmt.bits for fmt in formats)),
                # Flags of the conversion, with the code.
                "flags": Out(FpFlags),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        self._round(m, self._shift(m, self._align(m)))
        return m

    def _align(self, m: Module) -> SimpleNamespace:
        """Stage 1: how far the significand goes right; the exponent that remains."""
        formats, places = self.formats, _KEPT - 1
        exponent, fraction = self.value[23:31], self.value[:23]
        normal, top = exponent.any(), exponent.all()
        biases = [self.bias if fmt.has_bias else Const(fmt.fixed_bias, 8) for fmt in formats]
        rebias = _per_format(m, self.format, [bias - 127 for bias in biases], signed(9), "rebias")
        fixed = _per_format(m, self.format, [places - fmt.mantissa_bits for fmt in formats], 4, "fixed")
        reaches = [places - fmt.mantissa_bits + 128 - bias for fmt, bias in zip(formats, biases, strict=True)]
        reach = _per_format(m, self.format, reaches, signed(10), "reach")
        clipped, target, far = Signal(8), Signal(signed(10)), Signal(signed(10))
        remains = Signal(8)
        m.d.comb += [
            clipped.eq(Cat(exponent[0] | ~normal, exponent[1:])),
            target.eq(clipped + rebias),
            far.eq(reach - clipped),
            remains.eq(Mux(target < 1, 0, target - 1)),
        ]
        return stage(
            m,
            "s1",
            # Beyond 35 nothing remains, so 63 stands for all that is farther.
            shift=Mux(target < 1, Mux(far > 63, 63, far[:6]), fixed),
            exponent=remains,
            significand=Cat(fraction, normal),
            sign=self.value[31],
            nan=top & fraction.any(),
            inf=top & ~fraction.any(),
            subnormal=~normal & fraction.any(),
            some=normal | fraction.any(),
            stochastic=self.stochastic,
            format=self.format,
        )

    def _shift(self, m: Module, s1: SimpleNamespace) -> SimpleNamespace:
        """Stage 2: shift; the exponent at its place in the code."""
        shifted = Signal(_KEPT + RANDOM_BITS)
        m.d.comb += shifted.eq(Cat(Const(0, _KEPT), s1.significand) >> s1.shift)
        placed = [Cat(Const(0, fmt.mantissa_bits), s1.exponent) for fmt in self.formats]
        base = _per_format(m, s1.format, placed, 18, "base")
        goes_on = ("sign", "nan", "inf", "subnormal", "some", "stochastic", "format")
        return stage(
            m,
            "s2",
            rest=shifted[:RANDOM_BITS],
            kept=shifted[RANDOM_BITS:],
            base=base,
            **{name: getattr(s1, name) for name in goes_on},
        )

    def _round(self, m: Module, s2: SimpleNamespace) -> None:
        """Stage 3: the carry of the rest, beside both codes that it chooses between."""
        formats, addend = self.formats, Signal(RANDOM_BITS)
        half = Cat((~s2.kept[0]).replicate(RANDOM_BITS - 1), s2.kept[0])
        m.d.comb += addend.eq(Mux(s2.stochastic, self.random, half) if self.with_random else half)
        up = add(m, s2.rest, addend, width=RANDOM_BITS + 1, body=self.body, name="rest")[-1]
        codes = [add(m, s2.base, s2.kept, carry, width=19, body=self.body, name=f"code_{carry}") for carry in (0, 1)]
        over, field_zero, picked = Signal(2), Signal(2), Signal(16)
        for choice, code in enumerate(codes):
            too_large, no_exponent = [code > f.max_code for f in formats], [~code[f.mantissa_bits :].any() for f in formats]
            m.d.comb += [
                over[choice].eq(_per_format(m, s2.format, too_large, 1, f"over_{choice}")),
                field_zero[choice].eq(_per_format(m, s2.format, no_exponent, 1, f"zero_{choice}")),
            ]
        inf_code, nan_code, ieee, unsigned = (
            _per_format(m, s2.format, values, shape, name)
            for name, values, shape in (
                ("inf_code", [f.inf_code for f in formats], 16),
                ("nan_code", [f.nan_code for f in formats], 16),
                ("ieee", [int(f.ieee_specials) for f in formats], 1),
                ("unsigned", [int(not f.signed) for f in formats], 1),
            )
        )
        finite, clamped, refused, inexact = (Signal(name=name) for name in ("finite", "clamped", "refused", "inexact"))
        m.d.comb += [
            finite.eq(~s2.nan & ~s2.inf),
            clamped.eq(finite & over.bit_select(up, 1)),
            refused.eq(unsigned & s2.sign),
            inexact.eq(s2.rest.any() | (~s2.kept.any() & s2.some)),
            picked.eq(Mux(s2.nan, nan_code, Mux(s2.inf | clamped, inf_code, Mux(up, codes[1], codes[0])))),
        ]
        sign = s2.sign & ~(s2.nan & ieee)
        signed_codes = [picked | (Mux(sign, f.sign_mask, 0) if f.signed else 0) for f in formats]
        code = _per_format(m, s2.format, signed_codes, 16, "signed_code")
        s3_code, s3_flags = Signal.like(self.code, reset_less=True), Signal(FpFlags, reset_less=True)
        m.d.sync += [
            s3_code.eq(Mux(refused, 0, code)),
            s3_flags.invalid.eq(Mux(refused, s2.some, s2.nan)),
            s3_flags.denormal.eq(s2.subnormal),
            s3_flags.overflow.eq(~refused & (clamped | (s2.inf & ~ieee))),
            s3_flags.underflow.eq(~refused & finite & inexact & field_zero.bit_select(up, 1)),
        ]
        m.d.comb += [self.code.eq(s3_code), self.flags.eq(s3_flags)]
