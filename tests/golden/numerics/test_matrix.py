"""The matrix step against a second hand's vectors and against docs/numerics.md section 7 in exact rationals."""

import csv
from bisect import bisect_left
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from golden.arch.formats import BF16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, FP16, FP32
from golden.numerics import matrix
from golden.numerics.convert import bits_f32, f32_bits, f32_to_bf16, narrow, widen_bf16
from golden.numerics.fma import ONE, fma32
from golden.numerics.matrix import (
    Accumulators,
    clear,
    digest,
    drain,
    drain_f32,
    drain_flags,
    from_raw,
    gemm_acc,
    load_f32,
    step,
)
from tests.golden.numerics import exact

VECTORS = Path(__file__).parents[1] / "vectors" / "matrix-lane.csv"
EDGES = [0x0000, 0x8000, 0x0001, 0x807F, 0x0080, 0x3F80, 0xBF80, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7F81, 0x7FC0]


def words(text: str) -> np.ndarray:
    return np.array([int(text[i : i + 4], 16) for i in range(0, len(text), 4)], dtype=np.uint16)


def operands(rng: np.random.Generator, shape: tuple[int, ...], spread: int, edges: float) -> np.ndarray:
    """BF16 words with exponents within ``spread`` of one, a share of edges (zeros, subnormals, Inf, NaN)."""
    field = np.clip(rng.integers(127 - spread, 128 + spread, shape), 0, 254)
    out = rng.integers(0, 2, shape) << 15 | field << 7 | rng.integers(0, 128, shape)
    return np.where(rng.random(shape) < edges, rng.choice(EDGES, shape), out).astype(np.uint16)


def random_raw(rng: np.random.Generator, count: int) -> np.ndarray:
    """Raw words with S of every length and P mostly clear."""
    s = rng.integers(-(2**55), 2**55, count) >> rng.integers(0, 56, count)
    e = rng.integers(0, 64, count)
    p = np.where(rng.random(count) < 0.1, rng.integers(0, 4, count), 0)
    return Accumulators(s, e, p.astype(np.uint8)).raw()


def test_four_hundred_chains_of_a_second_hand():
    with VECTORS.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 400
    for row in rows:
        acc = gemm_acc(words(row["a_bf16"])[None, :], words(row["b_bf16"])[:, None])
        got = {
            "raw": acc.raw(),
            "fp32": drain(acc),
            "bf16": drain(acc, BF16),
            "cfloat8_1_4_3_bias7": drain(acc, CFLOAT8_1_4_3, 7),
            "cfloat8_1_5_2_bias15": drain(acc, CFLOAT8_1_5_2, 15),
        }
        assert {name: int(v[0, 0]) for name, v in got.items()} == {name: int(row[name], 16) for name in got}


@pytest.mark.parametrize("spread", [2, 12, 40, 127])
@pytest.mark.parametrize("edges", [0.0, 0.03, 0.3])
def test_chains_equal_the_text(spread, edges):
    rng = np.random.default_rng([21, spread, int(100 * edges)])
    a, b = operands(rng, (4, 24), spread, edges), operands(rng, (24, 4), spread, edges)
    acc = clear((4, 4))
    model = [[exact.Element() for _ in range(4)] for _ in range(4)]
    for k in range(0, 24, 4):
        acc = step(acc, a[:, k : k + 4], b[k : k + 4])
        for i in range(4):
            for j in range(4):
                model[i][j].step(a[i, k : k + 4].tolist(), b[k : k + 4, j].tolist())
        assert acc.raw().tolist() == [[element.raw() for element in row] for row in model]


def test_one_step_from_any_state_equals_the_text():
    """Growth of E by 0..504 bits, ties, range and modulo: states of every size with products of every size."""
    rng = np.random.default_rng(22)
    raw = random_raw(rng, 4000)
    acc = from_raw(raw)
    near = np.where(acc.e > 0, acc.e * 8 + rng.integers(-40, 40, 4000), 250) // 2
    field = np.clip(near[:, None] + rng.integers(-4, 5, (4000, 8)), 0, 254)
    x = (rng.integers(0, 2, (4000, 8)) << 15 | field << 7 | rng.integers(0, 128, (4000, 8))).astype(np.uint16)
    x[::7] = rng.choice(EDGES, x[::7].shape)
    x[::2, :] &= 0xFFE0  # short significands: ties
    a, b = x[:, None, :4], x[:, 4:, None]
    got = step(Accumulators(acc.s[:, None, None], acc.e[:, None, None], acc.p[:, None, None]), a, b).raw().ravel()
    for i in range(4000):
        element = exact.from_raw(int(raw[i]))
        element.step(a[i, 0].tolist(), b[i, :, 0].tolist())
        assert int(got[i]) == element.raw(), (hex(raw[i]), a[i, 0], b[i, :, 0])


