"""The multiply-add lane against Berkeley SoftFloat itself: sums, products and fused ones.

All pairs (triples) of a boundary set come first; then the addend lies at every distance of
exponents from the product, or nearly cancels it. Then the operands are those of Berkeley TestFloat.
"""

import time
from itertools import product

import numpy as np
import pytest
import softfloatpy as sf

from golden.numerics.convert import Flags
from rtl.fp.fma import FmaLane
from sim.compile.batch import Batch
from tests.golden.numerics.test_fma import SIGNED, assert_flags_equal_softfloat, hostile, soft_run
from tests.golden.numerics.testfloat import cases
from tests.rtl.fp.test_fma import expect, feed

FEW, MANY = 50_000, 1_000_000
ONE, MINUS_ZERO = np.uint32(0x3F800000), np.uint32(0x80000000)
OPERATIONS = {
    "add": (sf.f32_add, "ac", lambda a, _b, c: {"a": a, "b": np.full_like(a, ONE), "c": c}),
    "mul": (sf.f32_mul, "ab", lambda a, b, _c: {"a": a, "b": b, "c": np.full_like(a, MINUS_ZERO)}),
    "fma": (sf.f32_mul_add, "abc", lambda a, b, c: {"a": a, "b": b, "c": c}),
}


@pytest.fixture(scope="module")
def lane() -> Batch:
    return Batch(FmaLane())


def compare(lane: Batch, name: str, given: dict[str, np.ndarray]) -> None:
    """Results and flags of the lane."""
    theirs, operands, ours = OPERATIONS[name]
    expected, flags = soft_run(theirs, *(given[operand] for operand in operands))
    put = ours(*given.values())
    out = feed(lane, put)
    expect(out["result"], expected, **given)
    raised = Flags(*((out["flags"] >> bit & 1).astype(bool) for bit in range(4)))
    assert_flags_equal_softfloat(*put.values(), expected, raised, flags)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_equals_softfloat(lane: Batch, rng: np.random.Generator, name: str, count: int) -> None:
    operands = OPERATIONS[name][1]
    started, random = time.perf_counter(), hostile(count, int(rng.integers(1 << 30)))
    boundary = dict(zip(operands, np.array(list(product(SIGNED, repeat=len(operands))), np.uint32).T, strict=True))
    unread = np.zeros(len(SIGNED) ** len(operands), np.uint32)
    given = {letter: np.concatenate([boundary.get(letter, unread), more]) for letter, more in zip("abc", random, strict=True)}
    compare(lane, name, given)
    print(f"{name} on the lane: {given['a'].size} vectors, {time.perf_counter() - started:.1f} s")


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_equals_softfloat_on_the_operands_of_testfloat(lane: Batch, rng: np.random.Generator, name: str, count: int) -> None:
    operands = OPERATIONS[name][1]
    found = cases(len(operands), 1 if count == FEW or name == "fma" else 2, rng)
    kept = rng.permutation(found[0].size)[:count]
    given = dict.fromkeys("abc", np.zeros(kept.size, np.uint32))
    given |= {letter: part[kept] for letter, part in zip(operands, found, strict=True)}
    compare(lane, name, given)
