"""Y = a X + Y in FP32, one rounding an element: a stream of two loads, an fma and a store for 16 elements.

Row by row, 16 columns a vector; d0 X, d1 Y, d2 a line of a, d3 Y again, which follows d1 with the stores; all step along the row (inner)
and down a row (outer).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.isa import THREADS
from golden.arch.simd_ops import SIMD_LANES
from golden.kernels.kernel import Axis, Kernel, Operand, Role, extent, kernel, line, number, random_f32, rounding
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import Stage, repeated, streamed
from golden.numerics import fma

BESIDE, SETS = 4, 3  # vectors of a set, and sets of registers


@kernel("axpy")
class Axpy(Kernel):
    """Y = a X + Y in FP32."""

    m: int = extent(4, "rows", MAX_ROWS)
    n: int = extent(1024, "columns", MAX_COLUMNS)
    a: float = number(0.5, "the factor", -3e38, 3e38)

    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("x", self.m, self.n, "FP32"),
            Operand("y", self.m, self.n, "FP32", Role.UPDATE),
            Operand("a", 1, SIMD_LANES, "FP32", Role.CONSTANT, value=line(self.a)),
        )

    def axes(self) -> tuple[Axis, ...]:
        rows, columns = Axis("m", {"x": 0, "y": 0}), Axis("n", {"x": 1, "y": 1}, SIMD_LANES)
        return (rows, columns) if self.m >= THREADS else (columns, rows)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        return {"x": random_f32(rng, self.m, self.n), "y": random_f32(rng, self.m, self.n)}

    def reference(self, x: NDArray[np.uint32], y: NDArray[np.uint32], a: NDArray[np.uint32]) -> dict[str, NDArray]:
        return {"y": fma.fma32(a[0, 0], x, y)}

    def exact(self, x, y, a):
        """Rounded once."""
        with np.errstate(invalid="ignore", over="ignore"):
            new = a[0, 0] * x + y
            return {"y": (new, rounding(new, "FP32"))}

    def text(self, label: str) -> str:
        sets = -(-self.n // (SIMD_LANES * BESIDE))
        row = streamed(f"{label}_row", sets, SETS, _stages()) + [f"        dstep d{d}, outer" for d in (0, 1, 3)]
        starts = [f"        setd d{d}, x{x}, x{x + 1}" for d, x in ((0, 1), (1, 3), (2, 5), (3, 3))]
        return "\n".join([f"{label}:", *starts, "        vld.c v31, d2", *repeated(label, self.m, row), "        jr x31"]) + "\n"

    def views(self, x: Matrix, y: Matrix, a: Matrix) -> tuple[Descriptor, ...]:
        along = steps("x", 8, "y", 1)
        return x.descriptor(**along), y.descriptor(**along), a.descriptor()


def _stages() -> tuple[Stage, ...]:
    """Vectors side by side: X and Y of each in neighbouring registers."""
    store = Stage(2, lambda i: [f"vst.c v{v + 1}, d3, inner" for v in _registers(i)])
    load = Stage(0, lambda i: [line for v in _registers(i) for line in (f"vld.c v{v}, d0, inner", f"vld.c v{v + 1}, d1, inner")])
    return store, load, Stage(1, lambda i: [f"vfma v{v + 1}, v31, v{v}, v{v + 1}" for v in _registers(i)])


def _registers(i: int) -> range:
    """Where X of each vector of a set is."""
    return range(2 * BESIDE * i, 2 * BESIDE * (i + 1), 2)
