"""Conversions against gfloat, ml_dtypes, exact rationals and a hand-written table of specials."""

from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction

import gfloat
import ml_dtypes
import numpy as np
import pytest

from golden.arch.formats import (
    BF16,
    CFLOAT8_1_4_3,
    CFLOAT8_1_5_2,
    FLOAT_FORMATS,
    FP16,
    FP32,
    NARROW_FORMATS,
    SHP,
    UHP,
    FloatFormat,
)
from golden.numerics import convert
from golden.numerics.convert import bits_f32, f32_bits, narrow, narrow_flags, widen, widen_bf16, widen_flags
from tests.golden.numerics import exact

CFLOATS = (CFLOAT8_1_4_3, CFLOAT8_1_5_2)
BY_NAME = {"ids": lambda f: getattr(f, "name", str(f))}


def gfloat_info(fmt: FloatFormat, bias: int) -> gfloat.FormatInfo:
    """The same format as gfloat describes it."""
    ieee = fmt.ieee_specials
    return gfloat.FormatInfo(
        fmt.name,
        fmt.bits,
        fmt.mantissa_bits + 1,
        bias=bias,
        is_signed=fmt.signed,
        domain=gfloat.Domain.Extended if ieee else gfloat.Domain.Finite,
        has_nz=fmt.signed,
        num_high_nans=(1 << fmt.mantissa_bits) - 1 if ieee else 0,
        has_subnormals=True,
        is_twos_complement=False,
    )


def all_codes(fmt: FloatFormat) -> np.ndarray:
    return np.arange(1 << fmt.bits, dtype=convert.storage_dtype(fmt))


def biases(fmt: FloatFormat, some: tuple[int, ...]) -> tuple[int | None, ...]:
    return some if fmt.has_bias else (None,)


