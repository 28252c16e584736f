"""The tests can fail: every one-token change of a rounding rule is noticed by the vectors or by the exact rationals.

Each mutant is the source of a module with one piece replaced; the checks are small copies of those in the other files.
"""

import csv
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from golden.arch.formats import BF16, CFLOAT8_1_4_3
from golden.numerics import compare, convert, fma, matrix, random, special
from tests.golden.numerics import exact

VECTORS = Path(__file__).parents[1] / "vectors" / "matrix-lane.csv"


def words(text: str) -> np.ndarray:
    return np.array([int(text[i : i + 4], 16) for i in range(0, len(text), 4)], dtype=np.uint16)


def matrix_agrees(module: ModuleType) -> bool:
    """Every third chain of the second hand's vectors, and single steps and drains against the text."""
    with VECTORS.open() as file:
        for row in list(csv.DictReader(file))[::3]:
            acc = module.gemm_acc(words(row["a_bf16"])[None, :], words(row["b_bf16"])[:, None])
            got = [acc.raw(), module.drain(acc), module.drain(acc, BF16), module.drain(acc, CFLOAT8_1_4_3, 7)]
            names = ("raw", "fp32", "bf16", "cfloat8_1_4_3_bias7")
            if [int(v[0, 0]) for v in got] != [int(row[name], 16) for name in names]:
                return False
    edges = [-(2**54), -(2**54) - 1, 2**54 - 1, 2**54, 2**55 - 1, -(2**55), (1 << 54) + (1 << 30) + 1, 7]
    zero, one = np.zeros((1, 4), np.uint16), np.array([[0x3F80, 0x0001, 0, 0]], np.uint16)
    for s in edges:
        for e in (20, 31, 35):
            state = module.Accumulators(np.array([[s]]), np.array([[e]]), np.zeros((1, 1), np.uint8))
            for a in (zero, one):
                model, acc = exact.Element(s, e, 0), state
                for _ in range(2):
                    model.step(a[0].tolist(), one[0].tolist())
                    acc = module.step(acc, a, one.T)
                if int(acc.raw()[0, 0]) != model.raw():
                    return False
            if int(module.drain_f32(state)[0, 0]) != exact.Element(s, e, 0).drain():
                return False
    # 1 + 2^-8 + 2^-36 is above a tie of BF16; a subnormal operand counts x = 1, so that 1 + 127 reaches c = 16.
    above_tie = module.Accumulators(np.array([2**36 + 2**28 + 1]), np.array([31]), np.zeros(1, np.uint8))
    subnormal = module.step(module.clear((1, 1)), np.array([[0x0001]], np.uint16), np.array([[0x3F80]], np.uint16))
    if int(module.drain(above_tie, BF16)[0]) != 0x3F81 or int(subnormal.e[0, 0]) != 16:
        return False
    bits = np.array([0x00000001, 0x00400000, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x3F800001], np.uint32)
    return bool((module.drain_f32(module.load_f32(bits)) == bits).all())


def fma_agrees(module: ModuleType) -> bool:
    """Triples around ties, far addends, subnormals, against exact rationals."""
    rng = np.random.default_rng(71)
    a = rng.integers(0x3F800000, 0x40000000, 3000, dtype=np.uint32) & np.uint32(0xFFFFF800)
    b = rng.integers(0x3F800000, 0x40000000, 3000, dtype=np.uint32) & np.uint32(0xFFFFF800)
    c = rng.integers(0x20000000, 0x34000000, 3000, dtype=np.uint32) | rng.integers(0, 2, 3000, dtype=np.uint32) << 31
    a[::2] |= np.uint32(1 << 31)
    a[::3] -= np.uint32(64 << 23)
    b[::3] -= np.uint32(62 << 23) + rng.integers(0, 3, b[::3].size, dtype=np.uint32) * np.uint32(1 << 23)
    c[::3] &= np.uint32(0x8000000F)
    triples = [np.append(x, np.array(more, np.uint32)) for x, more in zip((a, b, c), _SPECIAL, strict=True)]
    for odd in (False, True):
        expected = [exact.fma(*triple, odd) for triple in zip(*(x.tolist() for x in triples), strict=True)]
        if module.fma32(*triples, odd).tolist() != expected:
            return False
    return True


_SPECIAL = (
    [0x7F800001, 0x7F7FFFFF, 0x7F7FFFFF, 0x3F800000],
    [0x3F800000, 0x3F800000, 0x40000000, 0x80000000],
    [0x00000000, 0x73400000, 0x00000001, 0x80000000],
)


