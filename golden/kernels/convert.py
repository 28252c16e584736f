"""Y = X in a smaller format, rounded to nearest even: BF16 or FP32 to CFloat8.

Rows of 32 columns a pass; d0 X, d1 Y, each stepping down a row (inner) and right 32 columns (outer). A row's 32 bytes are stored with 32
zeros behind them, which the next columns replace and the extents of Y cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import BIAS_MAX, FLOAT_FORMATS
from golden.kernels.kernel import Kernel, Operand, Role, Shaped, choice, extent, kernel, random_bf16, random_f32, rounding
from golden.kernels.mode import biases, mode_line, mode_operand, take_mode
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import Stage, streamed
from golden.numerics import convert

COLUMNS = 32  # what one narrowing gives
SETS = 7


@kernel("convert")
class Convert(Kernel):
    """Y = X rounded to CFloat8."""

    m: int = extent(32, "rows", MAX_ROWS)
    n: int = extent(32, "columns", MAX_COLUMNS)
    source: str = choice("format of X", "BF16", "FP32")
    out: str = choice("format of Y", "CFloat8_1_5_2", "CFloat8_1_4_3")
    bias: int = extent(15, "exponent bias of Y in the example; else the line of mode has it", BIAS_MAX, 0)

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        x, y = operands["x"], operands["y"]
        return cls(**{"m": x.rows, "n": x.columns, "source": x.format, "out": y.format, **given})

    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("x", self.m, self.n, self.source),
            Operand("y", self.m, self.n, self.out, Role.OUT, bias=self.bias),
            mode_operand(),
        )

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        x = random_bf16(rng, self.m, self.n) if self.source == "BF16" else random_f32(rng, self.m, self.n)
        return {"x": x, "mode": mode_line(result=self.bias)}

    def reference(self, x: NDArray, mode: NDArray[np.uint32]) -> dict[str, NDArray]:
        wide = convert.bf16_to_f32(x) if self.source == "BF16" else x
        return {"y": convert.narrow(FLOAT_FORMATS[self.out], wide, biases(mode)["result"])}

    def exact(self, x, mode):
        """One rounding; what is too large becomes the largest number, NaN too."""
        return {"y": (x, rounding(x, self.out, self.bias))}

    def text(self, label: str) -> str:
        lines = [f"{label}:", "        setd d0, x1, x2", "        setd d1, x3, x4", *take_mode(5)]
        panels = -(-self.n // COLUMNS)
        for panel in range(panels):
            lines += streamed(f"{label}_{panel}", self.m, SETS, self._stages())
            if panel + 1 < panels:
                lines += [f"        dstep d{d}, outer" for d in range(2)]
        return "\n".join([*lines, "        jr x31"]) + "\n"

    def _stages(self) -> tuple[Stage, ...]:
        """A set is v(4i) X in BF16, v(4i+1), v(4i+2) in FP32, v(4i+3) Y."""
        out, narrow = FLOAT_FORMATS[self.out].short, self.source == "BF16"
        load = [lambda i: [f"vld.c v{4 * i}, d0, inner"]] if narrow else []
        wide = [lambda i: [f"vwiden.bf16 v{4 * i + 1 + part}, v{4 * i}, {part}" for part in range(2)]] if narrow else []
        load = load or [lambda i: [f"vld.c v{4 * i + 2}, d0[0,1]", f"vld.c v{4 * i + 1}, d0, inner"]]
        narrowing = [lambda i: [f"vnarrow.{out} v{4 * i + 3}, v{4 * i + 1}, v{4 * i + 2}"], lambda i: [f"vst.c v{4 * i + 3}, d1, inner"]]
        return tuple(Stage(number, text) for number, text in enumerate([*load, *wide, *narrowing]))

    def views(self, x: Matrix, y: Matrix, mode: Matrix) -> tuple[Descriptor, ...]:
        right = COLUMNS * x.dtype.itemsize // 8
        return x.descriptor(**steps("y", 1, "x", right)), y.descriptor(**steps("y", 1, "x", COLUMNS // 8)), mode.descriptor()