def test_range_and_modulo_by_hand():
    """Sixteen worst-case steps from just below the limit on either side, and across the end of 56 bits."""
    big = np.array([[0x7F7F] * 4], dtype=np.uint16)
    for start, sign in ((2**54 - 2**40, 0), (-(2**54) + 2**40, 0x8000), (2**55 - 1, 0), (-(2**55), 0x8000)):
        acc = Accumulators(np.array([[start]]), np.array([[63]]), np.zeros((1, 1), np.uint8))
        model = exact.Element(start, 63, 0)
        for _ in range(16):
            acc = step(acc, big ^ np.uint16(sign), big.T)
            model.step([0x7F7F ^ sign] * 4, [0x7F7F] * 4)
            assert int(acc.raw()[0, 0]) == model.raw()
        assert model.p & (2 if sign else 1)
    below = Accumulators(np.array([[-(2**54)]]), np.array([[0]]), np.zeros((1, 1), np.uint8))
    zero = np.zeros((1, 4), dtype=np.uint16)
    assert step(below, zero, zero.T).p[0, 0] == 0  # exactly -2^54 is still in range
    at = Accumulators(np.array([[2**54]]), np.array([[0]]), np.zeros((1, 1), np.uint8))
    assert step(at, zero, zero.T).p[0, 0] == 1


def test_chain_length_limits_of_the_text():
    """1.0 * 1.0 becomes Inf at step 65,536; the worst product (significands 255, x_a + x_b = 7 mod 8) at step 8,257."""
    for left, right, last in ((0x3F80, 0x3F80, 65_536), (0x3FFF, 0x407F, 8_257)):
        a, b = np.array([[left] * 4], dtype=np.uint16), np.array([[right]] * 4, dtype=np.uint16)
        first = step(clear((1, 1)), a, b)
        almost = step(Accumulators(first.s * (last - 2), first.e, first.p), a, b)
        assert almost.p[0, 0] == 0
        assert step(almost, a, b).p[0, 0] == 1


def test_worked_example_of_the_text():
    one = np.array([[0x3F80]], dtype=np.uint16)
    acc = step(clear((1, 1)), one, one)
    assert int(acc.raw()[0, 0]) == 0x1F00001000000000
    for fields, added in (((107, 107), 0), ((109, 109), 1), ((109, 108), 0)):
        a, b = (np.array([[field << 7]], dtype=np.uint16) for field in fields)
        assert int(step(acc, a, b).s[0, 0]) - 2**36 == added


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        (0x7FC0, 0x3F80, 3),
        (0x7F81, 0x0000, 3),
        (0x7F80, 0x0000, 3),
        (0x8000, 0xFF80, 3),
        (0x7F80, 0x0001, 1),
        (0x7F80, 0x8001, 2),
        (0xFF80, 0xFF80, 1),
        (0x7F80, 0x7FC0, 3),
        (0x7F7F, 0x7F7F, 0),
    ],
)
def test_specials_by_hand(a, b, p):
    start = load_f32(f32_bits([[2.0]]))
    acc = step(start, np.array([[a]], dtype=np.uint16), np.array([[b]], dtype=np.uint16))
    assert acc.p[0, 0] == p
    if p:
        assert (acc.s, acc.e) == (start.s, start.e)
        assert int(drain_f32(acc)[0, 0]) == {1: 0x7F800000, 2: 0xFF800000, 3: 0x7FC00000}[p]


def test_opposite_infinities_collect_to_nan():
    inf, one = np.uint16(0x7F80), np.uint16(0x3F80)
    a = np.array([[inf, inf]], dtype=np.uint16)
    assert step(clear((1, 1)), a, np.array([[one], [one | 0x8000]])).p[0, 0] == 3
    acc = step(clear((1, 1)), a[:, :1], np.array([[one]]))
    assert step(acc, a[:, :1], np.array([[one | 0x8000]])).p[0, 0] == 3


