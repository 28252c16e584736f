"""ReLU backward: dX = dY where X > 0, else +0; dY in FP32, X (the forward result) and dX in BF16 or both in CFloat8.

The forward ReLU is the drain's. Rows of 32 columns a pass; d0 dY, d1 X, d2 dX, each stepping down a row (inner) and right 32
columns (outer). Eight-bit dX is stored with 32 zeros behind it, which the next columns replace and the extents cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import BIAS_MAX, FLOAT_FORMATS
from golden.kernels.kernel import Axis, Kernel, Operand, Role, Shaped, choice, extent, kernel, random_bf16, random_f32, rounding
from golden.kernels.mode import biases, mode_line, mode_operand, take_mode
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import Stage, streamed
from golden.numerics import compare, convert

COLUMNS = 32  # what one narrowing gives


@kernel("relu-backward")
class ReluBackward(Kernel):
    """dX = dY where X > 0, else +0 (X of 0, -0 or NaN too)."""

    m: int = extent(32, "rows", MAX_ROWS)
    n: int = extent(32, "columns", MAX_COLUMNS)
    x: str = choice("format of X", "BF16", "CFloat8_1_4_3")
    out: str = choice("format of dX", "BF16", "CFloat8_1_5_2")
    bias_x: int = extent(7, "exponent bias of X in CFloat8; its numbers are above 0 whatever it is", BIAS_MAX, 0)
    bias: int = extent(15, "exponent bias of dX in the example; else the line of mode has it", BIAS_MAX, 0)

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        dy, x, dx = (operands[name] for name in ("dy", "x", "dx"))
        return cls(**{"m": dy.rows, "n": dy.columns, "x": x.format, "out": dx.format, **given})

    @property
    def narrows(self) -> bool:
        """dX is of eight-bit numbers."""
        return FLOAT_FORMATS[self.out].has_bias

    def operands(self) -> tuple[Operand, ...]:
        return (
            Operand("dy", self.m, self.n, "FP32"),
            Operand("x", self.m, self.n, self.x, bias=self.bias_x if FLOAT_FORMATS[self.x].has_bias else None),
            Operand("dx", self.m, self.n, self.out, Role.OUT, bias=self.bias if self.narrows else None),
            *((mode_operand(),) if self.narrows else ()),
        )

    def axes(self) -> tuple[Axis, ...]:
        return (Axis("m", {"dy": 0, "x": 0, "dx": 0}),)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        x = random_bf16(rng, self.m, self.n)
        x[rng.random(x.shape) < 0.25] = 0
        if self.x != "BF16":
            x = convert.narrow(FLOAT_FORMATS[self.x], convert.bf16_to_f32(x), self.bias_x)
        return {"dy": random_f32(rng, self.m, self.n), "x": x} | ({"mode": mode_line(result=self.bias)} if self.narrows else {})

    def reference(self, dy: NDArray[np.uint32], x: NDArray, mode: NDArray[np.uint32] | None = None) -> dict[str, NDArray]:
        source, out = FLOAT_FORMATS[self.x], FLOAT_FORMATS[self.out]
        positive = compare.lt(np.uint32(0), convert.widen(source, x, 0 if source.has_bias else None))
        return {"dx": convert.narrow(out, np.where(positive, dy, np.uint32(0)), None if mode is None else biases(mode)["result"])}

    def exact(self, dy, x, mode=None):
        """dY is rounded once."""
        dx = np.where(x > 0, dy, 0)
        return {"dx": (dx, rounding(dx, self.out, self.bias if self.narrows else None))}

    def text(self, label: str) -> str:
        lines = [f"{label}:", "        setd d0, x1, x2", "        setd d1, x3, x4", "        setd d2, x5, x6", "        vxor v31, v31, v31"]
        lines += [f"        {line}" for line in _LIMIT] if self._alike == 16 else []
        lines += take_mode(7) if self.narrows else []
        panels = -(-self.n // COLUMNS)
        for panel in range(panels):
            lines += self._streamed(f"{label}_{panel}")
            if panel + 1 < panels:
                lines += [f"        dstep d{d}, outer" for d in range(3)]
        return "\n".join([*lines, "        jr x31"]) + "\n"

    def views(self, dy: Matrix, x: Matrix, dx: Matrix, mode: Matrix | None = None) -> tuple[Descriptor, ...]:
        wide, *narrow = (matrix.descriptor(**steps("y", 1, "x", COLUMNS * matrix.dtype.itemsize // 8)) for matrix in (dy, x, dx))
        return wide, *narrow, *([] if mode is None else [mode.descriptor()])

    @property
    def _alike(self) -> int:
        """Bits of an element of X and of dX, 0 when they differ."""
        x, out = FLOAT_FORMATS[self.x].bits, FLOAT_FORMATS[self.out].bits
        return x if x == out else 0

    def _streamed(self, label: str) -> list[str]:
        """A panel of columns. Where X and dX are of one size, dY is narrowed first and the mask is one of X's codes as integers: of codes
        from 1 to that of Inf in BF16, which has NaN above it, of positive ones in CFloat8, which has none."""
        source, out = FLOAT_FORMATS[self.x].short, f"vnarrow.{FLOAT_FORMATS[self.out].short}"
        if not self._alike:
            # v(4i), v(4i+1) dY, then v(4i) dX; v(4i+2) X, then a mask; v(4i+3) the other mask
            stages = (
                Stage(0, lambda i: [f"vld.c v{4 * i + 1}, d0[0,1]", f"vld.c v{4 * i}, d0, inner", f"vld.c v{4 * i + 2}, d1, inner"]),
                Stage(1, lambda i: [f"vwiden.{source} v{4 * i + 3}, v{4 * i + 2}, 0", f"vwiden.{source} v{4 * i + 2}, v{4 * i + 2}, 1"]),
                Stage(2, lambda i: [f"vflt v{4 * i + 3}, v31, v{4 * i + 3}", f"vflt v{4 * i + 2}, v31, v{4 * i + 2}"]),
                Stage(3, lambda i: [f"vand v{4 * i}, v{4 * i}, v{4 * i + 3}", f"vand v{4 * i + 1}, v{4 * i + 1}, v{4 * i + 2}"]),
                Stage(4, lambda i: [f"{out} v{4 * i}, v{4 * i}, v{4 * i + 1}"]),
                Stage(5, lambda i: [f"vst.c v{4 * i}, d2, inner"]),
            )
            return streamed(label, self.m, 7, stages)
        # v(3i), v(3i+1) dY, then v(3i) dX; v(3i+2) X, then the mask
        if self._alike == 16:
            below = Stage(1, lambda i: [f"viadd16 v{3 * i + 2}, v{3 * i + 2}, v30"])
            mask = [below, Stage(3, lambda i: [f"viltu16 v{3 * i + 2}, v{3 * i + 2}, v31"])]
        else:
            mask = [Stage(1, lambda i: [f"vilt8 v{3 * i + 2}, v31, v{3 * i + 2}"])]
        stages = (
            Stage(0, lambda i: [f"vld.c v{3 * i + 1}, d0[0,1]", f"vld.c v{3 * i}, d0, inner", f"vld.c v{3 * i + 2}, d1, inner"]),
            *mask,
            Stage(1, lambda i: [f"{out} v{3 * i}, v{3 * i}, v{3 * i + 1}"]),
            Stage(5, lambda i: [f"vand v{3 * i}, v{3 * i}, v{3 * i + 2}"]),
            Stage(7, lambda i: [f"vst.c v{3 * i}, d2, inner"]),
        )
        return streamed(label, self.m, 10, stages)


_LIMIT = ("vieq v30, v31, v31", "vishl16 v31, v30, 8", "vishr16 v31, v31, 1")
"""v30: -1 in every 16-bit element; v31: 0x7F80. A code of BF16 less 1 is below that when it is of a positive number or Inf."""