def random_f32(count: int, seed: int) -> np.ndarray:
    """FP32 words: all exponents, half of them within the narrow formats' range, many short mantissas (ties)."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    near = rng.integers(127 - 90, 127 + 40, count, dtype=np.uint32) << 23
    words = np.where(rng.random(count) < 0.7, words & 0x807FFFFF | near, words)
    keep = np.uint32(0xFFFFFFFF) << rng.integers(0, 23, count, dtype=np.uint32)
    return np.where(rng.random(count) < 0.5, words & keep, words).astype(np.uint32)


def assert_same_values(got_bits: np.ndarray, expected: np.ndarray) -> None:
    """Equal including the sign of zero; NaN equals NaN."""
    np.testing.assert_array_equal(got_bits, np.where(np.isnan(expected), np.uint32(exact.NAN), f32_bits(expected)))


@pytest.mark.parametrize("fmt", NARROW_FORMATS, **BY_NAME)
def test_widening_every_code_equals_gfloat(fmt):
    every = tuple(range(64)) if fmt.bits == 8 else (0, 1, 15, 31, 62, 63)
    for bias in biases(fmt, every):
        codes = all_codes(fmt)
        expected = gfloat.decode_ndarray(gfloat_info(fmt, fmt.bias_value(bias)), codes.astype(np.int64))
        assert_same_values(widen(fmt, codes, bias), expected)


@pytest.mark.parametrize(("fmt", "dtype"), [(BF16, ml_dtypes.bfloat16), (FP16, np.float16)], **BY_NAME)
def test_widening_every_code_equals_ml_dtypes(fmt, dtype):
    codes = all_codes(fmt)
    with np.errstate(invalid="ignore"):
        assert_same_values(widen(fmt, codes), codes.view(dtype).astype(np.float32))


# Formats of ml_dtypes with the fields of a CFloat8 and a fixed bias; codes up to the largest that is an ordinary number there.
ALIKE = {
    "e4m3fn": (CFLOAT8_1_4_3, 7, ml_dtypes.float8_e4m3fn, 0x7E),
    "e4m3fnuz": (CFLOAT8_1_4_3, 8, ml_dtypes.float8_e4m3fnuz, 0x7F),
    "e4m3b11fnuz": (CFLOAT8_1_4_3, 11, ml_dtypes.float8_e4m3b11fnuz, 0x7F),
    "e5m2": (CFLOAT8_1_5_2, 15, ml_dtypes.float8_e5m2, 0x7B),
    "e5m2fnuz": (CFLOAT8_1_5_2, 16, ml_dtypes.float8_e5m2fnuz, 0x7F),
}


@pytest.mark.parametrize(("fmt", "bias", "dtype", "largest"), ALIKE.values(), ids=ALIKE)
def test_cfloat8_equals_ml_dtypes_where_it_has_the_bias(fmt, bias, dtype, largest):
    """Every code both ways, and FP32 numbers that round to at most the largest; -0 exists only here where theirs is a NaN."""
    codes = np.concatenate([np.arange(largest + 1), np.arange(0x81, 0x80 + largest + 1)]).astype(np.uint8)
    assert_same_values(widen(fmt, codes, bias), codes.view(dtype).astype(np.float32))
    words = random_f32(1_000_000, 8)
    values = bits_f32(words)
    smallest, most = (abs(float(bits_f32(widen(fmt, np.uint8(code), bias)))) for code in (1, largest))
    words = words[(np.abs(values) <= most) & (np.abs(values) > smallest)]
    assert words.size > 50_000
    np.testing.assert_array_equal(narrow(fmt, words, bias), bits_f32(words).astype(dtype).view(np.uint8))


@pytest.mark.parametrize("fmt", CFLOATS, **BY_NAME)
def test_every_bf16_that_is_inf_or_nan_at_every_bias(fmt):
    """By hand, from the table of docs/numerics.md 1: the largest code, 0x7f, with the sign, whatever the bias and the random word are;
    Inf raises Overflow, all 254 NaN raise Invalid, and neither anything else."""
    words = np.arange(1 << 16, dtype=np.uint32)
    words = words[(words & 0x7F80) == 0x7F80]
    assert words.size == 256
    is_inf = (words & 0x7F) == 0
    for bias in range(64):
        for random in (None, np.uint32(0), np.uint32(0xFFFFFF)):
            np.testing.assert_array_equal(narrow(fmt, words << 16, bias, random), 0x7F | (words >> 15 << 7))
            flags = narrow_flags(fmt, words << 16, bias, random)
            np.testing.assert_array_equal(flags.overflow, is_inf)
            np.testing.assert_array_equal(flags.invalid, ~is_inf)
            assert not flags.denormal.any() and not flags.underflow.any()


@pytest.mark.parametrize("fmt", FLOAT_FORMATS.values(), **BY_NAME)
def test_narrowing_undoes_widening(fmt):
    if fmt is FP32:
        codes = random_f32(100_000, 1)
        codes = codes[~np.isnan(bits_f32(codes))]
    else:
        codes = all_codes(fmt)
    for bias in biases(fmt, (0, 7, 63)):
        wide = widen(fmt, codes, bias)
        expected = np.where((wide & 0x7FFFFFFF) > exact.INF, fmt.nan_code, codes)
        for random in (None, np.uint32(0), np.uint32(0xFFFFFF)):
            np.testing.assert_array_equal(narrow(fmt, wide, bias, random), expected)


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("fmt", CFLOATS, **BY_NAME)
def test_every_finite_bf16_at_every_bias_equals_gfloat(fmt, stochastic):
    words = np.arange(1 << 16, dtype=np.uint32) << 16
    words = words[np.isfinite(bits_f32(words))]
    values = bits_f32(words).astype(np.float64)
    rng = np.random.default_rng(2)
    mode = gfloat.RoundMode.StochasticFastest if stochastic else gfloat.RoundMode.TiesToEven
    for bias in range(64):
        random = rng.integers(0, 1 << 24, words.size, dtype=np.uint32) if stochastic else None
        options = {"srbits": random.astype(np.int64), "srnumbits": 24} if stochastic else {}
        expected = gfloat.round_ndarray(gfloat_info(fmt, bias), values, mode, sat=True, **options)
        got = widen(fmt, narrow(fmt, words, bias, random), bias)
        np.testing.assert_array_equal(got, f32_bits(expected), err_msg=f"bias {bias}")


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("fmt", [SHP, UHP, *CFLOATS], **BY_NAME)
def test_fp32_equals_gfloat(fmt, stochastic):
    words = random_f32(200_000, 3)
    words = words[np.isfinite(bits_f32(words))]
    if not fmt.signed:
        words = words & 0x7FFFFFFF
    values = bits_f32(words).astype(np.float64)
    rng = np.random.default_rng(4)
    random = rng.integers(0, 1 << 24, words.size, dtype=np.uint32) if stochastic else None
    options = {"srbits": random.astype(np.int64), "srnumbits": 24} if stochastic else {}
    mode = gfloat.RoundMode.StochasticFastest if stochastic else gfloat.RoundMode.TiesToEven
    # gfloat adds the whole fraction, not its upper 24 bits: with a 24-bit random word the carry is the same.
    for bias in biases(fmt, (0, 15, 31, 63)):
        b = fmt.bias_value(bias)
        expected = gfloat.round_ndarray(gfloat_info(fmt, b), values, mode, sat=True, **options)
        got = widen(fmt, narrow(fmt, words, bias, random), bias)
        np.testing.assert_array_equal(got, f32_bits(expected))


@pytest.mark.parametrize(("fmt", "dtype"), [(BF16, ml_dtypes.bfloat16), (FP16, np.float16)], **BY_NAME)
def test_fp32_equals_ml_dtypes(fmt, dtype):
    words = random_f32(1_000_000, 5)
    with np.errstate(all="ignore"):
        expected = bits_f32(words).astype(dtype).view(np.uint16)
    expected = np.where(np.isnan(bits_f32(words)), fmt.nan_code, expected)
    np.testing.assert_array_equal(narrow(fmt, words), expected)
    if fmt is BF16:
        np.testing.assert_array_equal(convert.f32_to_bf16(words), expected)
        np.testing.assert_array_equal(convert.bf16_to_f32(expected), widen(BF16, expected))


# Input bits; then code and raised flags (i d o u) for BF16, FP16, CFloat8_1_4_3 (bias 7), SHP (bias 15), UHP.
SPECIALS = {
    0x7F800000: [(0x7F80, ""), (0x7C00, ""), (0x7F, "o"), (0x7FFF, "o"), (0xFFFF, "o")],
    0xFF800000: [(0xFF80, ""), (0xFC00, ""), (0xFF, "o"), (0xFFFF, "o"), (0x0000, "i")],
    0x7FC00000: [(0x7FC0, "i"), (0x7E00, "i"), (0x7F, "i"), (0x7FFF, "i"), (0xFFFF, "i")],
    0xFFC00001: [(0x7FC0, "i"), (0x7E00, "i"), (0xFF, "i"), (0xFFFF, "i"), (0x0000, "i")],
    0x7F800001: [(0x7FC0, "i"), (0x7E00, "i"), (0x7F, "i"), (0x7FFF, "i"), (0xFFFF, "i")],
    0x7F7FFFFF: [(0x7F80, "o"), (0x7C00, "o"), (0x7F, "o"), (0x7FFF, "o"), (0xFFFF, "o")],
    0xBF800000: [(0xBF80, ""), (0xBC00, ""), (0xB8, ""), (0xBC00, ""), (0x0000, "i")],
    0x00000000: [(0x0000, ""), (0x0000, ""), (0x00, ""), (0x0000, ""), (0x0000, "")],
    0x80000000: [(0x8000, ""), (0x8000, ""), (0x80, ""), (0x8000, ""), (0x0000, "")],
    0x00000001: [(0x0000, "du"), (0x0000, "du"), (0x00, "du"), (0x0000, "du"), (0x0000, "du")],
    0x80000001: [(0x8000, "du"), (0x8000, "du"), (0x80, "du"), (0x8000, "du"), (0x0000, "di")],
    # 2^-9, the smallest denormal of CFloat8_1_4_3 at bias 7; the others hold it as a normal number.
    0x3B000000: [(0x3B00, ""), (0x1800, ""), (0x01, ""), (0x1800, ""), (0x5800, "")],
    # 496 = 15.5 * 2^5: halfway between 480 (the largest at bias 7) and 512: the even neighbour is beyond the range.
    0x43F80000: [(0x43F8, ""), (0x5FC0, ""), (0x7F, "o"), (0x5FC0, ""), (0x9FC0, "")],
    # One ulp less rounds to 480 without Overflow; the others round it to 496.
    0x43F7FFFF: [(0x43F8, ""), (0x5FC0, ""), (0x7F, ""), (0x5FC0, ""), (0x9FC0, "")],
}


@pytest.mark.parametrize("word", SPECIALS, ids=hex)
def test_specials_by_hand(word):
    targets = [(BF16, None), (FP16, None), (CFLOAT8_1_4_3, 7), (SHP, 15), (UHP, None)]
    for (fmt, bias), (code, raised) in zip(targets, SPECIALS[word], strict=True):
        assert int(narrow(fmt, np.uint32(word), bias)) == code, fmt.name
        flags = narrow_flags(fmt, np.uint32(word), bias)
        names = "".join(
            n[0] for n, flag in sorted(flags._asdict().items(), key=lambda x: "diou".index(x[0][0])) if flag
        )
        assert names == raised, fmt.name


def test_overflow_to_inf_also_when_stochastic():
    word = np.uint32(0x7F7FFFFF)  # just below 2^128: rounds down to 0x7f7f only when nothing is added
    assert int(narrow(BF16, word, random=np.uint32(0))) == 0x7F7F
    assert int(narrow(BF16, word, random=np.uint32(0xFFFFFF))) == 0x7F80
    assert bool(narrow_flags(BF16, word, random=np.uint32(0xFFFFFF)).overflow)


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("fmt", CFLOATS, **BY_NAME)
def test_both_roundings_and_flags_equal_exact_rationals(fmt, literal):
    fmt = replace(fmt, literal_denormals=literal)
    rng = np.random.default_rng(6)
    for bias in (0, 7, 40, 63):
        table = exact.magnitudes(fmt, bias)
        # Around the smallest normal, 2^(1 - bias), where all the cases are, and over the whole range.
        exponents = np.concatenate([rng.integers(-fmt.mantissa_bits - 4, 4, 1500), rng.integers(-8, 36, 500)])
        words = (rng.integers(0, 1 << 23, 2000) | (exponents + 1 - bias + 127) << 23).astype(np.uint32)
        words[::3] &= np.uint32(0xFFF00000)
        random = rng.integers(0, 1 << 24, words.size, dtype=np.uint32)
        for r in (None, random):
            codes, flags = narrow(fmt, words, bias, r), narrow_flags(fmt, words, bias, r)
            for i, word in enumerate(words.tolist()):
                expected, inexact, over = _round_by_table(
                    fmt, table, exact.value(word), None if r is None else int(r[i])
                )
                assert codes[i] == expected, (hex(word), bias, r is None)
                assert flags.overflow[i] == over
                assert flags.underflow[i] == (inexact and not over and expected >> fmt.mantissa_bits == 0)


def _round_by_table(fmt: FloatFormat, table: list[Fraction], v: Fraction, random: int | None) -> tuple[int, bool, bool]:
    """Code, inexact, overflow of a magnitude by looking up its neighbours."""
    top = table[-1] + (table[-1] - table[-2])  # where the next code would be
    if v >= top:
        return fmt.max_code, True, True
    low = bisect_right(table, v) - 1
    high = table[low + 1] if low + 1 < len(table) else top
    share = (v - table[low]) / (high - table[low])
    if random is None:
        up = share > Fraction(1, 2) or share == Fraction(1, 2) and low % 2 == 1
    else:
        up = int(share * 2**24) + random >= 2**24
    code = low + up
    return min(code, fmt.max_code), share != 0, code > fmt.max_code


@pytest.mark.parametrize("fmt", CFLOATS, **BY_NAME)
def test_literal_denormals_leave_the_hole(fmt):
    literal = replace(fmt, literal_denormals=True)
    codes = np.arange(fmt.max_code + 1, dtype=np.uint8)
    for bias in range(64):
        got = bits_f32(widen(literal, codes, bias)).astype(np.float64).tolist()
        assert [Fraction(v) for v in got] == exact.magnitudes(literal, bias)
        np.testing.assert_array_equal(narrow(literal, widen(literal, codes, bias), bias), codes)


def test_widening_flags():
    codes = np.array([0x7F81, 0x7FC0, 0x7F80, 0x0001, 0x8001, 0x0000, 0x0080], dtype=np.uint16)
    flags = widen_flags(BF16, codes)
    assert flags.invalid.tolist() == [True, False, False, False, False, False, False]
    assert flags.denormal.tolist() == [False, False, False, True, True, False, False]
    assert not flags.overflow.any() and not flags.underflow.any()
    for fmt in (*CFLOATS, SHP, UHP):
        assert not widen_flags(fmt, all_codes(fmt)).invalid.any()
        assert int(widen_flags(fmt, all_codes(fmt)).denormal.sum()) == fmt.mantissa_mask * (2 if fmt.signed else 1)


@pytest.mark.parametrize("fmt", CFLOATS, **BY_NAME)
def test_cfloat8_to_bf16_is_exact_and_never_subnormal(fmt):
    for bias in range(64):
        words = widen_bf16(fmt, all_codes(fmt), bias)
        np.testing.assert_array_equal(words.astype(np.uint32) << 16, widen(fmt, all_codes(fmt), bias))
        fields = words >> 7 & 0xFF
        assert ((fields > 0) | (words & 0x7FFF == 0)).all() and (fields < 255).all()


def test_bf16_passes_unchanged_and_wide_formats_are_refused():
    np.testing.assert_array_equal(widen_bf16(BF16, all_codes(BF16)), all_codes(BF16))
    with pytest.raises(ValueError, match="SHP does not widen to BF16 exactly"):
        widen_bf16(SHP, np.uint16(1), 15)


def test_bias_arrays_broadcast_and_are_checked():
    words = f32_bits(np.linspace(-3, 3, 64))
    each = np.stack([narrow(CFLOAT8_1_4_3, words, b) for b in range(64)])
    np.testing.assert_array_equal(narrow(CFLOAT8_1_4_3, words, np.arange(64)[:, None]), each)
    np.testing.assert_array_equal(
        widen(CFLOAT8_1_4_3, each, np.arange(64)[:, None]),
        np.stack([widen(CFLOAT8_1_4_3, row, b) for b, row in enumerate(each)]),
    )
    with pytest.raises(ValueError, match="bias array leaves 0..63"):
        narrow(CFLOAT8_1_4_3, words, np.arange(1, 65))
    for bias in (-1, 64, np.arange(-1, 63)):
        with pytest.raises(ValueError, match=r"0\.\.63"):
            narrow(CFLOAT8_1_4_3, words, bias)
        with pytest.raises(ValueError, match=r"0\.\.63"):
            widen(CFLOAT8_1_4_3, each[0], bias)
    with pytest.raises(ValueError, match="needs a bias"):
        narrow(CFLOAT8_1_4_3, words)


def test_operands_stay_as_they_are():
    words = random_f32(1000, 7)
    before = words.copy()
    for fmt in FLOAT_FORMATS.values():
        narrow(fmt, words, 15 if fmt.has_bias else None, np.uint32(5))
    np.testing.assert_array_equal(words, before)


def test_integers():
    ints = np.array([0, 1, -1, 16777217, 16777219, 2**31 - 1, -(2**31), 33554434], dtype=np.int32)
    hand = [0, 0x3F800000, 0xBF800000, 0x4B800000, 0x4B800002, 0x4F000000, 0xCF000000, 0x4C000000]
    assert convert.i32_to_f32(ints).tolist() == hand
    values = np.array(
        [0.5, 1.5, -2.5, 2147483520.0, 2147483648.0, -2147483648.0, -2147483904.0, np.inf, np.nan, -np.inf]
    )
    words = f32_bits(values)
    low, high = -(2**31), 2**31 - 1
    assert convert.f32_to_i32(words).tolist() == [0, 2, -2, 2147483520, high, low, low, high, 0, low]
    assert convert.f32_to_i32_invalid(words).tolist() == [False] * 4 + [True, False, True, True, True, True]