def test_load_then_drain_is_the_identity():
    rng = np.random.default_rng(23)
    bits = np.concatenate(
        [
            rng.integers(0, 1 << 32, 1_000_000, dtype=np.uint32),
            (rng.integers(0, 2, 50_000, dtype=np.uint32) << 31) | rng.integers(0, 1 << 23, 50_000, dtype=np.uint32),
            np.array([0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0xFFFFFFFF], dtype=np.uint32),
        ]
    )
    expected = np.where((bits & 0x7FFFFFFF) > 0x7F800000, np.uint32(0x7FC00000), bits)
    acc = load_f32(bits)
    np.testing.assert_array_equal(drain_f32(acc), expected)
    np.testing.assert_array_equal(drain_f32(acc, odd=True), expected)
    assert int(load_f32(np.uint32(0x80000000)).raw()) == 0
    for word in bits[::5000].tolist():
        if not (exact.is_nan(word) or exact.is_inf(word)):
            assert exact.from_raw(int(load_f32(np.uint32(word)).raw())).value() == exact.value(word)


def test_drain_equals_exact_rationals():
    raw = np.concatenate([random_raw(np.random.default_rng(24), 20_000), _ties()])
    for odd in (False, True):
        expected = [exact.from_raw(word).drain(odd) for word in raw.tolist()]
        np.testing.assert_array_equal(drain_f32(from_raw(raw), odd), np.array(expected, dtype=np.uint32))


