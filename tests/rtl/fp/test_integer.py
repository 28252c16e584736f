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


def run(part, stages: int, x: np.ndarray) -> dict:
    out = Batch(part).run({"value": np.concatenate([x, np.zeros(stages, dtype=np.uint32)])})
    return {name: array[stages:] for name, array in out.items()}


@pytest.mark.parametrize("body", Body)
def test_integer_to_float(body: Body, rng: np.random.Generator) -> None:
    x = words(rng)
    got = run(IntegerToFloat(body), TO_FLOAT_STAGES, x)["result"]
    wrong = np.flatnonzero(got != golden(SimdOp.ITOF, x))
    assert not wrong.size, f"{wrong.size} wrong, first {x[wrong[0]]:#x}: got {got[wrong[0]]:#x}"


@pytest.mark.parametrize("body", Body)
def test_float_to_integer(body: Body, rng: np.random.Generator) -> None:
    x = words(rng)
    out = run(FloatToInteger(body), TO_INTEGER_STAGES, x)
    wrong = np.flatnonzero(out["result"] != golden(SimdOp.FTOI, x))
    assert not wrong.size, f"{wrong.size} wrong, first {x[wrong[0]]:#x}: got {out['result'][wrong[0]]:#x}"
    # Flags of one word at a time: the other fifteen lanes are zero.
    alone = np.zeros((2_000, 16), dtype=np.uint32)
    alone[:, 0] = x[:2_000]
    flags = simd.execute_flags(SimdOp.FTOI, alone.view(np.uint8))
    assert (out["invalid"][:2_000] == (flags & SimdFlag.INVALID)).all()
