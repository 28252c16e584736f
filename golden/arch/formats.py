"""Number formats of the machine: one frozen record each, everything else derived from it.

Facts only (docs/numerics.md section 1): golden numerics, RTL converters, assembler and documentation tables all
read these records.  A code is the unsigned integer that the bits of a number form.
"""

from __future__ import annotations

from dataclasses import dataclass

BIAS_BITS = 6
"""Width of a programmable exponent bias."""

BIAS_MAX = (1 << BIAS_BITS) - 1
"""Largest programmable exponent bias: biases are 0..63."""

RANDOM_BITS = 24
"""Bits of the random word that one stochastic rounding adds (docs/numerics.md section 3)."""

CANONICAL_NAN = 0x7FC00000
"""The only NaN that FP32 arithmetic produces."""


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format with gradual denormals and one hidden bit.

    Fields, from the top bit down: sign (if ``signed``), ``exponent_bits``, ``mantissa_bits``.  With exponent field
    e and mantissa field f the magnitude is (2^m + f) * 2^(e - bias - m) for e > 0 and f * 2^(1 - bias - m) for
    e = 0.  ``fixed_bias`` is None where software sets the bias (0..63).  With ``ieee_specials`` the all-ones
    exponent holds Inf and NaN; without, it is an exponent like any other and results clamp to ``max_code``.
    ``literal_denormals`` selects the other reading of the published formula: f * 2^(-bias - m) for e = 0, which
    leaves a hole below the smallest normal (docs/numerics.md section 1).

    ``short`` names the format in mnemonics and on the command line, ``code`` in instruction words.
    """

    name: str
    short: str
    code: int
    exponent_bits: int
    mantissa_bits: int
    signed: bool = True
    fixed_bias: int | None = None
    ieee_specials: bool = False
    literal_denormals: bool = False

    @property
    def bits(self) -> int:
        """Bits of one number in a register or in memory."""
        return int(self.signed) + self.exponent_bits + self.mantissa_bits

    @property
    def bytes(self) -> int:
        """Bytes of one number in memory."""
        return self.bits // 8

    @property
    def has_bias(self) -> bool:
        """True where software chooses the bias."""
        return self.fixed_bias is None

    @property
    def magnitude_mask(self) -> int:
        """The code's bits below the sign."""
        return (1 << (self.exponent_bits + self.mantissa_bits)) - 1

    @property
    def mantissa_mask(self) -> int:
        """The code's mantissa field."""
        return (1 << self.mantissa_bits) - 1

    @property
    def exponent_max(self) -> int:
        """The all-ones exponent field."""
        return (1 << self.exponent_bits) - 1

    @property
    def sign_mask(self) -> int:
        """The code's sign bit, 0 for an unsigned format."""
        return 1 << (self.bits - 1) if self.signed else 0

    @property
    def max_code(self) -> int:
        """Code of the largest finite magnitude."""
        if self.ieee_specials:
            return (self.exponent_max << self.mantissa_bits) - 1
        return self.magnitude_mask

    @property
    def inf_code(self) -> int:
        """Code that a positive infinity takes: Inf where the format has it, else ``max_code``."""
        return self.max_code + 1 if self.ieee_specials else self.max_code

    @property
    def nan_code(self) -> int:
        """Code that a NaN takes: the quiet NaN without payload, or ``max_code`` (which then carries the NaN's sign)."""
        return self.inf_code | 1 << (self.mantissa_bits - 1) if self.ieee_specials else self.max_code

    def bias_value(self, bias: int | None = None) -> int:
        """The bias to use: ``fixed_bias`` or the one given.  ValueError when missing, foreign or out of range."""
        if self.fixed_bias is not None:
            if bias is not None and bias != self.fixed_bias:
                raise ValueError(f"{self.name} has the fixed bias {self.fixed_bias}, not {bias}")
            return self.fixed_bias
        if bias is None:
            raise ValueError(f"{self.name} needs a bias of 0..{BIAS_MAX}")
        if not 0 <= bias <= BIAS_MAX:
            raise ValueError(f"{self.name} bias {bias} is outside 0..{BIAS_MAX}")
        return bias


@dataclass(frozen=True)
class IntFormat:
    """A two's-complement or unsigned integer format."""

    name: str
    bits: int
    signed: bool

    @property
    def bytes(self) -> int:
        """Bytes of one number in memory."""
        return self.bits // 8

    @property
    def min(self) -> int:
        """Smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """Largest value."""
        return (1 << (self.bits - int(self.signed))) - 1


FP32 = FloatFormat("FP32", "f32", 0, 8, 23, fixed_bias=127, ieee_specials=True)
BF16 = FloatFormat("BF16", "bf16", 1, 8, 7, fixed_bias=127, ieee_specials=True)
FP16 = FloatFormat("FP16", "fp16", 3, 5, 10, fixed_bias=15, ieee_specials=True)
CFLOAT8_1_4_3 = FloatFormat("CFloat8_1_4_3", "c143", 4, 4, 3)
CFLOAT8_1_5_2 = FloatFormat("CFloat8_1_5_2", "c152", 5, 5, 2)
SHP = FloatFormat("SHP", "shp", 6, 5, 10)
UHP = FloatFormat("UHP", "uhp", 7, 6, 10, signed=False, fixed_bias=31)

RAW_CODE = 2
"""The code, beside those of the float formats, of an accumulator's own words of 64 bits."""
FORMAT_CODE_BITS = 3
"""Width of a format's code."""

FLOAT_FORMATS = {f.name: f for f in (FP32, BF16, FP16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, SHP, UHP)}
"""Every float format by name."""

NARROW_FORMATS = tuple(f for f in FLOAT_FORMATS.values() if f is not FP32)
"""The formats that widen to FP32 exactly and are narrowed to with one rounding."""

INT_FORMATS = {
    f.name: f
    for bits in (8, 16, 32, 64)
    for f in (IntFormat(f"I{bits}", bits, True), IntFormat(f"U{bits}", bits, False))
}
"""Every integer format by name: I8 U8 I16 U16 I32 U32 I64 U64."""
