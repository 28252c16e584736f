"""Products, shifts by elements, order and sums of integers against golden, in both bodies: every operation every cycle."""

import numpy as np
import pytest

from golden.arch.simd_ops import SIMD_LANES, SIMD_OPS, SimdOp
from golden.numerics import integers
from rtl.core.vector.simd_integer import CLASSES
from rtl.core.vector.simd_multiply import MULTIPLY_STAGES, SimdMultiply
from rtl.core.vector.simd_shift import SHIFT_STAGES, SimdShift
from rtl.core.vector.simd_wide import WIDE_STAGES, SimdWide
from rtl.fp.adder import Body
from sim.compile.batch import Batch

ROWS = 40_000
MULTIPLY, SHIFT, WIDE = ([op for op, info in SIMD_OPS.items() if info.simd_class is which] for which in CLASSES)
EDGES = (0x00, 0x01, 0x02, 0x0F, 0x40, 0x7F, 0x80, 0x81, 0xFE, 0xFF)
"""Bytes that words are made of: the ends of the elements of each size, with ends, zeros or ones below them."""

UNITS = [
    pytest.param(SimdMultiply, MULTIPLY, MULTIPLY_STAGES, 32, id="multiply"),
    pytest.param(SimdWide, WIDE, WIDE_STAGES, 64, id="wide"),
    pytest.param(SimdShift, SHIFT, SHIFT_STAGES, 64, id="shift"),
]


def words(rng: np.random.Generator, bits: int) -> np.ndarray:
    """ROWS words, in bytes: one half uniform, one half of edges, which repeat within some words."""
    count = bits // 8
    edges = rng.choice(np.array(EDGES, np.uint8), (ROWS, count))
    repeated = np.where(rng.integers(0, 3, (ROWS, count)) == 0, edges, edges[:, :1])
    return np.where(rng.integers(0, 2, (ROWS, 1)) == 0, rng.integers(0, 256, (ROWS, count), dtype=np.uint8), repeated).astype(np.uint8)


@pytest.mark.parametrize("body", Body, ids=lambda body: body.value)
@pytest.mark.parametrize(("unit", "ops", "stages", "bits"), UNITS)
def test_equals_golden(rng: np.random.Generator, unit, ops, stages, bits, body) -> None:
    a, b = (words(rng, bits) for _ in range(2))
    same = rng.integers(0, 4, ROWS) == 0
    b[same] = a[same]
    op = rng.choice(np.array(ops), ROWS)
    tail, dtype = np.zeros(stages, np.int64), f"<u{bits // 8}"
    ports = {name: np.concatenate([x.view(dtype)[:, 0], tail.astype(dtype)]) for name, x in (("a", a), ("b", b))}
    dut = unit() if unit is SimdShift else unit(body)
    got = Batch(dut).run(ports | {"op": np.concatenate([op & 15, tail])})["result"][stages:].astype(dtype)
    for each in map(SimdOp, ops):
        chosen = op == each
        registers = [_padded(x[chosen]) for x in (a, b)]
        wanted = np.ascontiguousarray(integers.RESULTS[each](*registers, 0)).view(np.uint8).reshape(-1)[: chosen.sum() * bits // 8]
        wrong = np.flatnonzero(got[chosen] != wanted.view(dtype))
        assert not wrong.size, f"{each.name}: {a[chosen][wrong[0]].tobytes().hex()} {b[chosen][wrong[0]].tobytes().hex()}"


def _padded(rows: np.ndarray) -> np.ndarray:
    """Words one after another in registers, as lanes."""
    flat = rows.reshape(-1).view("<u4")
    return np.pad(flat, (0, -len(flat) % SIMD_LANES)).reshape(-1, SIMD_LANES)
