"""Sticky bits of accumulators: each single lower bit breaks a tie, in every region of the exponent, against exact fractions."""

import numpy as np
import pytest

from golden.arch.formats import BF16, FP32
from golden.numerics import matrix
from tests.golden.numerics import exact, ties


@pytest.mark.parametrize("fmt", [FP32, BF16], ids=lambda fmt: fmt.name)
def test_every_single_bit_breaks_a_tie_at_the_drain(fmt):
    """Every E, every place of the leading one (beyond 2^53 too, where float64 no longer holds S), every lower bit."""
    found = list(ties.broken_ties(fmt, range(64), range(55)))
    words, want, without = (np.array(column, np.uint64) for column in zip(*found, strict=True))
    assert len(words) > 20_000
    np.testing.assert_array_equal(matrix.drain(matrix.from_raw(words), fmt), want)
    # Each of them would see a dropped bit, but those that are infinite either way.
    finite = (without & (fmt.sign_mask - 1)) < fmt.inf_code
    assert (want != without)[finite].all() and finite.sum() > 0.6 * len(words)


def test_codes_are_those_of_the_slow_reference():
    found = list(ties.broken_ties(FP32, range(0, 64, 5), range(0, 55, 3)))
    assert all(exact.from_raw(word).drain() == want for word, want, _ in found)


def test_every_bit_that_growth_shifts_out_makes_the_sum_odd():
    """docs/numerics.md 7.3, rule 3."""
    for word, e in ties.lost_bits():
        a = np.array([[ties.operand(e), 0, 0, 0]], np.uint16)
        after = matrix.step(matrix.from_raw(np.array([[word]], np.uint64)), a, a.T)
        element = exact.from_raw(word)
        element.step(a[0].tolist(), a[0].tolist())
        assert int(after.raw()[0, 0]) == element.raw() and element.s % 2 == 1 and element.e == e
