"""Y = X, bit for bit: a load and a store for 64 bytes.

Row by row; d0 X, d1 Y, both step along the row (inner) and down a row (outer).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import FLOAT_FORMATS
from golden.arch.isa import THREADS
from golden.kernels.kernel import Axis, Kernel, Operand, Role, Shaped, choice, extent, kernel, random_bf16, random_f32
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import Stage, repeated, streamed

BESIDE, SETS = 4, 6  # vectors of a set, and sets of registers
LINE = 64  # bytes of a vector


@kernel("copy")
class Copy(Kernel):
    """Y = X, whatever the bits say."""

    m: int = extent(4, "rows", MAX_ROWS)
    n: int = extent(1024, "columns", MAX_COLUMNS)
    format: str = choice("of X and Y", "FP32", "BF16")

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        x = operands["x"]
        return cls(**{"m": x.rows, "n": x.columns, "format": x.format, **given})

    def operands(self) -> tuple[Operand, ...]:
        return Operand("x", self.m, self.n, self.format), Operand("y", self.m, self.n, self.format, Role.OUT)

    @property
    def _columns(self) -> int:
        """Of a vector."""
        return LINE // FLOAT_FORMATS[self.format].bytes

    def axes(self) -> tuple[Axis, ...]:
        rows, columns = Axis("m", {"x": 0, "y": 0}), Axis("n", {"x": 1, "y": 1}, self._columns)
        return (rows, columns) if self.m >= THREADS else (columns, rows)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        return {"x": (random_f32 if self.format == "FP32" else random_bf16)(rng, self.m, self.n)}

    def reference(self, x: NDArray) -> dict[str, NDArray]:
        return {"y": x.copy()}

    def exact(self, x):
        """No rounding."""
        return {"y": (x, np.zeros_like(x))}

    def text(self, label: str) -> str:
        sets = -(-self.n // (self._columns * BESIDE))
        row = streamed(f"{label}_row", sets, SETS, _stages()) + [f"        dstep d{d}, outer" for d in (0, 1)]
        starts = ["        setd d0, x1, x2", "        setd d1, x3, x4"]
        return "\n".join([f"{label}:", *starts, *repeated(label, self.m, row), "        jr x31"]) + "\n"

    def views(self, x: Matrix, y: Matrix) -> tuple[Descriptor, ...]:
        along = steps("x", LINE // 8, "y", 1)
        return x.descriptor(**along), y.descriptor(**along)


def _stages() -> tuple[Stage, ...]:
    load = Stage(0, lambda i: [f"vld.c v{BESIDE * i + j}, d0, inner" for j in range(BESIDE)])
    return load, Stage(4, lambda i: [f"vst.c v{BESIDE * i + j}, d1, inner" for j in range(BESIDE)])