def convert_agrees(module: ModuleType) -> bool:
    """CFloat8_1_4_3 at bias 7 and BF16 by hand: ties to even and odd codes, denormals, the limit, random words."""
    cases = {  # FP32 word: code to nearest, code with the random word 0xffffff, code with 0x000001
        0x3F800000: (0x38, 0x38, 0x38),  # 1.0
        0x3F880000: (0x38, 0x39, 0x38),  # 1.0625, a tie below an odd code
        0x3F980000: (0x3A, 0x3A, 0x39),  # 1.1875, a tie above an odd code
        0x3F880001: (0x39, 0x39, 0x38),
        0x3F8FFFFF: (0x39, 0x39, 0x38),
        0x3A800000: (0x00, 0x01, 0x00),  # 2^-10, half the smallest denormal
        0x3A800001: (0x01, 0x01, 0x00),
        0x3C700000: (0x08, 0x08, 0x07),  # 15 * 2^-10, between the largest denormal and the smallest normal
        0x43F80000: (0x7F, 0x7F, 0x7F),
        0xBF880000: (0xB8, 0xB9, 0xB8),
        0xFF800000: (0xFF, 0xFF, 0xFF),
    }
    for word, expected in cases.items():
        x = np.uint32(word)
        got = [int(module.narrow(CFLOAT8_1_4_3, x, 7, r)) for r in (None, np.uint32(0xFFFFFF), np.uint32(1))]
        if tuple(got) != expected:
            return False
    codes = np.array([0x01, 0x07, 0x08, 0x7F, 0x81], np.uint8)
    wide = [0x3B000000, 0x3C600000, 0x3C800000, 0x43F00000, 0xBB000000]
    if module.widen(CFLOAT8_1_4_3, codes, 7).tolist() != wide:
        return False
    nan = np.array([0x7F800001, 0xFFC00000], np.uint32)
    return module.narrow(BF16, nan).tolist() == [0x7FC0] * 2 and module.widen(BF16, 0xFFC1) == 0x7FC00000


def random_agrees(module: ModuleType) -> bool:
    got = module.random_words(0x0123456789ABCDEF, 0xFEDCBA9876543210)[:4].tolist()
    return got == [0x8A9531, 0x2BD9C4, 0x9D2533, 0x2988E7]


def special_agrees(module: ModuleType) -> bool:
    """Errors on 4,000 points a function and exact powers of two."""
    x = np.geomspace(1e-3, 1e3, 4000).astype(np.float32)
    bits = x.view(np.uint32)
    exact_values = x.astype(np.float64)
    truths = (
        1 / exact_values,
        1 / np.sqrt(exact_values),
        np.exp2(np.minimum(exact_values, 127)),
        np.log2(exact_values),
    )
    functions = (module.recip, module.rsqrt, module.exp2, module.log2)
    for function, truth, limit in zip(functions, truths, (1.03, 0.71, 1.33, 1.56), strict=True):
        keep = exact_values < 127
        got = convert.bits_f32(function(bits)).astype(np.float64)
        ulp = np.spacing(np.abs(truth).astype(np.float32)).astype(np.float64)
        if (np.abs(got - truth) > 1.01 * limit * ulp)[keep].any():
            return False
    tiny = np.array([0x00000001, 0x80000000, 0x00300000], np.uint32)
    if module.log2(tiny).tolist() != [0xC3150000, 0xFF800000, 0xC2FED480]:
        return False
    return module.exp2(convert.f32_bits([-149.0, -151.0, -1.0])).tolist() == [1, 0, 0x3F000000]


def compare_agrees(module: ModuleType) -> bool:
    zero, minus, nan, one = (np.uint32(w) for w in (0, 0x80000000, 0x7FC00000, 0x3F800000))
    picked = [
        module.min32(zero, minus),
        module.max32(minus, zero),
        module.min32(nan, one),
        module.max32(one, minus | one),
    ]
    picked.append(module.min32(minus | one, np.uint32(0xC0000000)))
    return [int(w) for w in picked] == [0x80000000, 0, 0x7FC00000, 0x3F800000, 0xC0000000] and not module.le(nan, nan)


