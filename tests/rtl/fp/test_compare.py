"""The comparison lane against golden.numerics.compare, and against NumPy's own order on plain numbers."""

import numpy as np
import pytest

from golden.arch.simd_ops import SimdOp
from golden.numerics import compare
from rtl.fp.compare import Compare
from sim.compile.batch import Batch

VECTORS = 300_000
EDGES = np.array(
    [0, 1, 0x7FFFFF, 0x800000, 0x3F800000, 0x3F800001, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF],
    dtype=np.uint32,
)
SIGN = np.uint32(0x80000000)
GOLDEN = {
    SimdOp.FMIN: compare.min32,
    SimdOp.FMAX: compare.max32,
    SimdOp.FEQ: compare.eq,
    SimdOp.FNE: lambda a, b: ~compare.eq(a, b),
    SimdOp.FLT: compare.lt,
    SimdOp.FLE: compare.le,
}


@pytest.fixture(scope="module")
def lane() -> Batch:
    return Batch(Compare())


def run(lane: Batch, op: SimdOp, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    out = lane.run({"op": int(op) & 15, "a": np.append(a, 0), "b": np.append(b, 0)})
    return out["result"][1:], out["invalid"][1:]


def operands(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    both = np.concatenate([EDGES, EDGES | SIGN])
    a, b = (grid.reshape(-1) for grid in np.meshgrid(both, both, indexing="ij"))
    x = rng.integers(0, 1 << 32, VECTORS, dtype=np.uint32)
    near = x + rng.integers(-2, 3, VECTORS).astype(np.uint32)
    y = np.where(rng.integers(0, 2, VECTORS) == 0, near, rng.integers(0, 1 << 32, VECTORS, dtype=np.uint32))
    return np.concatenate([a, x]), np.concatenate([b, y])


@pytest.mark.parametrize("op", GOLDEN, ids=lambda op: op.name)
def test_equals_golden(lane: Batch, rng: np.random.Generator, op: SimdOp) -> None:
    a, b = operands(rng)
    result, invalid = run(lane, op, a, b)
    wanted = GOLDEN[op](a, b)
    if wanted.dtype == np.bool_:
        wanted = np.where(wanted, np.uint32(0xFFFFFFFF), np.uint32(0))
    flag = compare.ordered_invalid if op in (SimdOp.FLT, SimdOp.FLE) else compare.quiet_invalid
    wrong = np.flatnonzero((result != wanted) | (invalid != flag(a, b)))
    assert not wrong.size, f"{op.name} of {a[wrong[0]]:#x}, {b[wrong[0]]:#x}: {result[wrong[0]]:#x}"


def test_orders_plain_numbers_as_numpy_does(lane: Batch, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(2, 10_000)).astype(np.float32)
    a, b = x.view(np.uint32), y.view(np.uint32)
    assert (run(lane, SimdOp.FMIN, a, b)[0].view(np.float32) == np.minimum(x, y)).all()
    assert (run(lane, SimdOp.FMAX, a, b)[0].view(np.float32) == np.maximum(x, y)).all()
    assert ((run(lane, SimdOp.FLT, a, b)[0] != 0) == (x < y)).all()


def test_minimum_of_zeros_is_negative_in_either_order(lane: Batch) -> None:
    a, b = np.array([0, SIGN], dtype=np.uint32), np.array([SIGN, 0], dtype=np.uint32)
    assert (run(lane, SimdOp.FMIN, a, b)[0] == SIGN).all()
    assert (run(lane, SimdOp.FMAX, a, b)[0] == 0).all()
