"""The golden matrix step against the second model written from the text: states, loads and drains equal in every bit.

Chains of steps on 8 x 8 tiles, from clear, loaded and arbitrary states, with data that reaches each rule of docs/numerics.md section 7.
After every step all raw words are compared; one element after one step is one lane result. `make test` compares about 40,000 of them,
`make regress` more than a million.
"""

from collections.abc import Callable

import numpy as np
import pytest

from golden.arch.formats import BF16, BIAS_MAX, CFLOAT8_1_4_3, CFLOAT8_1_5_2, FP16, FP32, SHP, UHP
from golden.numerics import matrix
from tests.golden.numerics import independent_matrix as text

FORMATS = {
    "fp32": FP32,
    "bf16": BF16,
    "fp16": FP16,
    "cfloat8_1_4_3": CFLOAT8_1_4_3,
    "cfloat8_1_5_2": CFLOAT8_1_5_2,
    "shp": SHP,
    "uhp": UHP,
}
FLAGS = ("invalid", "denormal", "overflow", "underflow")
LANES = 64  # elements of a tile
LIMIT = 2**54  # |S| beyond it is out of range

Rng = np.random.Generator
Operands = tuple[np.ndarray, np.ndarray]


# --- Operands of a step: a (8, 4) and b (4, 8), BF16 codes -------------------------------------------------------------------------------


def codes(rng: Rng, shape: tuple[int, int], low: int, high: int) -> np.ndarray:
    """Random signs and mantissas, exponent fields in low..high."""
    return (rng.integers(0, 2, shape) << 15 | rng.integers(low, high + 1, shape) << 7 | rng.integers(0, 128, shape)).astype(np.uint16)


def both(rng: Rng, low: int, high: int) -> Operands:
    return codes(rng, (8, 4), low, high), codes(rng, (4, 8), low, high)


def normal(rng: Rng, n: int) -> Operands:
    """Gaussian numbers, cut to BF16."""
    a, b = rng.standard_normal((8, 4)), rng.standard_normal((4, 8))
    return tuple((x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16) for x in (a, b))


def wide(rng: Rng, n: int) -> Operands:
    return both(rng, 0, 254)


def near(rng: Rng, n: int) -> Operands:
    """Products within a few quanta of each other: rule 2 rounds and rule 3 shifts."""
    return both(rng, 110, 140)


def powers(rng: Rng, n: int) -> Operands:
    """Short mantissas: ties in rule 2, and S even after the add in rule 3."""
    a, b = both(rng, 105, 140)
    return a & 0xFFE0, b & 0xFF80


def growing(rng: Rng, n: int) -> Operands:
    """Exponents that rise along the chain, so that rule 3 shifts often, from one digit to everything."""
    low = min(4 * n, 230) + int(rng.integers(0, 16))
    return both(rng, low, low + 4)


def subnormal(rng: Rng, n: int) -> Operands:
    """Tiny times anything: x = 1 whatever the leading zeros; subnormal, zero and smallest normal numbers."""
    a, b = both(rng, 0, 2)
    if n % 2:
        b = codes(rng, (4, 8), 0, 40)
    return (a & 0x818F, b) if n % 3 else (b.T.copy(), a.T.copy())


def special(rng: Rng, n: int) -> Operands:
    """Mostly finite numbers with zeros, infinities and NaNs of every kind among them."""
    nasty = np.array([0x0000, 0x8000, 0x7F80, 0xFF80, 0x7F81, 0xFFC0, 0x7FFF, 0x0001, 0x8001, 0x7F7F, 0xFF7F], dtype=np.uint16)
    return tuple(np.where(rng.random(x.shape) < 0.06, rng.choice(nasty, x.shape), x) for x in both(rng, 120, 134))


def zeros(rng: Rng, n: int) -> Operands:
    """Half the operands are signed zeros; rarely one is infinite."""
    a, b = both(rng, 120, 134)
    a = np.where(rng.random(a.shape) < 0.5, a & 0x8000, a).astype(np.uint16)
    return a, np.where(rng.random(b.shape) < 0.02, (b & 0x8000) | 0x7F80, b).astype(np.uint16)


def anything(rng: Rng, n: int) -> Operands:
    return rng.integers(0, 2**16, (8, 4)).astype(np.uint16), rng.integers(0, 2**16, (4, 8)).astype(np.uint16)


