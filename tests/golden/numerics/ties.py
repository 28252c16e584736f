"""Accumulators that lie at a tie but for one lower bit: a rounding that drops any bit on its way is wrong for one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from golden.arch.formats import FloatFormat
from golden.numerics.matrix import UNIT_EXPONENT

FIRST = 20
"""E of the accumulators of ``lost_bits``."""


def code(fmt: FloatFormat, v: Fraction) -> int:
    """The code of FP32 or BF16 nearest to a positive rational, ties to even: docs/numerics.md 2.1 with the format's own last place."""
    least = 1 - fmt.bias_value() - fmt.mantissa_bits
    top = v.numerator.bit_length() - v.denominator.bit_length()
    top -= Fraction(2) ** top > v
    place = max(top - fmt.mantissa_bits, least)
    return min((place - least << fmt.mantissa_bits) + round(v / Fraction(2) ** place), fmt.inf_code)


def broken_ties(fmt: FloatFormat, exponents: Iterable[int], tops: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """(raw word, code it drains to, code without its lowest bit) for E, the place of the leading one of S, and every single lower bit.

    What is kept is even, so that the tie alone goes down and the tie with a lower bit goes up; every other S is negative. E and places
    for which no bit lies below half of the last place give nothing.
    """
    least = 1 - fmt.bias_value() - fmt.mantissa_bits
    for e in exponents:
        for top in tops:
            half = max(top - fmt.mantissa_bits, least - (8 * e + UNIT_EXPONENT)) - 1
            if half < 1 or half > top or half == top - 1:
                continue  # nothing below, everything below, or an odd one kept
            tie = (1 << top) | (1 << half)
            for bit in range(half):
                negative = (top + bit) % 2
                s = tie + (1 << bit)
                word = e << 56 | (-s if negative else s) % (1 << 56)
                unit = Fraction(2) ** (8 * e + UNIT_EXPONENT)
                sign = fmt.sign_mask if negative else 0
                yield word, sign | code(fmt, s * unit), sign | code(fmt, tie * unit)


def lost_bits() -> Iterator[tuple[int, int]]:
    """(raw word, E of the product of the step that follows): one bit of S lies below the quantum that the step grows to."""
    for growth in range(1, 7):
        for bit in range(8 * growth):
            s = (1 << 52) + (1 << bit)
            yield FIRST << 56 | (-s if bit % 2 else s) % (1 << 56), FIRST + growth


def operand(exponent: int) -> int:
    """The BF16 word whose square is a product of coarse exponent ``exponent`` and of an even number of quanta."""
    return 4 * exponent << 7
