"""Special functions: tables computed again, errors against float64, exact points, specials and flags."""

from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest

from golden.arch import special_tables
from golden.numerics import special_fit
from golden.numerics.convert import bits_f32, f32_bits
from golden.numerics.special import core, exp2, log2, recip, rsqrt, special_flags

# Largest error in units of the last place of the exact result (docs/numerics.md section 5).
LIMIT = {"recip": 1.03, "rsqrt": 0.71, "exp2": 1.33, "log2": 1.56}
FUNCTION = {"recip": recip, "rsqrt": rsqrt, "exp2": exp2, "log2": log2}
TRUTH = {
    "recip": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "exp2": np.exp2,
    "log2": np.log2,
}
FIRST_ROWS = {
    "RECIP": (128, (134217724, -1048537, 8097), (27, 20, 13)),
    "RSQRT": (256, (134217727, -524275, 3042), (27, 19, 12)),
    "EXP2": (64, (67108865, 726809, 3957), (27, 21, 13)),
    "LOG2": (128, (96817625, -378187, 1953), (27, 19, 11)),
}
NAN, INF, MINUS = 0x7FC00000, 0x7F800000, 0x80000000


def f32(*values: float) -> np.ndarray:
    return f32_bits(np.array(values))


def ulps(name: str, words: np.ndarray) -> float:
    """Largest error of the function over the words, in ulp of the exact result."""
    x = bits_f32(words).astype(np.float64)
    truth = TRUTH[name](x)
    _, exponent = np.frexp(truth)
    ulp = np.ldexp(1.0, np.maximum(exponent - 1, -126) - 23)
    return float((np.abs(bits_f32(FUNCTION[name](words)) - truth) / ulp).max())


def test_tables_are_what_the_generator_computes():
    assert special_fit.source() == Path(special_tables.__file__).read_text()


def test_tables_start_and_measure_as_written():
    for name, (count, first, bits) in FIRST_ROWS.items():
        table = getattr(special_tables, name)
        assert len(table) == count and table[0] == first
        assert tuple(max(abs(row[i]) for row in table).bit_length() for i in range(3)) == bits


@pytest.mark.parametrize("name", FIRST_ROWS)
def test_core_stays_between_one_and_two(name):
    """y in 2^23..2^24 for every segment, at both ends of d and in between."""
    table = np.array(getattr(special_tables, name), dtype=np.int64).T
    index, d = np.meshgrid(np.arange(table.shape[1]), np.append(np.arange(0, 1 << 18, 37), (1 << 18) - 1))
    y = core(table, index, d)
    assert y.min() >= 1 << 23 and y.max() <= 1 << 24


@pytest.mark.parametrize(
    ("name", "exponent", "sign"),
    [
        ("recip", 0, 0),
        pytest.param("recip", 1, 0, marks=pytest.mark.slow),
        ("rsqrt", 0, 0),
        ("rsqrt", 1, 0),
        ("exp2", -1, 0),
        ("exp2", -5, 1),
        ("log2", -1, 0),
        ("log2", 0, 0),
        *(pytest.param("recip", exponent, 0, marks=pytest.mark.slow) for exponent in (-126, 125, 126, 127)),
        *(pytest.param("rsqrt", exponent, 0, marks=pytest.mark.slow) for exponent in (-127, -126, 127)),
        *(pytest.param("exp2", exponent, sign, marks=pytest.mark.slow) for exponent in (-17, -8, -3, -2, 0, 3, 5, 6) for sign in (0, 1)),
        *(pytest.param("log2", exponent, 0, marks=pytest.mark.slow) for exponent in (-126, -2, 1, 6)),
    ],
)
def test_every_mantissa_of_one_exponent(name, exponent, sign):
    """But for zero, and for powers of two where log2 may be zero; exponent -127 are the subnormals."""
    worst, first = 0.0, int(name == "log2" or exponent == -127)
    base = np.uint32((exponent + 127) << 23 | sign << 31)
    for start in range(0, 1 << 23, 1 << 20):
        words = np.arange(max(start, first), start + (1 << 20), dtype=np.uint32) | base
        worst = max(worst, ulps(name, words))
    print(f"{name} at exponent {exponent}, sign {sign}: {worst:.4f} ulp")
    assert worst <= LIMIT[name]


@pytest.mark.parametrize(
    ("name", "low", "high"), [("recip", -126, 126), ("rsqrt", -149, 128), ("exp2", -27, 7), ("log2", -149, 128)]
)
def test_every_exponent_with_random_mantissas(name, low, high):
    rng = np.random.default_rng(61)
    exponents = np.repeat(np.arange(low, high), 3000)
    words = f32_bits(np.ldexp(rng.uniform(1, 2, exponents.size), exponents))
    words = words[(words & 0x7FFFFFFF) != (0x3F800000 if name == "log2" else 0)]
    if name == "exp2":
        x = bits_f32(words)
        words = np.concatenate([words, words[x < 126] | np.uint32(MINUS)])
        x = bits_f32(words)
        words = words[(x < 128) & (x > -148)]
    assert ulps(name, words) <= LIMIT[name]


