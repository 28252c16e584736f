"""Minimum, maximum and compares: every pair of a boundary set against SoftFloat's compares and hand-made rules."""

import numpy as np
import softfloatpy as sf

from golden.numerics import compare
from tests.golden.numerics.exact import is_nan

WORDS = [0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000]
WORDS += [word | 0x80000000 for word in WORDS]
A, B = (x.ravel() for x in np.meshgrid(np.array(WORDS, dtype=np.uint32), np.array(WORDS, dtype=np.uint32)))


def soft(function):
    out, invalid = [], []
    for a, b in zip(A.tolist(), B.tolist(), strict=True):
        sf.set_exception_flags(0)
        out.append(bool(function(*(sf.Float32.from_bytes(w.to_bytes(4, "big")) for w in (a, b)))))
        invalid.append(sf.get_exception_flags() & sf.ExceptionFlag.INVALID != 0)
    return out, invalid


def test_compares_equal_softfloat():
    for ours, flag, theirs in (
        (compare.eq, compare.quiet_invalid, sf.f32_eq),
        (compare.lt, compare.ordered_invalid, sf.f32_lt),
        (compare.le, compare.ordered_invalid, sf.f32_le),
    ):
        expected, invalid = soft(theirs)
        assert ours(A, B).tolist() == expected
        assert flag(A, B).tolist() == invalid


def test_minimum_and_maximum_follow_the_order_of_a_hand_sorted_list():
    ascending = [0xFF800000, 0xFF7FFFFF, 0xBF800000, 0x80800000, 0x807FFFFF, 0x80000001, 0x80000000]
    ascending += [word ^ 0x80000000 for word in reversed(ascending)]
    for a, b in zip(A.tolist(), B.tolist(), strict=True):
        low, high = int(compare.min32(np.uint32(a), np.uint32(b))), int(compare.max32(np.uint32(a), np.uint32(b)))
        if is_nan(a) or is_nan(b):
            assert low == high == 0x7FC00000
        else:
            assert [low, high] == sorted([a, b], key=ascending.index)


def test_minimum_is_associative():
    words = np.array(WORDS, dtype=np.uint32)
    a, b, c = words[:, None, None], words[None, :, None], words[None, None, :]
    for f in (compare.min32, compare.max32):
        np.testing.assert_array_equal(f(f(a, b), c), f(a, f(b, c)))
