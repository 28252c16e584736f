"""Sticky bits of the multiply-add lane: each single lower bit breaks a tie, both bodies, from subnormal results to the largest.

A number is odd * 2^place.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest

from golden.numerics.fma import fma32, fma_flags
from rtl.fp.adder import Body
from rtl.fp.fma import FmaLane
from sim.compile.batch import Batch
from tests.rtl.fp.test_fma import expect, feed, packed

LOWEST, HIGHEST = -149, 127
Number = tuple[int, int]


def word(odd: int, place: int) -> int | None:
    """The FP32 word of odd * 2^place; None when there is none."""
    size = abs(odd).bit_length()
    if not LOWEST <= place or size > 24 or place + size - 1 > HIGHEST:
        return None
    return int(np.float32(np.ldexp(float(odd), place)).view(np.uint32))


def factors(place: int) -> list[tuple[int, int]]:
    """Places of two powers of two whose product has that place: like ones, and the least that there are."""
    half = place // 2
    return [(half, place - half), (LOWEST, place - LOWEST), (place - LOWEST, LOWEST)]


def ties_of_the_addend(top: int) -> list[tuple[Number, Number, Number]]:
    """The product is even and a half; the addend is one bit, ever further below, then out of reach; both ways."""
    # 4097^2 = 2^24 + 2^13 + 1 has 25 bits.
    return [((4097, a), (4097, b), (sign, a + b - k)) for a, b in factors(top - 24) for k in range(1, 90) for sign in (1, -1)]


def ties_of_the_product(top: int) -> list[tuple[Number, Number, Number]]:
    """The addend is even, with a half; the product is one bit below, or a half and one bit below."""
    found = [((sign, LOWEST), (1, LOWEST), (0x800000, top - 23)) for sign in (1, -1)]  # the least product that there is
    for k, sign, even in product(range(1, 60), (1, -1), (0x800000, 0xFFFFFE, 0x800002)):
        for a, b in factors(top - 24 - k):
            found.append(((sign, a), (1, b), (even, top - 23)))
            if k < 23:
                found.append(((sign * (1 << k | 1), a), (1, b), (even, top - 23)))
    # (2^23 + 1)(2^23 + 2^k): every low bit of 48; the addend makes the half, and the last bit above it even.
    for k, sign in product(range(22), (1, -1)):
        half = (1 if k == 0 else 3) << 22
        for a, b in factors(top - 46):
            found.append(((sign * (1 << 23 | 1), a), (1 << 23 | 1 << k, b), (half, a + b)))
    return found


@cache
def odd_factors() -> tuple[np.ndarray, np.ndarray]:
    """Odd significands, and their inverses modulo 2^64."""
    a = np.arange((1 << 23) + 1, 3 << 22, 2, dtype=np.uint64)
    inverse = a.copy()
    for _ in range(5):
        inverse *= np.uint64(2) - a * inverse
    return a, inverse


def ties_between_both(top: int) -> list[tuple[Number, Number, Number]]:
    """The half and one bit far below it are of a product of 48 bits, whose upper bits meet the addend's lower ones."""
    found = []
    a, inverse = odd_factors()
    for n, sign in product(range(24, 43), (1, -1)):
        b = np.uint64((1 << n) + sign) * inverse & np.uint64((2 << n) - 1)  # so that a*b ends in 2^n + sign
        fits = np.flatnonzero(b < 1 << 24)
        assert fits.size, n
        for last, (i, j) in product((0, 1), factors(top - 24 - n)):
            found.append(((sign * int(a[fits[0]]), i), (int(b[fits[0]]), j), (1 << 23 | last, top - 23)))
    return found


def rows(cases: list[tuple[Number, Number, Number]]) -> list[np.ndarray]:
    """The cases that are FP32, as columns of words."""
    made = [tuple(word(*number) for number in case) for case in cases]
    return [np.array(column, dtype=np.uint32) for column in zip(*(row for row in made if None not in row), strict=True)]


@pytest.fixture(scope="module", params=Body)
def lane(request) -> Batch:
    return Batch(FmaLane(request.param))


@pytest.mark.parametrize("odd", [False, True], ids=["nearest", "odd"])
def test_every_single_bit_breaks_a_tie(lane: Batch, odd: bool) -> None:
    """Rounded to the nearest; rounded to odd, where the bit makes the last one odd."""
    tops = (*range(-150, -110, 3), -60, 0, 1, 60, 127)
    a, b, c = rows([case for top in tops for case in (*ties_of_the_addend(top), *ties_of_the_product(top), *ties_between_both(top))])
    assert len(a) > 10_000
    out = feed(lane, {"a": a, "b": b, "c": c, "odd": odd})
    expect(out["result"], fma32(a, b, c, odd), a=a, b=b, c=c)
    expect(out["flags"], packed(fma_flags(a, b, c, odd)), a=a, b=b, c=c)
