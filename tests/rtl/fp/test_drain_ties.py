"""Sticky bits of the drain converter: each single lower bit breaks a tie, both bodies, in every region of the exponent."""

import pytest

from golden.arch.formats import BF16, FP32
from rtl.fp.adder import Body
from tests.golden.numerics.ties import broken_ties
from tests.rtl.fp.test_drain import run

# Subnormal results that move right by different amounts, the last of them, the first that move left only, the middle, the largest.
EXPONENTS = (9, 10, 11, 12, 13, 14, 15, 31, 46, 50)
TOPS = (54, 53, 47, 40, 33, 26, 12)


@pytest.mark.fast
@pytest.mark.parametrize("fmt", [FP32, BF16], ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("body", Body)
def test_every_single_bit_breaks_a_tie(body, fmt):
    words, want, _ = zip(*broken_ties(fmt, EXPONENTS, TOPS), strict=True)
    got = [code for code, _ in run(body, list(words), fmt is BF16, False)]
    wrong = [(hex(word), hex(a), hex(b)) for word, a, b in zip(words, got, want, strict=True) if a != b]
    assert not wrong, wrong[:10]