def cancelling(rng: Rng, n: int) -> Operands:
    """Large products that cancel within the step, or nearly, and small ones beside them."""
    a, b = both(rng, 120, 124)
    a[:, 0] = codes(rng, (8, 1), 138, 140)[:, 0]
    b[0] = codes(rng, (1, 8), 138, 140)
    a[:, 1] = a[:, 0] ^ 0x8000
    b[1] = b[0] ^ rng.integers(0, 2, 8).astype(np.uint16)
    return a, b


def largest(rng: Rng, n: int) -> Operands:
    """The largest products, one sign for each column."""
    a = np.full((8, 4), 0x7F7F, dtype=np.uint16)
    return a, np.repeat((rng.integers(0, 2, 8) << 15 | 0x7F7F)[None], 4, axis=0).astype(np.uint16)


def whole(rng: Rng, n: int) -> Operands:
    """Products of zero, one or two quanta at E = 31, for states at the ends of the range."""
    a = (rng.integers(0, 2, (8, 4)) << 15 | rng.integers(108, 110, (8, 4)) << 7).astype(np.uint16)
    return a, np.full((4, 8), 109 << 7 | 0x40 * (n % 2), dtype=np.uint16)


# --- States that a chain begins from, as raw words (8, 8) --------------------------------------------------------------------------------


def cleared(rng: Rng) -> np.ndarray:
    return np.zeros((8, 8), dtype=np.uint64)


def loaded(rng: Rng) -> np.ndarray:
    return matrix.load_f32(fp32_codes(rng, (8, 8))).raw()


