"""FP32 arithmetic against Berkeley SoftFloat and against exact rationals."""

from itertools import product

import numpy as np
import pytest
import softfloatpy as sf

from golden.arch.formats import BF16, CFLOAT8_1_4_3, FP16
from golden.numerics import fma as fm
from golden.numerics.convert import CANONICAL_NAN, bits_f32, narrow
from golden.numerics.fma import add32, fma32, fma_flags, mul32, sub32
from tests.golden.numerics import exact

BOUNDARY = [
    0x00000000,  # zero
    0x00000001,  # smallest subnormal
    0x00000002,
    0x007FFFFF,  # largest subnormal
    0x00800000,  # smallest normal
    0x00800001,
    0x33800000,  # 2^-24: half an ulp of 1
    0x34000000,  # 2^-23
    0x3F7FFFFF,
    0x3F800000,  # 1
    0x3F800001,
    0x40000000,
    0x4B800001,  # 2^24 + 2
    0x7F000000,  # 2^127
    0x7F7FFFFF,  # largest
    0x7F800000,  # Inf
    0x7F800001,  # signalling NaN
    0x7FC12345,  # quiet NaN with payload
]
SIGNED = BOUNDARY + [word | 0x80000000 for word in BOUNDARY]


def hostile(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triples with near-cancellation, far addends, ties, subnormals."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.integers(0, 1 << 32, (3, count), dtype=np.uint32)
    keep = np.uint32(0xFFFFFFFF) << rng.integers(0, 24, (3, count), dtype=np.uint32)
    short = rng.random(count) < 0.5
    a, b, c = (np.where(short, x & k, x) for x, k in zip((a, b, c), keep, strict=True))
    b = np.where(rng.random(count) < 0.1, b & 0x807FFFFF, b)
    c = np.where(rng.random(count) < 0.05, c & 0x807FFFFF, c)
    p = mul32(a, b)
    field = (p >> 23 & 0xFF).astype(np.int64) + rng.integers(-55, 56, count)
    distance = c & 0x807FFFFF | np.clip(field, 0, 254).astype(np.uint32) << 23
    near = (p ^ 0x80000000) + rng.integers(-3, 4, count).astype(np.uint32)
    kind = rng.random(count)
    c = np.where(kind < 0.5, distance, np.where(kind < 0.75, near, c))
    return a.astype(np.uint32), b.astype(np.uint32), c.astype(np.uint32)


def soft(words: np.ndarray) -> list[sf.Float32]:
    return [sf.Float32.from_bytes(word.to_bytes(4, "big")) for word in words.tolist()]


def soft_run(function, *operands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SoftFloat's results (NaNs made canonical) and its flag words."""
    results, flags = [], []
    for values in zip(*map(soft, operands), strict=True):
        sf.set_exception_flags(0)
        results.append(int.from_bytes(function(*values).to_bytes(), "big"))
        flags.append(int(sf.get_exception_flags()))
    out = np.array(results, dtype=np.uint32)
    return np.where((out & 0x7FFFFFFF) > exact.INF, np.uint32(CANONICAL_NAN), out), np.array(flags)


@pytest.fixture(scope="module")
def boundary_triples():
    return tuple(np.array(column, dtype=np.uint32) for column in zip(*product(SIGNED, repeat=3), strict=True))


def assert_flags_equal_softfloat(a, b, c, result, flags, soft_flags):
    def raised(flag):
        return (soft_flags & int(flag)) != 0

    np.testing.assert_array_equal(flags.invalid, raised(sf.ExceptionFlag.INVALID))
    np.testing.assert_array_equal(flags.overflow, raised(sf.ExceptionFlag.OVERFLOW))
    # SoftFloat judges tininess as if the exponent were unbounded: that differs for results rounded up to 2^-126 only.
    clear = (result & 0x7FFFFFFF) != 0x00800000
    np.testing.assert_array_equal(flags.underflow[clear], raised(sf.ExceptionFlag.UNDERFLOW)[clear])
    subnormal = np.zeros(a.shape, dtype=bool)
    for x in (a, b, c):
        subnormal |= (x & 0x7FFFFFFF != 0) & (x & 0x7F800000 == 0)
    np.testing.assert_array_equal(flags.denormal, subnormal)


def test_fma_on_boundary_triples_equals_softfloat(boundary_triples):
    a, b, c = boundary_triples
    expected, soft_flags = soft_run(sf.f32_mul_add, a, b, c)
    np.testing.assert_array_equal(fma32(a, b, c), expected)
    assert_flags_equal_softfloat(a, b, c, expected, fma_flags(a, b, c), soft_flags)


def test_fma_on_hostile_triples_equals_softfloat():
    a, b, c = hostile(1_000_000, 11)
    expected, soft_flags = soft_run(sf.f32_mul_add, a, b, c)
    np.testing.assert_array_equal(fma32(a, b, c), expected)
    assert_flags_equal_softfloat(a, b, c, expected, fma_flags(a, b, c), soft_flags)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(add32, sf.f32_add), (sub32, sf.f32_sub), (mul32, sf.f32_mul)], ids=["add", "sub", "mul"]
)
def test_two_operand_arithmetic_equals_softfloat(ours, theirs):
    a, _, c = hostile(100_000, 12)
    pairs = np.array(list(product(SIGNED, repeat=2)), dtype=np.uint32)
    a, c = np.concatenate([a, pairs[:, 0]]), np.concatenate([c, pairs[:, 1]])
    np.testing.assert_array_equal(ours(a, c), soft_run(theirs, a, c)[0])


