"""FP32 add, multiply and fused multiply-add on the operands of Berkeley TestFloat, with the results and flags of SoftFloat."""

import time

import pytest

from tests.golden.numerics.test_softfloat import OPERATIONS, check
from tests.golden.numerics.testfloat import FEW, INPUTS, MANY, RESULTS, cases, words

CHUNK = 500_000
THINNED = 1 << 18  # of the triples of level 1
LEVELS = [
    ("add", 1, None),
    ("mul", 1, None),
    ("fma", 1, THINNED),
    pytest.param("fma", 1, None, marks=pytest.mark.slow),
    pytest.param("add", 2, None, marks=pytest.mark.slow),
    pytest.param("mul", 2, None, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "level", "count"), LEVELS)
def test_equals_softfloat(name, level, count, rng):
    started, letters = time.perf_counter(), OPERATIONS[name][2]
    operands = cases(len(letters), level, rng)
    if count:
        kept = rng.choice(operands[0].size, count, replace=False)
        operands = [operand[kept] for operand in operands]
    done = sum(check(name, [operand[at : at + CHUNK] for operand in operands]) for at in range(0, operands[0].size, CHUNK))
    print(f"{name}, level {level}: {done} vectors, {time.perf_counter() - started:.0f} s")


def test_the_sets_have_testfloats_sizes(rng):
    assert (len(INPUTS), len(RESULTS), len(FEW), len(set(MANY)), len(MANY)) == (22, 50, 4, 88, 88)
    assert [operand.size for operand in cases(2, 1, rng)] == [46_464] * 2
    assert [operand.size for operand in cases(3, 1, rng)] == [6_133_248] * 3
    known = words(INPUTS, MANY)
    assert {0, 0x80000000, 1, 0x7F800000, 0xFF800000, 0x7F800001, 0x7F7FFFFF, 0xFEFFFFFF, 0x00800000, 0x3F800000} <= set(known.tolist())
    a, b = cases(2, 1, rng)
    assert len(set(zip(a[-7744:].tolist(), b[-7744:].tolist(), strict=True))) == 7744  # every pair of the crossing, once
