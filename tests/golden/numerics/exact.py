"""docs/numerics.md in integers and fractions, one number at a time: the slow reference that the tests compare with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from golden.arch.formats import FloatFormat

NAN, INF, SIGN = 0x7FC00000, 0x7F800000, 0x80000000


def is_nan(word: int) -> bool:
    return word & 0x7FFFFFFF > INF


def is_inf(word: int) -> bool:
    return word & 0x7FFFFFFF == INF


def value(word: int) -> Fraction:
    """The rational that finite FP32 bits stand for."""
    exponent, fraction = word >> 23 & 0xFF, word & 0x7FFFFF
    magnitude = (fraction + (1 << 23 if exponent else 0)) * Fraction(2) ** (max(exponent, 1) - 150)
    return -magnitude if word & SIGN else magnitude


def log2_floor(v: Fraction) -> int:
    """floor(log2(v)) of a positive rational."""
    guess = v.numerator.bit_length() - v.denominator.bit_length()
    return guess if Fraction(2) ** guess <= v else guess - 1


def round_f32(v: Fraction, odd: bool = False) -> int:
    """FP32 bits of a non-zero rational: section 2.1."""
    sign = SIGN if v < 0 else 0
    v = abs(v)
    q = max(log2_floor(v) - 23, -149)
    n = v / Fraction(2) ** q
    if odd:
        if v >= Fraction(2) ** 128:
            return sign | INF
        kept = n.numerator // n.denominator
        kept |= int(kept != n)
    else:
        kept = round(n)  # Python rounds fractions to nearest, ties to even
    return sign | min(((q + 149) << 23) + kept, INF)


def fma(a: int, b: int, c: int, odd: bool = False) -> int:
    """Section 2.2."""
    product_sign = (a ^ b) & SIGN
    zero = [word & 0x7FFFFFFF == 0 for word in (a, b)]
    if is_nan(a) or is_nan(b) or is_nan(c) or is_inf(a) and zero[1] or is_inf(b) and zero[0]:
        return NAN
    if is_inf(a) or is_inf(b):
        return NAN if is_inf(c) and c & SIGN != product_sign else product_sign | INF
    if is_inf(c):
        return c
    exact = value(a) * value(b) + value(c)
    if exact == 0:
        return product_sign if product_sign == c & SIGN else 0
    return round_f32(exact, odd)


def magnitudes(fmt: FloatFormat, bias: int) -> list[Fraction]:
    """Magnitudes of the finite codes without a sign, in order (section 1 and 3.4)."""
    m = fmt.mantissa_bits
    denormal = -bias - m if fmt.literal_denormals else 1 - bias - m
    out = []
    for code in range(fmt.max_code + 1):
        e, f = code >> m, code & fmt.mantissa_mask
        out.append((f + (1 << m)) * Fraction(2) ** (e - bias - m) if e else f * Fraction(2) ** denormal)
    return out


@dataclass
class Element:
    """One accumulator element and the rules of section 7, as their text says."""

    s: int = 0
    e: int = 0
    p: int = 0

    def step(self, a: list[int], b: list[int]) -> None:
        """One step of up to four products of BF16 words."""
        exponents, products, special = [], [], 0
        for u, v in zip(a, b, strict=True):
            (kind_u, x_u, value_u), (kind_v, x_v, value_v) = _operand(u), _operand(v)
            if "nan" in (kind_u, kind_v) or {kind_u, kind_v} == {"inf", "zero"}:
                special |= 3
            elif "inf" in (kind_u, kind_v):
                special |= 2 if (u ^ v) & 0x8000 else 1
            elif (kind_u, kind_v) == ("live", "live"):
                exponents.append((x_u + x_v) // 8)
                products.append(value_u * value_v)
        grown = max([self.e, *exponents])
        total = sum(round(product / quantum(grown)) for product in products)
        k = 8 * (grown - self.e)
        s = self.s // 2**k + total
        if self.s % 2**k and s % 2 == 0:
            s += 1
        self.p |= special | (1 if s >= 2**54 else 0) | (2 if s < -(2**54) else 0)
        self.s = (s + 2**55) % 2**56 - 2**55
        self.e = grown

    def raw(self) -> int:
        return self.p << 62 | self.e << 56 | self.s % 2**56

    def value(self) -> Fraction:
        return self.s * quantum(self.e)

    def drain(self, odd: bool = False) -> int:
        if self.p:
            return {1: INF, 2: SIGN | INF, 3: NAN}[self.p]
        return round_f32(self.value(), odd) if self.s else 0


def from_raw(word: int) -> Element:
    """The element of a raw word."""
    return Element((word + 2**55) % 2**56 - 2**55, word >> 56 & 63, word >> 62)


def quantum(e: int) -> Fraction:
    """Q(E) of section 7.2."""
    return Fraction(2) ** (8 * e - 284)


def _operand(word: int) -> tuple[str, int, Fraction]:
    e, f = word >> 7 & 0xFF, word & 0x7F
    if e == 255:
        return ("nan" if f else "inf"), 0, Fraction(0)
    if e == 0 and f == 0:
        return "zero", 0, Fraction(0)
    x = max(e, 1)
    magnitude = (f + (128 if e else 0)) * Fraction(2) ** (x - 134)
    return "live", x, -magnitude if word & 0x8000 else magnitude