MUTANTS = [
    (matrix, matrix_agrees, "np.rint(term, out=term)", "np.floor(term, out=term)"),
    (matrix, matrix_agrees, "np.rint(term, out=term)", "np.trunc(term, out=term)"),
    (matrix, matrix_agrees, ") + t) | sticky", ") + t)"),
    (matrix, matrix_agrees, "((acc.s >> shift) + t) | sticky", "((acc.s >> shift) | sticky) + t"),
    (matrix, matrix_agrees, "np.maximum(acc.e, y >> 3)", "np.maximum(acc.e, (y + 1) >> 3)"),
    (matrix, matrix_agrees, "8 * (e - acc.e)", "7 * (e - acc.e)"),
    (matrix, matrix_agrees, "(s >= _LIMIT).astype", "(s > _LIMIT).astype"),
    (matrix, matrix_agrees, "(s < -_LIMIT).astype", "(s <= -_LIMIT).astype"),
    (matrix, matrix_agrees, "s = (s << 8) >> 8", "s = s + 0"),
    (matrix, matrix_agrees, "np.maximum(field, 1)", "field"),
    (matrix, matrix_agrees, "np.maximum(exponent, 1) + 118", "exponent + 118"),
    (matrix, matrix_agrees, "odd=fmt is not FP32", "odd=False"),
    (matrix, matrix_agrees, "(acc.s >> 3 | ((acc.s & 7) != 0)) << 3", "(acc.s >> 3) << 3"),
    (fma, fma_agrees, "np.where(doubtful, _to_odd(s, err), s)", "s"),
    (fma, fma_agrees, "((bits & _DROPPED) == _TIE) | ", ""),
    (fma, fma_agrees, "np.where((err > 0) == (s > 0), 1, -1)", "np.where(err > 0, 1, -1)"),
    (fma, fma_agrees, " | ((bits & _DROPPED) != 0)", ""),
    (fma, fma_agrees, "floor | (floor != units)", "floor"),
    (fma, fma_agrees, "magnitude >= 2.0**128", "magnitude > 2.0**128 - 2.0**103"),
    (fma, fma_agrees, "np.where(nan, np.uint32(CANONICAL_NAN), bits)", "bits"),
    (convert, convert_agrees, "- 1 + low_bit", "- 1"),
    (convert, convert_agrees, "- 1 + low_bit", ""),
    (convert, convert_agrees, "(fraction + addend) >> RANDOM_BITS", "(fraction + addend + 1) >> RANDOM_BITS"),
    (convert, convert_agrees, "np.maximum(1 - t, 0)", "np.maximum(-t, 0)"),
    (convert, convert_agrees, "np.minimum(23 - m +", "np.minimum(24 - m +"),
    (convert, convert_agrees, "denormal_exponent = 0 if fmt.literal_denormals else 1", "denormal_exponent = 0"),
    (
        convert,
        convert_agrees,
        "np.where(clamped, fmt.inf_code, magnitude)",
        "np.where(is_inf, fmt.inf_code, magnitude)",
    ),
    (random, random_agrees, "_rotate(parity, 14)", "_rotate(parity, 13)"),
    (random, random_agrees, "in ROUND_CONSTANTS:", "in ROUND_CONSTANTS[:4] + ROUND_CONSTANTS[5:]:"),
    (random, random_agrees, "w[1] >> 24 << 8", "w[2] >> 24 << 8"),
    (special, special_agrees, "c2 * q) << 4", "c2 * q) << 3"),
    (special, special_agrees, " + (1 << 20)) >> 21", ") >> 21"),
    (special, special_agrees, "128 * k", "127 * k"),
    (special, special_agrees, "fraction - (1 << 23)", "fraction - (1 << 22)"),
    (special, special_agrees, "-126 - shift", "-127 - shift"),
    (special, special_agrees, "n + 60, n)", "n + 61, n)"),
    (compare, compare_agrees, "(signed >> 31) & 0x7FFFFFFF", "(signed >> 31) & 0"),
    (compare, compare_agrees, "np.where(_is_nan(a) | _is_nan(b),", "np.where(_is_nan(a) & _is_nan(b),"),
]


@pytest.mark.parametrize(
    ("module", "agrees"),
    [
        (matrix, matrix_agrees),
        (fma, fma_agrees),
        (convert, convert_agrees),
        (random, random_agrees),
        (special, special_agrees),
        (compare, compare_agrees),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_the_checks_pass_on_the_real_modules(module, agrees):
    assert agrees(module)


@pytest.mark.parametrize(("module", "agrees", "old", "new"), MUTANTS, ids=lambda x: x if isinstance(x, str) else "")
def test_mutants_are_caught(module, agrees, old, new, monkeypatch):
    source = Path(module.__file__).read_text()
    assert source.count(old) >= 1, f"{module.__name__} no longer contains {old!r}: choose another mutation"
    mutant = ModuleType("mutant")
    monkeypatch.setitem(sys.modules, "mutant", mutant)
    exec(compile(source.replace(old, new), "mutant", "exec"), mutant.__dict__)
    with np.errstate(all="ignore"):
        assert not agrees(mutant)