def test_subnormal_results_and_operands_of_recip():
    words = np.concatenate([np.arange(0x7E800000, 0x7F800000, 1009), np.arange(0x00200001, 0x00800000, 1009)])
    assert ulps("recip", words.astype(np.uint32)) <= LIMIT["recip"]
    assert recip(np.uint32(0x00200000)) == INF  # 1 / 2^-128
    assert recip(np.uint32(0x00200001)) < INF
    assert recip(np.uint32(0x800FFFFF)) == INF | MINUS


def test_exact_points():
    e = np.arange(-127, 128)
    powers = np.ldexp(1.0, e)
    np.testing.assert_array_equal(recip(f32(*powers)), f32(*(1 / powers)))
    np.testing.assert_array_equal(recip(f32(*-powers)), f32(*(-1 / powers)))
    even = np.arange(-148, 128, 2)
    np.testing.assert_array_equal(rsqrt(f32(*np.ldexp(1.0, even))), f32(*np.ldexp(1.0, -even // 2)))
    integers = np.arange(-149, 128)
    np.testing.assert_array_equal(exp2(f32(*integers)), f32(*np.ldexp(1.0, integers)))
    np.testing.assert_array_equal(log2(f32(*np.ldexp(1.0, integers))), f32(*integers))


def test_specials_by_hand():
    x = np.array([0, MINUS, INF, INF | MINUS, 0x7FC00000, 0x7F800001, 0xBF800000], dtype=np.uint32)
    assert recip(x).tolist() == [INF, INF | MINUS, 0, MINUS, NAN, NAN, 0xBF800000]
    assert rsqrt(x).tolist() == [INF, INF | MINUS, 0, NAN, NAN, NAN, NAN]
    assert exp2(x).tolist() == [0x3F800000, 0x3F800000, INF, 0, NAN, NAN, 0x3F000000]
    assert log2(x).tolist() == [INF | MINUS, INF | MINUS, INF, NAN, NAN, NAN, NAN]


def test_exp2_at_the_ends_of_its_range():
    x = f32(127.99999, 128.0, 256.0, 3e38, -126.0, -149.0, -150.0, -150.5, -152.0, -256.0, -3e38, 2.0**-30, -(2.0**-30))
    got = exp2(x)
    assert got[0] < INF and got[1:4].tolist() == [INF] * 3
    assert got[4:11].tolist() == [0x00800000, 1, 0, 0, 0, 0, 0]
    assert got[11:].tolist() == [0x3F800000] * 2
    with localcontext() as context:
        context.prec = 30
        for v in (-149.5, -140.25, -130.75):
            exact = Decimal(2) ** Decimal(v) / Decimal(2) ** -149
            assert abs(int(exp2(f32(v))[0]) - exact) <= 1


def test_flags():
    def raised(name: str, word: int) -> str:
        return "".join(n[0] for n, flag in special_flags(name, np.uint32(word))._asdict().items() if flag)

    assert [raised(name, 0x7F800001) for name in FUNCTION] == ["i"] * 4
    assert [raised(name, 0x7FC00000) for name in FUNCTION] == [""] * 4
    assert [raised(name, MINUS) for name in FUNCTION] == [""] * 4
    assert [raised(name, 0xBF800000) for name in FUNCTION] == ["", "i", "", "i"]
    assert [raised(name, 0x00000001) for name in FUNCTION] == ["do", "d", "d", "d"]
    assert raised("recip", 0x7F400000) == "u" and raised("recip", 0x7F000000) == ""
    assert [raised("exp2", int(w)) for w in f32(128.0, 1e9, -127.5, -151.5, -1e9, -127.0)] == [
        "o",
        "o",
        "u",
        "u",
        "u",
        "",
    ]
    assert [raised("exp2", w) for w in (INF, INF | MINUS)] == ["", ""]
    assert [raised(name, INF | MINUS) for name in ("rsqrt", "log2")] == ["i", "i"]


def test_odd_reaches_the_closing_multiply_add():
    """Where it rounds (log2, subnormal results) odd differs by one unit; elsewhere it has nothing to round."""
    rng = np.random.default_rng(62)
    words = f32_bits(rng.uniform(1.0, 2.0, 20_000))
    for f in (recip, rsqrt, exp2):
        np.testing.assert_array_equal(f(words, odd=True), f(words))
    for f, x in (
        (log2, words),
        (recip, words + np.uint32(127 << 23)),
        (exp2, f32_bits(rng.uniform(-140, -127, 20_000))),
    ):
        nearest, odd = f(x).astype(np.int64), f(x, odd=True).astype(np.int64)
        assert (np.abs(nearest - odd) <= 1).all() and (nearest != odd).any()
        assert (odd[nearest != odd] & 1).all()


def test_scalars_and_shapes():
    for f in FUNCTION.values():
        assert f(np.uint32(0x3F800000)).shape == () and f(np.full((2, 3), 0x40000000, np.uint32)).shape == (2, 3)
