"""Y = X', bit for bit, on the SIMD pipe: four rows of 16 bytes become columns of Y.

A load gathers four rows; two perfect shuffles turn its index bits by two, so that what was row by row is column by column, and a store
scatters it over as many rows of Y as X has columns there. A perfect shuffle is a rotation by half a register and a zip of both.

d0 X (inner: four rows down; outer: 16 bytes right), d1 Y (inner: as many columns right; outer: as many rows down).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import FLOAT_FORMATS
from golden.kernels.kernel import Axis, Kernel, Operand, Role, Shaped, choice, extent, kernel, random_bf16, random_f32
from golden.kernels.placement import MAX_ROWS, Matrix, steps
from golden.kernels.stream import Stage, repeated, streamed

ROWS, PIECE = 4, 16  # rows of X and bytes of each that a load gathers
BESIDE, SETS = 2, 7  # loads of a set, and sets of registers


@kernel("transpose")
class Transpose(Kernel):
    """Y = X', whatever the bits say."""

    m: int = extent(64, "rows of X", MAX_ROWS)
    n: int = extent(64, "columns of X", MAX_ROWS)
    format: str = choice("of X and Y", "BF16", "FP32")

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        x = operands["x"]
        return cls(**{"m": x.rows, "n": x.columns, "format": x.format, **given})

    def operands(self) -> tuple[Operand, ...]:
        return Operand("x", self.m, self.n, self.format), Operand("y", self.n, self.m, self.format, Role.OUT)

    @property
    def _columns(self) -> int:
        """Of X in a load."""
        return PIECE // FLOAT_FORMATS[self.format].bytes

    def axes(self) -> tuple[Axis, ...]:
        return Axis("n", {"x": 1, "y": 0}, self._columns), Axis("m", {"x": 0, "y": 1}, ROWS)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        return {"x": (random_f32 if self.format == "FP32" else random_bf16)(rng, self.m, self.n)}

    def reference(self, x: NDArray) -> dict[str, NDArray]:
        return {"y": x.T.copy()}

    def exact(self, x):
        """No rounding."""
        return {"y": (x.T, np.zeros_like(x.T))}

    def text(self, label: str) -> str:
        sets = -(-self.m // (ROWS * BESIDE))
        panel = streamed(f"{label}_panel", sets, SETS, self._stages()) + [f"        dstep d{d}, outer" for d in (0, 1)]
        starts = ["        setd d0, x1, x2", "        setd d1, x3, x4"]
        return "\n".join([f"{label}:", *starts, *repeated(label, -(-self.n // self._columns), panel), "        jr x31"]) + "\n"

    def views(self, x: Matrix, y: Matrix) -> tuple[Descriptor, ...]:
        right = ROWS * y.dtype.itemsize // 8
        return x.descriptor(**steps("y", ROWS, "x", PIECE // 8)), y.descriptor(**steps("x", right, "y", self._columns))

    def _stages(self) -> tuple[Stage, ...]:
        """A set is for each load a register for it and one for its rotation."""
        narrow = self.format == "BF16"
        zip_, store = ("vzip16.lo", "vst.g8") if narrow else ("vzip32.lo", "vst.g16")
        pairs = [lambda i, j=j: 2 * (BESIDE * i + j) for j in range(BESIDE)]

        def each(line: Callable[[int], str]) -> Callable[[int], list[str]]:
            return lambda i: [line(pair(i)) for pair in pairs]

        return (
            Stage(0, each(lambda v: f"vld.g16 v{v}, d0, inner")),
            Stage(6, each(lambda v: f"{store} v{v}, d1, inner")),
            Stage(2, each(lambda v: f"vrotate v{v + 1}, v{v}, 8")),
            Stage(3, each(lambda v: f"{zip_} v{v}, v{v}, v{v + 1}")),
            Stage(4, each(lambda v: f"vrotate v{v + 1}, v{v}, 8")),
            Stage(5, each(lambda v: f"{zip_} v{v}, v{v}, v{v + 1}")),
        )
