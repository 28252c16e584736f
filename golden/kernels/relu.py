"""ReLU backward: dX = dY where X > 0, else +0; X in BF16 (the forward result), dY in FP32, dX in BF16.

The forward ReLU is the drain's. Rows of 32 columns a pass; d0 dY, d1 X, d2 dX, each stepping down a row (inner) and right 32
columns (outer).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.kernels.kernel import Kernel, Operand, Role, extent, kernel, random_bf16, random_f32, rounding
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import unrolled
from golden.numerics import compare, convert

COLUMNS = 32  # a vector of BF16
UNROLL = 4


@kernel("relu-backward")
class ReluBackward(Kernel):
    """dX = dY where X > 0, else +0 (X of 0, -0 or NaN too)."""

    m: int = extent(32, "rows", MAX_ROWS)
    n: int = extent(32, "columns", MAX_COLUMNS)

    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("dy", self.m, self.n, "FP32"),
            Operand("x", self.m, self.n, "BF16"),
            Operand("dx", self.m, self.n, "BF16", Role.OUT),
        )

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        x = random_bf16(rng, self.m, self.n)
        x[rng.random(x.shape) < 0.25] = 0
        return {"dy": random_f32(rng, self.m, self.n), "x": x}

    def reference(self, dy: NDArray[np.uint32], x: NDArray[np.uint16]) -> dict[str, NDArray]:
        positive = compare.lt(np.uint32(0), convert.bf16_to_f32(x))
        return {"dx": convert.f32_to_bf16(np.where(positive, dy, np.uint32(0)))}

    def exact(self, dy, x):
        """dY is rounded to BF16 once."""
        dx = np.where(x > 0, dy, 0)
        return {"dx": (dx, rounding(dx, "BF16"))}

    def text(self, label: str) -> str:
        lines = [f"{label}:", "        setd d0, x1, x2", "        setd d1, x3, x4", "        setd d2, x5, x6", "        vxor v31, v31, v31"]
        panels = -(-self.n // COLUMNS)
        for panel in range(panels):
            lines += unrolled(f"{label}_{panel}", self.m, UNROLL, _rows)
            if panel + 1 < panels:
                lines += [f"        dstep d{d}, outer" for d in range(3)]
        return "\n".join([*lines, "        jr x31"]) + "\n"

    def views(self, dy: Matrix, x: Matrix, dx: Matrix) -> tuple[Descriptor, ...]:
        bf16 = steps("y", 1, "x", 8)
        return dy.descriptor(**steps("y", 1, "x", 16)), x.descriptor(**bf16), dx.descriptor(**bf16)


def _rows(n: int) -> list[str]:
    """n rows: v(6i), v(6i+1) dY; v(6i+2) X; v(6i+3), v(6i+4) masks; v(6i+5) dX."""
    lines = []
    for i in range(n):
        v = 6 * i
        lines += [f"vld.c v{v + 1}, d0[0,1]", f"vld.c v{v}, d0, inner", f"vld.c v{v + 2}, d1, inner"]
    for i in range(n):
        v = 6 * i
        lines += [f"vwiden.bf16 v{v + 3 + part}, v{v + 2}, {part}" for part in range(2)]
    for i in range(n):
        v = 6 * i
        lines += [f"vflt v{v + 3}, v31, v{v + 3}", f"vflt v{v + 4}, v31, v{v + 4}"]
    for i in range(n):
        v = 6 * i
        lines += [f"vand v{v}, v{v}, v{v + 3}", f"vand v{v + 1}, v{v + 1}, v{v + 4}"]
    lines += [f"vnarrow.bf16 v{6 * i + 5}, v{6 * i}, v{6 * i + 1}" for i in range(n)]
    lines += [f"vst.c v{6 * i + 5}, d2, inner" for i in range(n)]
    return lines
