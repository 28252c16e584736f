"""The multiply-add lane against Berkeley SoftFloat itself: sums, products and fused ones.

All pairs (triples) of a boundary set come first; then the addend lies at every distance of
exponents from the product, or nearly cancels it.
"""

import time
from itertools import product

import numpy as np
import pytest
import softfloatpy as sf

from rtl.fp.fma import FmaLane
from sim.compile.batch import Batch
from tests.golden.numerics.test_fma import SIGNED, hostile, soft_run
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


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_equals_softfloat(lane: Batch, rng: np.random.Generator, name: str, count: int) -> None:
    theirs, operands, ours = OPERATIONS[name]
    started, random = time.perf_counter(), hostile(count, int(rng.integers(1 << 30)))
    boundary = dict(zip(operands, np.array(list(product(SIGNED, repeat=len(operands))), np.uint32).T, strict=True))
    unread = np.zeros(len(SIGNED) ** len(operands), np.uint32)
    given = {letter: np.concatenate([boundary.get(letter, unread), more]) for letter, more in zip("abc", random, strict=True)}
    expected, flags = soft_run(theirs, *(given[operand] for operand in operands))
    out = feed(lane, ours(*given.values()))
    expect(out["result"], expected, **given)
    for bit, flag in ((0, sf.ExceptionFlag.INVALID), (2, sf.ExceptionFlag.OVERFLOW)):
        expect(out["flags"] >> bit & 1, ((flags & int(flag)) != 0).astype(np.uint32), **given)
    print(f"{name} on the lane: {expected.size} vectors, {time.perf_counter() - started:.1f} s")