def _ties() -> np.ndarray:
    """S of 25 to 56 bits within one unit of a tie of the 24-bit significand, or of the overflow limit."""
    rng = np.random.default_rng(25)
    length = rng.integers(25, 56, 4000)
    top = rng.integers(1 << 23, 1 << 24, 4000)
    top[::5] = (1 << 24) - 1
    s = (top << (length - 24)) + (1 << (length - 25)) + rng.integers(-1, 2, 4000)
    s = np.where(rng.random(4000) < 0.5, -s, s)
    e = rng.integers(0, 64, 4000)
    e[::5] = np.clip((128 - length[::5] + 284) // 8, 0, 63)
    return Accumulators(s, e, np.zeros(4000, np.uint8)).raw()


@pytest.mark.parametrize(
    ("fmt", "bias"),
    [(BF16, None), (FP16, None), (CFLOAT8_1_4_3, 7), (CFLOAT8_1_5_2, 15)],
    ids=["bf16", "fp16", "cf8_143", "cf8_152"],
)
def test_drain_to_narrow_formats_rounds_once(fmt, bias):
    table = exact.magnitudes(fmt, fmt.bias_value(bias))
    rng = np.random.default_rng(26)
    count = 3000
    codes = rng.integers(1, fmt.max_code - 1, count).tolist()
    raw = []
    for code in codes:  # a tie, or next to one by the least the accumulator can hold
        tie = (table[code] + table[code + 1]) / 2
        e = (exact.log2_floor(tie) + 284 - 46) // 8
        s = tie / exact.quantum(e)
        assert s.denominator == 1
        raw.append(exact.Element(int(s) + int(rng.integers(-1, 2)), e).raw())
    got = drain(from_raw(np.array(raw, dtype=np.uint64)), fmt, bias)
    for code, word, result in zip(codes, raw, got.tolist(), strict=True):
        v = exact.from_raw(word).value()
        middle = (table[code] + table[code + 1]) / 2
        expected = code + (v > middle or v == middle and code % 2 == 1)
        assert bisect_left(table, v) == code + 1 and result == expected
    twice = narrow(fmt, drain_f32(from_raw(np.array(raw, dtype=np.uint64))), bias)
    assert (twice != got).any()  # two roundings are not one


def test_stochastic_drain_adds_to_the_odd_result():
    rng = np.random.default_rng(27)
    acc = from_raw(random_raw(rng, 1000))
    random = rng.integers(0, 1 << 24, 1000, dtype=np.uint32)
    np.testing.assert_array_equal(
        drain(acc, BF16, random=random), narrow(BF16, drain_f32(acc, odd=True), random=random)
    )
    assert (drain(acc, BF16, random=random) != drain(acc, BF16)).any()


def test_relu_at_the_drain():
    values = f32_bits([1.5, -1.5, 0.0, np.inf, -np.inf, -1e-45])
    acc = load_f32(np.append(values, np.uint32(0xFFC00000)))
    assert drain(acc, relu=True).tolist() == [0x3FC00000, 0, 0, 0x7F800000, 0, 0, 0x7FC00000]
    assert drain(acc, BF16, relu=True).tolist() == [0x3FC0, 0, 0, 0x7F80, 0, 0, 0x7FC0]
    assert drain(acc, CFLOAT8_1_4_3, 7, relu=True).tolist() == [0x3C, 0, 0, 0x7F, 0, 0, 0x7F]
    tiny = Accumulators(np.array([-1]), np.array([0]), np.zeros(1, np.uint8))
    assert drain(tiny)[0] == 0x80000000 and drain(tiny, relu=True)[0] == 0
    assert drain(tiny, BF16, relu=True)[0] == 0


def test_drain_flags():
    plain = np.zeros(1, np.uint8)
    cases = {  # S, E, P -> flags raised by a drain to FP32 and to CFloat8_1_4_3, bias 7
        (0, 0, 3): ("i", "i"),
        (0, 0, 1): ("", "o"),
        (2**50, 63, 0): ("o", "o"),
        (1, 0, 0): ("u", "u"),
        (-1, 0, 0): ("u", "u"),
        (1 << 7, 16, 0): ("", "u"),  # 2^-149: exact in FP32, cut in CFloat8
        (1 << 36, 31, 0): ("", ""),  # 1.0
        (0, 0, 0): ("", ""),
    }
    for (s, e, p), expected in cases.items():
        acc = Accumulators(np.array([s]), np.array([e]), plain | np.uint8(p))
        for fmt, bias, names in ((FP32, None, expected[0]), (CFLOAT8_1_4_3, 7, expected[1])):
            flags = drain_flags(acc, fmt, bias)
            assert "".join(n[0] for n, flag in flags._asdict().items() if flag[0]) == names, (s, e, p, fmt.name)
    negative = Accumulators(np.array([-1, -(2**50)]), np.array([0, 63]), np.zeros(2, np.uint8))
    for fmt in (FP32, BF16):
        assert not np.any(drain_flags(negative, fmt, relu=True))
        assert drain_flags(Accumulators(-negative.s, negative.e, negative.p), fmt, relu=True).underflow.tolist() == [
            True,
            False,
        ]


def test_raw_words_are_exact_and_digest_by_hand():
    raw = np.random.default_rng(28).integers(0, 1 << 64, (3, 8, 8), dtype=np.uint64)
    np.testing.assert_array_equal(from_raw(raw).raw(), raw)
    expected = [sum((2 * i + 1) * word for i, word in enumerate(tile)) % 2**64 for tile in raw.reshape(3, 64).tolist()]
    assert digest(raw).tolist() == expected
    assert int(digest(np.ones((8, 8), dtype=np.uint64))) == 64 * 64  # the first 64 odd numbers


def test_cfloat8_step_is_the_bf16_step_on_widened_codes():
    """All 65,536 pairs, against the exact product, for several biases."""
    every = np.arange(256, dtype=np.uint8)
    for (f, bf), (g, bg) in [((CFLOAT8_1_4_3, 7), (CFLOAT8_1_5_2, 15)), ((CFLOAT8_1_4_3, 0), (CFLOAT8_1_4_3, 63))]:
        left, right = widen_bf16(f, every, bf), widen_bf16(g, every, bg)
        acc = step(clear((256, 256)), left[:, None], right[None, :])
        values = bits_f32(left.astype(np.uint32) << 16).astype(np.float64)[:, None] * bits_f32(
            right.astype(np.uint32) << 16
        ).astype(np.float64)
        np.testing.assert_array_equal(drain_f32(acc), f32_bits(np.where(values == 0, 0.0, values)))


def test_consequences_named_in_the_text():
    rng = np.random.default_rng(29)
    a, b = operands(rng, (8, 20), 12, 0.05), operands(rng, (20, 8), 12, 0.05)
    acc = gemm_acc(a, b)
    np.testing.assert_array_equal(gemm_acc(b.T, a.T).raw(), acc.raw().T)
    negated = gemm_acc(a ^ np.uint16(0x8000), b)
    np.testing.assert_array_equal(negated.s, -acc.s)
    order = np.concatenate([4 * g + rng.permutation(4) for g in range(5)])
    np.testing.assert_array_equal(gemm_acc(a[:, order], b[order]).raw(), acc.raw())
    a, b = operands(rng, (8, 20), 12, 0.0), operands(rng, (20, 8), 12, 0.0)
    backwards = np.concatenate([np.arange(4) + 4 * g for g in (4, 3, 2, 1, 0)])
    assert (gemm_acc(a[:, backwards], b[backwards]).raw() != gemm_acc(a, b).raw()).any()


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7, 8, 18])
def test_product_is_steps_in_order_with_zero_padding(k):
    rng = np.random.default_rng([30, k])
    a, b = operands(rng, (5, k), 6, 0.0), operands(rng, (k, 9), 6, 0.0)
    padded = -(-k // 4) * 4
    wide_a, wide_b = np.zeros((5, padded), np.uint16), np.zeros((padded, 9), np.uint16)
    wide_a[:, :k], wide_b[:k] = a, b
    start = load_f32(f32_bits(rng.normal(size=(5, 9))))
    acc = start
    for i in range(0, padded, 4):
        acc = step(acc, wide_a[:, i : i + 4], wide_b[i : i + 4])
    np.testing.assert_array_equal(gemm_acc(a, b, start).raw(), acc.raw())
    first = step(start, wide_a[:, :4], wide_b[:4], first=True)
    np.testing.assert_array_equal(first.raw(), step(clear((5, 9)), wide_a[:, :4], wide_b[:4]).raw())


def test_batches_and_empty_k():
    rng = np.random.default_rng(31)
    a, b = operands(rng, (3, 8, 8), 6, 0.02), operands(rng, (3, 8, 8), 6, 0.02)
    batched = gemm_acc(a, b)
    for i in range(3):
        np.testing.assert_array_equal(batched[i].raw(), gemm_acc(a[i], b[i]).raw())
    assert not gemm_acc(a[0][:, :0], b[0][:0]).raw().any()


def test_errors():
    with pytest.raises(ValueError, match="up to 4 terms"):
        step(clear((2, 2)), np.zeros((2, 5), np.uint16), np.zeros((5, 2), np.uint16))
    with pytest.raises(ValueError, match="inner dimensions differ"):
        gemm_acc(np.zeros((2, 4), np.uint16), np.zeros((5, 2), np.uint16))


def test_operands_and_state_stay_as_they_are():
    rng = np.random.default_rng(32)
    acc, a, b = (
        from_raw(random_raw(rng, 64).reshape(8, 8)),
        operands(rng, (8, 4), 6, 0.1),
        operands(rng, (4, 8), 6, 0.1),
    )
    before = acc.raw(), a.copy(), b.copy()
    step(acc, a, b), drain(acc, BF16, relu=True), drain_flags(acc)
    for x, y in zip(before, (acc.raw(), a, b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_error_bound_of_the_text():
    """|drained - exact| <= (2 n + g) Q + half a unit, on data with many magnitudes."""
    rng = np.random.default_rng(33)
    for spread in (1, 10, 30):
        a, b = operands(rng, (3, 64), spread, 0.0), operands(rng, (64, 3), spread, 0.0)
        acc, growths = clear((3, 3)), np.zeros((3, 3), int)
        for k in range(0, 64, 4):
            grown = step(acc, a[:, k : k + 4], b[k : k + 4])
            growths += grown.e > acc.e
            acc = grown
        for i in range(3):
            for j in range(3):
                pairs = zip(a[i].tolist(), b[:, j].tolist(), strict=True)
                total = sum((exact.value(u << 16) * exact.value(v << 16) for u, v in pairs), Fraction(0))
                drained = exact.value(int(drain_f32(acc)[i, j]))
                q = exact.quantum(int(acc.e[i, j]))
                half = Fraction(2) ** (exact.log2_floor(abs(drained)) - 24)
                assert abs(drained - total) <= (2 * 16 + int(growths[i, j])) * q + half


def test_early_cancellation_is_the_known_weakness():
    """A cancelled +-2^30 leaves its quantum: an FP32 chain does better, and the bound still holds."""
    rng = np.random.default_rng(34)
    n = 4096
    small = f32_to_bf16(f32_bits(rng.random(n) * 2 - 1))
    one = f32_to_bf16(f32_bits([1.0]))[0]
    big = f32_to_bf16(f32_bits([2.0**30]))[0]
    a = np.concatenate([[big, big | 0x8000, 0, 0], small]).astype(np.uint16)
    b = np.full(n + 4, one, dtype=np.uint16)
    truth = bits_f32(small.astype(np.uint32) << 16).astype(np.float64).sum()
    acc = gemm_acc(a[None, :], b[:, None])
    chain = np.uint32(0)
    for word in a.tolist():
        chain = fma32(np.uint32(word << 16), ONE, chain)
    ours = abs(float(bits_f32(drain_f32(acc))[0, 0]) - truth)
    theirs = abs(float(bits_f32(chain)) - truth)
    quantum = float(exact.quantum(int(acc.e[0, 0])))
    assert theirs < ours <= (2 * (n // 4 + 1) + 1) * quantum + np.spacing(np.float32(truth)) / 2


def test_module_names_what_rtl_and_simulator_rely_on():
    assert (matrix.STEP_TERMS, matrix.SIGNIFICAND_BITS, matrix.UNIT_EXPONENT) == (4, 56, -284)
