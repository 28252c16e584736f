"""Integer conversions of one lane against golden.numerics.simd, both bodies."""

import numpy as np
import pytest

from golden.arch.simd_ops import SimdFlag, SimdOp
from golden.numerics import simd
from rtl.fp.adder import Body
from rtl.fp.integer import TO_FLOAT_STAGES, TO_INTEGER_STAGES, FloatToInteger, IntegerToFloat
from sim.compile.batch import Batch

VECTORS = 1 << 18


def words(rng: np.random.Generator) -> np.ndarray:
    """Words of every length, and FP32 numbers from 2^-3 to 2^34 with few or many significant bits."""
    word = rng.integers(0, 1 << 32, VECTORS, dtype=np.uint32)
    short = (word.view(np.int32) >> rng.integers(0, 32, VECTORS, dtype=np.int32)).view(np.uint32)
    field = rng.integers(124, 162, VECTORS).astype(np.uint32) << np.uint32(23)
    kept = np.uint32(0xFFFFFFFF) << rng.integers(0, 24, VECTORS, dtype=np.uint32)
    near = (word & np.uint32(0x807FFFFF) | field) & kept
    return np.select([word % 3 == 0, word % 3 == 1], [short, near], word)


def golden(op: SimdOp, x: np.ndarray) -> np.ndarray:
    return simd.execute(op, x.reshape(-1, 16).view(np.uint8)).view(np.uint32).reshape(-1)


def run(part, stages: int, x: np.ndarray, unsigned: bool = False) -> dict:
    out = Batch(part).run({"value": np.concatenate([x, np.zeros(stages, dtype=np.uint32)]), "is_unsigned": int(unsigned)})
    return {name: array[stages:] for name, array in out.items()}


@pytest.mark.parametrize("op", [SimdOp.ITOF, SimdOp.UTOF], ids=lambda op: op.name)
@pytest.mark.parametrize("body", Body)
def test_integer_to_float(body: Body, rng: np.random.Generator, op: SimdOp) -> None:
    x = words(rng)
    got = run(IntegerToFloat(body), TO_FLOAT_STAGES, x, op is SimdOp.UTOF)["result"]
    wrong = np.flatnonzero(got != golden(op, x))
    assert not wrong.size, f"{wrong.size} wrong, first {x[wrong[0]]:#x}: got {got[wrong[0]]:#x}"


def ties() -> np.ndarray:
    """Integers of at most 31 bits that lie at a tie between two floats but for one lower bit, what is kept being even."""
    found = [1 << top | 1 << top - 24 | 1 << low for top in range(25, 31) for low in range(top - 24)]
    return np.array([sign * value for value in found for sign in (1, -1)], dtype=np.int32)


@pytest.mark.parametrize("body", Body)
def test_every_single_bit_breaks_a_tie(body: Body) -> None:
    """From integers, whose lower bits a float does not hold, and from floats, whose fractions an integer does not."""
    got = run(IntegerToFloat(body), TO_FLOAT_STAGES, ties().view(np.uint32))["result"]
    assert (got.view(np.float32) == ties().astype(np.float64).astype(np.float32)).all()
    fractions = np.array([n + 0.5 + 2.0**low for n in (0, 2, 6, 2**20) for low in range(-24, -1)])
    fractions = np.concatenate([fractions, -fractions])
    fractions = fractions[fractions.astype(np.float32) == fractions]
    got = run(FloatToInteger(body), TO_INTEGER_STAGES, fractions.astype(np.float32).view(np.uint32))["result"]
    assert (got.view(np.int32) == np.rint(fractions)).all() and len(fractions) > 120


def ends() -> np.ndarray:
    """Numbers around the ends of both types, and below zero around where they round to zero."""
    bits = np.array([2.0**31, 2.0**32, 0.5, 1.0, 1.5], dtype=np.float32).view(np.uint32)
    near = (bits[:, None] + np.arange(-3, 4, dtype=np.int64)).astype(np.uint32).reshape(-1)
    return np.concatenate([near, near | np.uint32(1 << 31)])


@pytest.mark.parametrize("op", [SimdOp.FTOI, SimdOp.FTOU], ids=lambda op: op.name)
@pytest.mark.parametrize("body", Body)
def test_float_to_integer(body: Body, rng: np.random.Generator, op: SimdOp) -> None:
    x = words(rng)
    x[: len(ends())] = ends()
    out = run(FloatToInteger(body), TO_INTEGER_STAGES, x, op is SimdOp.FTOU)
    wrong = np.flatnonzero(out["result"] != golden(op, x))
    assert not wrong.size, f"{wrong.size} wrong, first {x[wrong[0]]:#x}: got {out['result'][wrong[0]]:#x}"
    # Flags of one word at a time: the other fifteen lanes are zero.
    alone = np.zeros((2_000, 16), dtype=np.uint32)
    alone[:, 0] = x[:2_000]
    flags = simd.execute_flags(op, alone.view(np.uint8))
    assert (out["invalid"][:2_000] == (flags & SimdFlag.INVALID)).all()