def test_two_operand_arithmetic_is_the_fma_it_is_defined_as():
    a, b, c = hostile(100_000, 13)
    one, minus_zero = np.uint32(0x3F800000), np.uint32(0x80000000)
    for odd in (False, True):
        np.testing.assert_array_equal(add32(a, c, odd), fma32(a, one, c, odd))
        np.testing.assert_array_equal(sub32(a, c, odd), fma32(a, one, c ^ minus_zero, odd))
        np.testing.assert_array_equal(mul32(a, b, odd), fma32(a, b, minus_zero, odd))


@pytest.mark.parametrize("odd", [False, True], ids=["nearest", "odd"])
def test_fma_equals_exact_rationals(odd):
    words = [np.concatenate([x, y]) for x, y in zip(hostile(40_000, 14), _sample_boundary(10_000), strict=True)]
    expected = [exact.fma(*triple, odd) for triple in zip(*(x.tolist() for x in words), strict=True)]
    np.testing.assert_array_equal(fma32(*words, odd), np.array(expected, dtype=np.uint32))


def _sample_boundary(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(15)
    return [rng.choice(np.array(SIGNED, dtype=np.uint32), count) for _ in range(3)]


def test_odd_flags():
    a, b, c = hostile(50_000, 16)
    nearest, odd = fma_flags(a, b, c), fma_flags(a, b, c, odd=True)
    np.testing.assert_array_equal(odd.invalid, nearest.invalid)
    np.testing.assert_array_equal(odd.denormal, nearest.denormal)
    assert not odd.underflow.any() and nearest.underflow.any()
    # From half an ulp below 2^128, nearest overflows; odd from 2^128 on.
    assert (nearest.overflow | ~odd.overflow).all()
    largest, half_ulp = np.uint32(0x7F7FFFFF), np.uint32(0x73000000)
    assert fma32(largest, fm.ONE, half_ulp) == 0x7F800000 and fma32(largest, fm.ONE, half_ulp, odd=True) == 0x7F7FFFFF
    assert fma_flags(largest, fm.ONE, half_ulp).overflow and not fma_flags(largest, fm.ONE, half_ulp, odd=True).overflow


@pytest.mark.parametrize(("fmt", "bias"), [(BF16, None), (FP16, None), (CFLOAT8_1_4_3, 7)], ids=["bf16", "fp16", "cf8"])
def test_odd_then_narrow_is_one_rounding(fmt, bias):
    """Compared with the exact sum looked up between the codes of the format."""
    rng = np.random.default_rng(17)
    table = np.array([float(v) for v in exact.magnitudes(fmt, fmt.bias_value(bias))])
    codes = rng.integers(fmt.max_code // 3, 2 * fmt.max_code // 3, 20_000)
    # An exact tie plus or minus a disturbance far below FP32's last place.
    a = f32(table[codes] / 2 + table[codes + 1] / 2)
    tiny = f32(table[codes] * 2.0**-60)
    c = tiny ^ (rng.integers(0, 2, codes.size, dtype=np.uint32) << 31)
    odd = narrow(fmt, fma32(a, fm.ONE, c, odd=True), bias)
    np.testing.assert_array_equal(odd, np.where(c >> 31, codes, codes + 1))
    twice = narrow(fmt, fma32(a, fm.ONE, c), bias)
    assert (twice != odd).any()


def f32(values: np.ndarray) -> np.ndarray:
    """FP32 words of values that FP32 holds exactly."""
    words = values.astype(np.float32).view(np.uint32)
    assert (bits_f32(words).astype(np.float64) == values).all()
    return words


def test_zero_signs_by_hand():
    plus, minus, one, tiny = (np.uint32(w) for w in (0, 0x80000000, 0x3F800000, 0x00000001))
    assert fma32(one, plus, plus) == plus and fma32(one, minus, minus) == minus
    assert fma32(one, plus, minus) == plus and fma32(one, minus, plus) == plus
    assert fma32(one, one, one | minus) == plus
    assert fma32(tiny, tiny | minus, plus) == minus  # rounds to zero: the sign stays
    assert fma32(tiny, tiny | minus, plus, odd=True) == 0x80000001
    assert mul32(plus, minus) == minus and mul32(plus, one) == plus
