"""FP32 add, multiply and fused multiply-add against Berkeley SoftFloat, ten million vectors of each.

All pairs (triples) of a boundary set come first; then the addend lies at every distance of exponents from the product, or nearly
cancels it.
"""

import time
from itertools import product

import numpy as np
import pytest
import softfloatpy as sf

from golden.numerics.fma import ONE, add32, fma32, fma_flags, mul32
from tests.golden.numerics.test_fma import SIGNED, assert_flags_equal_softfloat, hostile, soft_run

CHUNK = 250_000
MANY = 10_000_000
OPERATIONS = {
    "add": (add32, sf.f32_add, "ac", lambda a, c: (a, np.full_like(a, ONE), c)),
    "mul": (mul32, sf.f32_mul, "ab", lambda a, b: (a, b, np.full_like(a, 1 << 31))),
    "fma": (fma32, sf.f32_mul_add, "abc", lambda a, b, c: (a, b, c)),
}


def check(name: str, operands: list[np.ndarray]) -> int:
    ours, theirs, _, as_fma = OPERATIONS[name]
    expected, flags = soft_run(theirs, *operands)
    np.testing.assert_array_equal(ours(*operands), expected)
    assert_flags_equal_softfloat(*as_fma(*operands), expected, fma_flags(*as_fma(*operands)), flags)
    return expected.size


@pytest.mark.parametrize("many", [CHUNK, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_equals_softfloat(name, many, seed):
    letters = OPERATIONS[name][2]
    started, done = time.perf_counter(), 0
    done += check(name, [np.array(column, np.uint32) for column in zip(*product(SIGNED, repeat=len(letters)), strict=True)])
    chunk = 0
    while done < many:
        given = dict(zip("abc", hostile(CHUNK, 1000 * seed + chunk), strict=True))
        done += check(name, [given[letter] for letter in letters])
        chunk += 1
    print(f"{name}: {done} vectors, {time.perf_counter() - started:.0f} s")


def test_a_wrong_last_bit_is_seen(monkeypatch):
    monkeypatch.setitem(OPERATIONS, "mul", (lambda a, b: mul32(a, b) ^ np.uint32(1), *OPERATIONS["mul"][1:]))
    with pytest.raises(AssertionError):
        check("mul", [np.uint32([0x3F800001]), np.uint32([0x3F800001])])