def fp32_codes(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """Any bits, with zeros, subnormals, infinities, NaNs and numbers near one among them."""
    x = rng.integers(0, 2**32, shape, dtype=np.uint64)
    choice = rng.integers(0, 8, shape)
    x = np.where(choice == 0, x & 0x807FFFFF, x)
    x = np.where(choice == 1, (x & 0x80000000) | (x % 3 << 23 & 0x7F800000) | (x % 2), x)
    x = np.where(choice == 2, (x & 0x807FFFFF) | 0x3F800000, x)
    x = np.where(choice == 3, (x & 0x80400001) | 0x7F800000, x)
    return x.astype(np.uint32)


def words(s: np.ndarray, e: np.ndarray, p: np.ndarray) -> np.ndarray:
    return p.astype(np.uint64) << np.uint64(62) | e.astype(np.uint64) << np.uint64(56) | s.astype(np.uint64) & np.uint64(2**56 - 1)


def arbitrary(rng: Rng) -> np.ndarray:
    """Every E; S of every length, its low bits all zeros or all ones now and then; P mostly clear."""
    shape = (8, 8)
    s = rng.integers(-(2**55), 2**55, shape) >> rng.integers(0, 56, shape)
    trailing = np.int64(1) << rng.integers(0, 50, shape)
    s = np.where(rng.random(shape) < 0.25, s & -trailing, s)
    s = np.where(rng.random(shape) < 0.25, s | trailing - 1, s)
    p = np.where(rng.random(shape) < 0.1, rng.integers(0, 4, shape), 0)
    return words(s, rng.integers(0, 64, shape), p)


def ordinary(rng: Rng) -> np.ndarray:
    """As arbitrary, with the quantum near that of products of numbers near one."""
    return arbitrary(rng) & np.uint64(0xC0FFFFFFFFFFFFFF) | (rng.integers(24, 36, (8, 8)).astype(np.uint64) << np.uint64(56))


def brim(rng: Rng) -> np.ndarray:
    """S within a few quanta of +-2^54, where P is set, and of +-2^55, where S wraps; E = 31."""
    ends = np.array([LIMIT, -LIMIT, 2 * LIMIT - 5, -2 * LIMIT + 5])
    s = rng.choice(ends, (8, 8)) + rng.integers(-5, 6, (8, 8))
    return words(s, np.full((8, 8), 31), np.zeros((8, 8)))


def full(rng: Rng) -> np.ndarray:
    """S a few of the largest products away from +-2^54; E = 63."""
    s = rng.choice([-1, 1], (8, 8)) * (LIMIT - rng.integers(0, 2**44, (8, 8)))
    return words(s, np.full((8, 8), 63), np.zeros((8, 8)))


# name, operands, first state, steps of a chain
KINDS: list[tuple[str, Callable[[Rng, int], Operands], Callable[[Rng], np.ndarray], int]] = [
    ("normal", normal, cleared, 16),
    ("loaded", normal, loaded, 4),
    ("wide", wide, arbitrary, 8),
    ("near", near, ordinary, 8),
    ("powers", powers, ordinary, 8),
    ("growing", growing, cleared, 60),
    ("grown", growing, arbitrary, 8),
    ("subnormal", subnormal, loaded, 6),
    ("subnormal, clear", subnormal, cleared, 12),
    ("special", special, cleared, 4),
    ("zeros", zeros, loaded, 4),
    ("anything", anything, arbitrary, 2),
    ("cancelling", cancelling, cleared, 12),
    ("largest", largest, full, 6),
    ("brim", whole, brim, 6),
]


def compare_chain(rng: Rng, operands: Callable[[Rng, int], Operands], begin: Callable[[Rng], np.ndarray], steps: int) -> int:
    """Run one chain in both models, drain its end, and return the number of lane results compared."""
    start = begin(rng)
    acc = matrix.from_raw(start)
    model = [text.from_raw(word) for word in start.ravel().tolist()]
    for n in range(steps):
        a, b = operands(rng, n)
        if rng.random() < 0.05:  # a ragged end: fewer than four terms
            terms = int(rng.integers(1, 4))
            a, b = a[:, :terms], b[:terms]
        first = rng.random() < 0.02
        acc = matrix.step(acc, a, b, first=first)
        rows, columns = a.tolist(), b.T.tolist()
        model = [text.step(model[8 * i + j], rows[i], columns[j], first) for i in range(8) for j in range(8)]
        got, want = acc.raw().ravel().tolist(), [text.raw(x) for x in model]
        assert got == want, difference(got, want, f"step {n} from {start.tolist()}: a {rows} b {columns}")
    assert int(matrix.digest(acc.raw())) == text.digest(model)
    compare_drains(rng, acc, model)
    return steps * LANES


def compare_drains(rng: Rng, acc: matrix.Accumulators, model: list[text.Element]) -> int:
    """Drain a tile to FP32 and to one format more in both models; returns the drains compared."""
    assert matrix.drain_f32(acc).ravel().tolist() == [text.drain_f32(x) for x in model]
    name = str(rng.choice(list(FORMATS)))
    bias = None if text.FORMATS[name].bias is not None else int(rng.integers(0, BIAS_MAX + 1))
    relu = bool(rng.integers(0, 2))
    stochastic = name != "fp32" and bool(rng.integers(0, 2))
    random = rng.integers(0, 2**24, acc.shape).astype(np.uint32) if stochastic else None
    per_element = random.ravel().tolist() if stochastic else [None] * len(model)

    expected = [text.drain(x, name, bias, relu, r) for x, r in zip(model, per_element, strict=True)]
    where = f"{name}, bias {bias}, relu {relu}, stochastic {stochastic}"
    got = matrix.drain(acc, FORMATS[name], bias, random, relu).ravel().tolist()
    want = [code for code, _ in expected]
    assert got == want, f"{where}: " + difference(got, want, str([hex(text.raw(x)) for x in model]))
    flags = matrix.drain_flags(acc, FORMATS[name], bias, random, relu)
    for flag in FLAGS:
        got = getattr(flags, flag).ravel().tolist()
        want = [flag in raised for _, raised in expected]
        assert got == want, f"{where}, {flag}: " + difference(got, want, str([hex(text.raw(x)) for x in model]))
    return 2 * len(model)


def difference(got: list[int], want: list[int], context: str) -> str:
    """The first element that differs."""
    k = next(k for k, pair in enumerate(zip(got, want, strict=True)) if pair[0] != pair[1])
    return f"element {k}: golden {got[k]:#x}, text {want[k]:#x}; {context}"


def compare_kinds(rng: Rng, lane_results: int) -> dict[str, int]:
    """Chains of every kind, an equal share of lane results each; returns what was compared."""
    done = dict.fromkeys((kind[0] for kind in KINDS), 0)
    for name, operands, begin, steps in KINDS:
        while done[name] * len(KINDS) < lane_results:
            done[name] += compare_chain(rng, operands, begin, steps)
    return done


def rounding_states(rng: Rng) -> np.ndarray:
    """States whose values lie at, or a quantum beside, half way between numbers of the stored formats, in their exponent ranges."""
    shape = (8, 8)
    length = rng.choice([2, 3, 4, 8, 9, 11, 12, 24, 25], shape)  # significant bits: a format's own, or one more
    lead = (rng.integers(0, 2**25, shape) >> 25 - length) | np.int64(1) << length - 1
    lead = np.where(rng.random(shape) < 0.15, (np.int64(1) << length) - 1, lead)  # carries into the exponent
    shift = rng.integers(0, 55 - length)
    s = (lead << shift) + rng.integers(-1, 2, shape) * (rng.random(shape) < 0.5)
    s = s * rng.choice([-1, 1], shape)
    e = np.where(rng.random(shape) < 0.5, rng.integers(24, 40, shape), rng.integers(0, 64, shape))
    # Around the ends of FP32: 2^128 and 2^-149.
    edge = rng.choice([-151, -150, -149, -148, -127, -126, -125, 127, 128], shape)
    position = edge + 284 - (length - 1)  # of the last bit of lead, above the quantum of E = 0
    at_edge = rng.random(shape) < 0.3
    e = np.where(at_edge, np.minimum(position // 8, 51), e)
    s = np.where(at_edge, rng.choice([-1, 1], shape) * ((lead << position - 8 * e) + rng.integers(-1, 2, shape)), s)
    return words(s, e, np.where(rng.random(shape) < 0.05, rng.integers(0, 4, shape), 0))


def compare_rounding(rng: Rng, tiles: int) -> int:
    done = 0
    for _ in range(tiles):
        word = rounding_states(rng)
        done += compare_drains(rng, matrix.from_raw(word), [text.from_raw(w) for w in word.ravel().tolist()])
    return done


def test_worked_example() -> None:
    """Section 7.8, in the second model: the text agrees with itself."""
    one = text.step(text.CLEAR, [0x3F80], [0x3F80])
    assert text.raw(one) == 0x1F00001000000000
    for a, b, expected in ((107, 107, 2**36), (109, 109, 2**36 + 1), (109, 108, 2**36)):
        assert text.step(one, [a << 7], [b << 7]) == text.Element(expected, 31, 0)


def test_loads(rng: Rng) -> None:
    corners = np.array([s << 31 | e << 23 | f for s in (0, 1) for e in range(256) for f in (0, 1, 0x400000, 0x7FFFFF)], dtype=np.uint32)
    bits = np.concatenate([corners, fp32_codes(rng, (2000,))])
    model = [text.load_f32(code) for code in bits.tolist()]
    acc = matrix.load_f32(bits)
    assert acc.raw().tolist() == [text.raw(x) for x in model]
    assert matrix.drain_f32(acc).tolist() == [text.drain_f32(x) for x in model]


def test_raw_words(rng: Rng) -> None:
    raw = rng.integers(0, 2**64, 2000, dtype=np.uint64)
    acc = matrix.from_raw(raw)
    assert [text.Element(*x) for x in zip(acc.s.tolist(), acc.e.tolist(), acc.p.tolist(), strict=True)] == [
        text.from_raw(word) for word in raw.tolist()
    ]
    assert acc.raw().tolist() == raw.tolist()


@pytest.mark.parametrize("k", [1, 4, 7, 30])
def test_products(rng: Rng, k: int) -> None:
    """Section 7.4: k ascending, four at a time, the ragged end padded with zeros."""
    a, b = codes(rng, (8, k), 110, 140), codes(rng, (k, 8), 110, 140)
    want = []
    for i in range(8):
        for j in range(8):
            state = text.CLEAR
            for n in range(0, k, 4):
                state = text.step(state, a[i, n : n + 4].tolist(), b[n : n + 4, j].tolist())
            want.append(text.raw(state))
    assert matrix.gemm_acc(a, b).raw().ravel().tolist() == want


def test_rounding(rng: Rng) -> None:
    assert compare_rounding(rng, 80) >= 10_000


def test_steps(rng: Rng) -> None:
    assert sum(compare_kinds(rng, 40_000).values()) >= 40_000


@pytest.mark.slow
def test_a_million_steps(rng: Rng) -> None:
    done = compare_kinds(rng, 1_000_000)
    print(done, sum(done.values()))
    assert sum(done.values()) >= 1_000_000


@pytest.mark.slow
def test_long_chains(rng: Rng) -> None:
    """1024 steps on end: Gaussian, wide and cancelling data, and S that grows until it leaves the range."""
    for operands, begin in ((normal, cleared), (near, loaded), (cancelling, cleared), (largest, full)):
        compare_chain(rng, operands, begin, 1024)


@pytest.mark.slow
def test_much_rounding(rng: Rng) -> None:
    done = compare_rounding(rng, 2500)
    print(done)
    assert done >= 300_000
