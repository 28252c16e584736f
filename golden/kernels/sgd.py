"""Stochastic gradient descent: W = W - rate dW in FP32 (one rounding), and the BF16 copy that the matrix unit reads.

The three arrays are walked as they lie, padding included, as rows of 32 elements: the copy's pitch is half that of the masters. d0 W,
d1 dW, d2 the copy, d3 a line whose first element is the rate, d4 W again.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.kernels.kernel import Axis, Kernel, Operand, Role, extent, kernel, line, number, random_f32, rounding
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import Stage, streamed
from golden.numerics import convert, fma

PASS = 32  # elements: two vectors of FP32, one of BF16
SETS = 7
_SIGN = np.uint32(1 << 31)


@kernel("sgd")
class Sgd(Kernel):
    """W = W - rate dW in FP32, and a BF16 copy."""

    m: int = extent(65, "rows", MAX_ROWS)
    n: int = extent(32, "columns", MAX_COLUMNS)
    rate: float = number(0.3, "learning rate", 0.0, 3e38)

    def operands(self) -> tuple[Operand, ...]:
        """Pitches of 2 : 2 : 1, and room for whole passes."""
        shape, pitch, passes = (self.m, self.n), self.pitch, self.passes
        return (
            Operand("w", *shape, "FP32", Role.UPDATE, pitch=2 * pitch, size=4 * PASS * passes),
            Operand("dw", *shape, "FP32", pitch=2 * pitch, size=4 * PASS * passes),
            Operand("copy", *shape, "BF16", Role.OUT, pitch=pitch, size=2 * PASS * passes),
            Operand("rate", 1, 16, "FP32", Role.CONSTANT, value=line(self.rate)),
        )

    @property
    def pitch(self) -> int:
        """Bytes from row to row of the copy."""
        return -(-self.n * 2 // 16) * 16

    @property
    def passes(self) -> int:
        """Passes over the arrays as they lie."""
        return -(-self.m * self.pitch // (2 * PASS))

    def axes(self) -> tuple[Axis, ...]:
        """Rows that fill whole passes."""
        return (Axis("m", {"w": 0, "dw": 0, "copy": 0}, 2 * PASS // math.gcd(2 * PASS, self.pitch)),)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        return {"w": random_f32(rng, self.m, self.n), "dw": random_f32(rng, self.m, self.n)}

    def reference(self, w: NDArray[np.uint32], dw: NDArray[np.uint32], rate: NDArray[np.uint32]) -> dict[str, NDArray]:
        new = fma.fma32(np.full_like(dw, rate[0, 0] ^ _SIGN), dw, w)
        return {"w": new, "copy": convert.f32_to_bf16(new)}

    def exact(self, w, dw, rate):
        """W is rounded once, the copy once more."""
        with np.errstate(invalid="ignore", over="ignore"):
            new = w - rate[0, 0] * dw
            once = rounding(new, "FP32")
            return {"w": (new, once), "copy": (new, once + rounding(np.abs(new) + once, "BF16"))}

    def text(self, label: str) -> str:
        lines = [f"{label}:"] + [f"        setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(4)]
        lines += ["        setd d4, x1, x2"]
        lines += ["        vld.c v31, d3", "        vsplat v31, v31, 0"]
        lines += streamed(label, self.passes, SETS, _STAGES)
        return "\n".join([*lines, "        jr x31"]) + "\n"

    def views(self, w: Matrix, dw: Matrix, copy: Matrix, rate: Matrix) -> tuple[Descriptor, ...]:
        if not w.pitch == dw.pitch == 2 * copy.pitch:
            raise ValueError(f"sgd: pitches {w.pitch}, {dw.pitch}, {copy.pitch} B of W, dW and the copy are not 2 : 2 : 1")
        down = steps("y", 1, "y", 1)
        return *(self._folded(matrix).descriptor(**down) for matrix in (w, dw, copy)), rate.descriptor()

    def _folded(self, matrix: Matrix) -> Matrix:
        """The matrix as rows of ``PASS`` elements, its padding among them."""
        return Matrix(matrix.name, matrix.address, self.passes, PASS, matrix.format, matrix.dtype.itemsize * PASS)


# A set is v(4i), v(4i+1) W; v(4i+2), v(4i+3) dW, then v(4i+2) the copy. d4 follows d0 with the stores.
_STAGES = (
    Stage(3, lambda i: [f"vst.c v{4 * i}, d4", f"vst.c v{4 * i + 1}, d4[0,1], inner"]),
    Stage(5, lambda i: [f"vst.c v{4 * i + 2}, d2, inner"]),
    Stage(0, lambda i: [f"vld.c v{4 * i}, d0", f"vld.c v{4 * i + 1}, d0[0,1], inner"]),
    Stage(0, lambda i: [f"vld.c v{4 * i + 2}, d1", f"vld.c v{4 * i + 3}, d1[0,1], inner"]),
    Stage(2, lambda i: [f"vfnma v{4 * i + j}, v31, v{4 * i + 2 + j}, v{4 * i + j}" for j in (0, 1)]),
    Stage(4, lambda i: [f"vnarrow.bf16 v{4 * i + 2}, v{4 * i}, v{4 * i + 1}"]),
)
