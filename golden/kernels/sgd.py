"""Stochastic gradient descent: W = W - rate dW in FP32 (one rounding), and the copy that the matrix unit reads.

A BF16 copy is rounded to nearest even, a CFloat8 one stochastically. The three arrays are walked as they lie, padding included, as rows of
32 elements: the copy's pitch is a half or a quarter of that of the masters, and the random word of an element is that of its place in this
order. d0 W, d1 dW, d2 the copy, d3 a line whose first element is the rate, d4 W again, d5 the line of mode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import BIAS_MAX, FLOAT_FORMATS
from golden.kernels.kernel import Axis, Kernel, Operand, Role, Shaped, choice, extent, kernel, line, number, random_f32, rounding
from golden.kernels.mode import biases, mode_line, mode_operand, random_key, take_mode
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import Stage, streamed
from golden.numerics import convert, fma
from golden.numerics.random import element_words

PASS = 32  # elements: two vectors of FP32, one of BF16
SETS = 7
_SIGN = np.uint32(1 << 31)


@kernel("sgd")
class Sgd(Kernel):
    """W = W - rate dW in FP32, and a copy in BF16 or, rounded stochastically, in CFloat8."""

    m: int = extent(65, "rows", MAX_ROWS)
    n: int = extent(32, "columns", MAX_COLUMNS)
    rate: float = number(0.3, "learning rate", 0.0, 3e38)
    out: str = choice("format of the copy", "BF16", "CFloat8_1_4_3", "CFloat8_1_5_2")
    bias: int = extent(7, "exponent bias of the copy in the example; else the line of mode has it", BIAS_MAX, 0)

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        w, copy = operands["w"], operands["copy"]
        return cls(**{"m": w.rows, "n": w.columns, "out": copy.format, **given})

    def operands(self) -> tuple[Operand, ...]:
        """Pitches in the ratio of the elements' sizes, and room for whole passes."""
        shape, elements, passes = (self.m, self.n), self.elements, self.passes
        size = FLOAT_FORMATS[self.out].bytes
        copy = Operand("copy", *shape, self.out, Role.OUT, pitch=size * elements, size=size * PASS * passes, bias=self._bias)
        return (
            Operand("w", *shape, "FP32", Role.UPDATE, pitch=4 * elements, size=4 * PASS * passes),
            Operand("dw", *shape, "FP32", pitch=4 * elements, size=4 * PASS * passes),
            copy,
            Operand("rate", 1, 16, "FP32", Role.CONSTANT, value=line(self.rate)),
            *((mode_operand(),) if self.narrows else ()),
        )

    @property
    def narrows(self) -> bool:
        """The copy is of eight-bit numbers."""
        return FLOAT_FORMATS[self.out].has_bias

    @property
    def _bias(self) -> int | None:
        return self.bias if self.narrows else None

    @property
    def elements(self) -> int:
        """Elements from row to row, as they lie."""
        per_line = 16 // FLOAT_FORMATS[self.out].bytes
        return -(-self.n // per_line) * per_line

    @property
    def passes(self) -> int:
        """Passes over the arrays as they lie."""
        return -(-self.m * self.elements // PASS)

    def axes(self) -> tuple[Axis, ...]:
        """Rows that fill whole passes; random words follow from the place in the whole, so what is rounded with them stays one."""
        if self.narrows:
            return ()
        return (Axis("m", {"w": 0, "dw": 0, "copy": 0}, PASS // math.gcd(PASS, self.elements)),)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        values = {"w": random_f32(rng, self.m, self.n), "dw": random_f32(rng, self.m, self.n)}
        key = {"seed": int(rng.integers(1 << 63)), "counter": int(rng.integers(1 << 31)) << 32}
        return values | ({"mode": mode_line(result=self.bias, **key)} if self.narrows else {})

    def reference(self, w: NDArray, dw: NDArray, rate: NDArray, mode: NDArray | None = None) -> dict[str, NDArray]:
        new = fma.fma32(np.full_like(dw, rate[0, 0] ^ _SIGN), dw, w)
        if mode is None:
            return {"w": new, "copy": convert.f32_to_bf16(new)}
        return {"w": new, "copy": stochastic_copy(new, self.out, self.elements, mode)}

    def exact(self, w, dw, rate, mode=None):
        """W is rounded once, the copy once more, stochastically by up to a whole unit."""
        with np.errstate(invalid="ignore", over="ignore"):
            new = w - rate[0, 0] * dw
            once = rounding(new, "FP32")
            last = rounding(np.abs(new) + once, self.out, self._bias) * (2 if self.narrows else 1)
            return {"w": (new, once), "copy": (new, once + last)}

    def text(self, label: str) -> str:
        lines = [f"{label}:"] + [f"        setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(4)]
        lines += ["        setd d4, x1, x2"]
        if self.narrows:
            lines += ["        setd d5, x9, x10", *take_mode(9, seed=True), "        vld.c v30, d5", *_TWO]
        lines += ["        vld.c v31, d3", "        vsplat v31, v31, 0"]
        lines += streamed(label, self.passes, SETS, self._stages())
        return "\n".join([*lines, "        jr x31"]) + "\n"

    def views(self, w: Matrix, dw: Matrix, copy: Matrix, rate: Matrix, mode: Matrix | None = None) -> tuple[Descriptor, ...]:
        ratio = 4 // copy.dtype.itemsize
        if not w.pitch == dw.pitch == ratio * copy.pitch:
            raise ValueError(f"sgd: pitches {w.pitch}, {dw.pitch}, {copy.pitch} B of W, dW and the copy are not {ratio} : {ratio} : 1")
        down = steps("y", 1, "y", 1)
        views = *(self._folded(matrix).descriptor(**down) for matrix in (w, dw, copy)), rate.descriptor()
        return views if mode is None else (*views, mode.descriptor())

    def _folded(self, matrix: Matrix) -> Matrix:
        """The matrix as rows of ``PASS`` elements, its padding among them."""
        return Matrix(matrix.name, matrix.address, self.passes, PASS, matrix.format, matrix.dtype.itemsize * PASS)

    def _stages(self) -> tuple[Stage, ...]:
        """A set is v(4i), v(4i+1) W; v(4i+2), v(4i+3) dW, then v(4i+2) the copy. d4 follows d0 with the stores."""
        return (
            Stage(3, lambda i: [f"vst.c v{4 * i}, d4", f"vst.c v{4 * i + 1}, d4[0,1], inner"]),
            Stage(5, lambda i: [f"vst.c v{4 * i + 2}, d2, inner"]),
            Stage(0, lambda i: [f"vld.c v{4 * i}, d0", f"vld.c v{4 * i + 1}, d0[0,1], inner"]),
            Stage(0, lambda i: [f"vld.c v{4 * i + 2}, d1", f"vld.c v{4 * i + 3}, d1[0,1], inner"]),
            Stage(2, lambda i: [f"vfnma v{4 * i + j}, v31, v{4 * i + 2 + j}, v{4 * i + j}" for j in (0, 1)]),
            Stage(4, lambda i: self._narrowed(4 * i)),
        )

    def _narrowed(self, v: int) -> list[str]:
        short = FLOAT_FORMATS[self.out].short
        if not self.narrows:
            return [f"vnarrow.{short} v{v + 2}, v{v}, v{v + 1}"]
        return [f"vnarrow.{short}.sr v{v + 2}, v{v}, v{v + 1}, v30", "viadd32 v30, v30, v29"]


_TWO = [
    f"        {line}"
    for line in ("vxor v28, v28, v28", "vieq v29, v28, v28", "vishr v29, v29, 31", "vishl v29, v29, 1", "vzip32.lo v29, v29, v28")
]
"""v29: 2 in the low word of every counter that a vector holds; a pass narrows 32 elements, two counters."""


def stochastic_copy(values: NDArray[np.uint32], out: str, elements: int, mode: NDArray[np.uint32]) -> NDArray:
    """What a copy with so many elements from row to row becomes. Only the low 32 bits of the counter count up."""
    rows, columns = values.shape
    seed, counter = random_key(mode)
    random = element_words(seed, counter, elements * np.arange(rows)[:, None] + np.arange(columns))
    return convert.narrow(FLOAT_FORMATS[out], values, biases(mode)["result"], random)
