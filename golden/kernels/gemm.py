"""C = A B (+ bias) on the matrix unit, A and B plain or transposed, any shape.

C is cut into 8x8 tiles and walked in blocks of 2x2 tiles, row of blocks by row of blocks; k advances by 4 a step, in ascending order,
in one accumulator per tile. A block's four tiles need two loads of A and two of B per step of k: one load a step of the matrix unit.
Eight-bit operands bring two steps of k with a load. Biases are those of the parameters, or stand in a line of memory (golden.kernels.mode).
Consecutive blocks use the two halves of the registers in turn, so that one drains while the next one multiplies. Ragged edges are
the descriptors' extents.

Descriptors: d0 A (inner step: k; outer: down a block), d1 B (inner: k; outer: right a block), d2 C
(inner: right a block; outer: down a block), d3 bias. The line of biases comes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import BIAS_MAX, FLOAT_FORMATS
from golden.arch.memmap import FP_MODE, Csr
from golden.kernels.kernel import Axis, Kernel, Operand, Part, Role, Shaped, choice, extent, flag, kernel, random_bf16, random_f32, rounding
from golden.kernels.mode import biases, mode_line, mode_operand, take_mode
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps
from golden.kernels.stream import loop
from golden.numerics import convert, matrix

HALF = 16  # vector registers of a block: a group for the tiles of a load, as many groups as there is room for
BLOCK = 16  # rows and columns of C: 2x2 tiles


@kernel("gemm")
class Gemm(Kernel):
    """C = A B (+ bias), ReLU on request, on the matrix unit."""

    m: int = extent(64, "rows of C", MAX_ROWS)
    n: int = extent(64, "columns of C", MAX_COLUMNS)
    k: int = extent(64, "terms of a sum", MAX_COLUMNS)
    transpose_a: bool = flag("A is stored transposed (k x m)")
    transpose_b: bool = flag("B is stored transposed (n x k)")
    format: str = choice("number format of A and B", "bf16", "cfloat8")
    out: str = choice("format of C", "BF16", "FP32", "CFloat8_1_4_3", "CFloat8_1_5_2")
    bias: bool = flag("C starts from a row of biases")
    relu: bool = flag("C ends in a ReLU")
    format_a: str = choice("of A in cfloat8: exponent and mantissa bits", "1_4_3", "1_5_2")
    format_b: str = choice("of B in cfloat8: exponent and mantissa bits", "1_4_3", "1_5_2")
    bias_a: int = extent(7, "exponent bias of A in cfloat8", BIAS_MAX, 0)
    bias_b: int = extent(7, "exponent bias of B in cfloat8", BIAS_MAX, 0)
    bias_c: int = extent(7, "exponent bias of C in CFloat8", BIAS_MAX, 0)
    mode: bool = flag("the biases come from memory")

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        a, c = operands["a"], operands["c"]
        k = a.rows if given.get("transpose_a") else a.columns
        shape = {"m": c.rows, "n": c.columns, "k": k, "out": c.format, "bias": "bias" in operands, "mode": "mode" in operands}
        short = FLOAT_FORMATS[a.format].bits == 8
        formats = {f"format_{name}": operands[name].format.removeprefix("CFloat8_") for name in "ab"} if short else {}
        return cls(**{**shape, **formats, "format": "cfloat8" if short else "bf16", **given})

    @property
    def macs(self) -> int:
        return self.m * self.n * self.k

    def operands(self) -> tuple[Operand, ...]:
        a = (self.k, self.m) if self.transpose_a else (self.m, self.k)
        b = (self.n, self.k) if self.transpose_b else (self.k, self.n)
        bias = (Operand("bias", 1, self.n, "FP32"),) if self.bias else ()
        factors = (self._factor("a", *a, self.format_a, self.bias_a), self._factor("b", *b, self.format_b, self.bias_b))
        c = Operand("c", self.m, self.n, self.out, Role.OUT, bias=self.bias_c if self.narrows else None)
        return *factors, c, *bias, *((mode_operand(),) if self.mode else ())

    def _factor(self, name: str, rows: int, columns: int, format: str, bias: int) -> Operand:
        return Operand(name, rows, columns, f"CFloat8_{format}", bias=bias) if self.short else Operand(name, rows, columns, "BF16")

    @property
    def short(self) -> bool:
        """A and B are eight-bit numbers."""
        return self.format == "cfloat8"

    @property
    def narrows(self) -> bool:
        """C is of eight-bit numbers."""
        return FLOAT_FORMATS[self.out].has_bias

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        factors = self.operands()[:2]
        values: dict[str, NDArray] = {operand.name: random_bf16(rng, operand.rows, operand.columns) for operand in factors}
        if self.short:
            values = {
                operand.name: convert.narrow(FLOAT_FORMATS[operand.format], convert.bf16_to_f32(values[operand.name]), operand.bias)
                for operand in factors
            }
        values |= {"bias": random_f32(rng, 1, self.n)} if self.bias else {}
        return values | ({"mode": mode_line(self.bias_a, self.bias_b, self.bias_c)} if self.mode else {})

    def reference(self, a: NDArray, b: NDArray, bias: NDArray | None = None, mode: NDArray | None = None) -> dict[str, NDArray]:
        """Terms are added in ascending order of k, four a step, into one accumulator that starts from +0 or the bias."""
        chosen = {"a": self.bias_a, "b": self.bias_b, "result": self.bias_c} if mode is None else biases(mode)
        factors = zip((a, b), self.operands(), "ab", strict=False)
        a, b = (
            convert.widen_bf16(FLOAT_FORMATS[operand.format], bits, chosen[name] if self.short else None) for bits, operand, name in factors
        )
        left, right = (a.T if self.transpose_a else a), (b.T if self.transpose_b else b)
        start = None if bias is None else matrix.load_f32(np.broadcast_to(bias, (self.m, self.n)))
        result = chosen["result"] if self.narrows else None
        return {"c": matrix.drain(matrix.gemm_acc(left, right, start), FLOAT_FORMATS[self.out], result, relu=self.relu)}

    def exact(self, a, b, bias=None, mode=None):
        """docs/numerics.md 7.9: (2 n + g) Q, with n = k / 4 steps, g <= n, and Q at most 2^-30 of the largest product or 2^-39 of the
        bias, a subnormal factor counted as the smallest normal number; then the result is rounded.
        """
        left, right = (a.T if self.transpose_a else a), (b.T if self.transpose_b else b)
        with np.errstate(invalid="ignore", over="ignore"):
            exact = left @ right + (0 if bias is None else bias)
            exact = np.where((exact < 0) & self.relu, 0, exact)
            largest = _largest(left) * _largest(right)
            quantum = np.maximum(2.0**-30 * largest, 2.0**-39 * (0 if bias is None else _largest(bias)))
            last = rounding(np.abs(exact) + quantum, self.out, self.bias_c if self.narrows else None)
            return {"c": (exact, 3 * -(-self.k // 4) * quantum * (1 + 2.0**-8) + last)}

    def text(self, label: str) -> str:
        """x1..x6 hold the images of A, B, C, then come those of a bias and of the line of biases; x30 is used."""
        lines = [f"{label}:"]
        lines += [f"        setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(4 if self.bias else 3)]
        if self.mode:
            lines += take_mode(9 if self.bias else 7)
        elif self.short or self.narrows:
            mode = FP_MODE.pack({"a": self.bias_a, "b": self.bias_b, "result": self.bias_c if self.narrows else 0})
            lines += [f"        li64 x30, {mode}", f"        csrw x30, {int(Csr.FP_MODE)}"]
        writer = _Writer(self, label, lines)
        tile_rows, tile_columns = -(-self.m // 8), -(-self.n // 8)
        writer.repeat(tile_rows // 2, lambda: writer.row(2, tile_columns, last=tile_rows == 2))
        if tile_rows % 2:
            writer.row(1, tile_columns, last=True)
        lines.append("        jr x31")
        return "\n".join(lines) + "\n"

    def views(self, a: Matrix, b: Matrix, c: Matrix, bias: Matrix | None = None, mode: Matrix | None = None) -> tuple[Descriptor, ...]:
        # A load's terms along a row are 8 bytes, along a column so many rows; two tiles along a row so many times 8 bytes.
        terms, tiles = (8, 2) if self.short else (4, 4)
        along, across = ("x", 1, "y", 16), ("y", terms, "x", tiles)
        k_steps_a = across if self.transpose_a else along
        k_steps_b = along if self.transpose_b else across
        right = 2 * c.dtype.itemsize
        views = [a.descriptor(**steps(*k_steps_a)), b.descriptor(**steps(*k_steps_b)), c.descriptor(**steps("x", right, "y", 16))]
        views += [] if bias is None else [bias.descriptor(**steps("x", 8, "y", 1))]
        return *views, *([] if mode is None else [mode.descriptor()])

    def chosen(self) -> tuple[Part, ...]:
        from golden.kernels.gemm_plan import plan  # which knows this class and the links made of it

        return plan(self).parts

    def axes(self) -> tuple[Axis, ...]:
        """Panels of rows of C, or of columns, of whole blocks."""
        columns = {"b": 0 if self.transpose_b else 1, "c": 1, **({"bias": 1} if self.bias else {})}
        return Axis("m", {"a": 1 if self.transpose_a else 0, "c": 0}, BLOCK), Axis("n", columns, BLOCK)


def _largest(values: NDArray[np.float64]) -> float:
    """The largest finite magnitude, and not less than the smallest normal number."""
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=2.0**-126))


# --- text ----------------------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes blocks as text; counts labels."""

    def __init__(self, gemm: Gemm, label: str, lines: list[str]) -> None:
        self.gemm, self.label, self.lines, self.count = gemm, label, lines, 0
        across = "vld.g8" if gemm.short else "vld.g16"
        self.load_a = across if gemm.transpose_a else "vld.g8"
        self.load_b = "vld.g8" if gemm.transpose_b else across
        # A load's halves: flags of the steps that take them.
        self.halves = ("", ", ah, bh") if gemm.short else ("",)
        self.step = f"step.{gemm.format_a}.{gemm.format_b}".replace("_", "") if gemm.short else "step.bf16"
        self.second_a = "[0,1]" if gemm.transpose_a else "[1,0]"
        self.second_b = "[1,0]" if gemm.transpose_b else "[0,1]"
        self.flags = (", at" if gemm.transpose_a else "") + (", bt" if gemm.transpose_b else "")

    def say(self, line: str) -> None:
        self.lines.append(f"        {line}")

    def repeat(self, times: int, inside) -> None:
        """``inside`` written once, run ``times`` times."""
        if times > 1:
            self.count += 1
            end = f"{self.label}_{self.count}"
            self.lines += loop(end, times)
            inside()
            self.lines.append(f"{end}:")
        elif times == 1:
            inside()

    def row(self, rows: int, tile_columns: int, last: bool) -> None:
        """One row of blocks, then on to the next."""
        full = tile_columns // 2

        def pair() -> None:
            self.block(0, rows, 2)
            self.block(1, rows, 2)

        self.repeat(full // 2, pair)
        if full % 2:
            self.block(0, rows, 2)
        if tile_columns % 2:
            self.block(full % 2, rows, 1)
        if not last:
            self.say("dstep d0, outer")
            self.say("setd d1, x3, x4")
            self.say("dstep d2, outer")
            if self.gemm.bias:
                self.say("setd d3, x7, x8")

    def block(self, half: int, rows: int, columns: int) -> None:
        """A block of rows x columns tiles with one half of the registers."""
        loads = -(-self.gemm.k // (4 * len(self.halves)))
        # The last load may bring fewer steps, which a pass of the loop does not know.
        last = -(-self.gemm.k // 4) - len(self.halves) * (loads - 1)
        short = last < len(self.halves)
        unroll = HALF // (rows + columns)
        passes, rest = divmod(max(loads - 1 - short, 0), unroll)
        if self.gemm.bias:
            bias = 16 * half + 15
            self.say(f"vld.c v{bias}, d3, inner")
            for i in range(rows):
                for j in range(columns):
                    self.say(f"cld.row c{4 * half + 2 * i + j}, v{bias}, {j}")
        self.body(half, 0, rows, columns, last if loads == 1 else len(self.halves), first=not self.gemm.bias)

        def unrolled() -> None:
            for group in range(1, unroll + 1):
                self.body(half, group % unroll, rows, columns, len(self.halves))

        self.repeat(passes, unrolled)
        groups = rest + (short and loads > 1)
        for group in range(1, groups + 1):
            self.body(half, group % unroll, rows, columns, last if group == groups else len(self.halves))
        drain = f"drain.{FLOAT_FORMATS[self.gemm.out].short}"
        relu = ", relu" if self.gemm.relu else ""
        for i in reversed(range(rows)):
            for j in reversed(range(columns)):
                step = ", inner" if i == j == 0 else ""
                self.say(f"{drain} c{4 * half + 2 * i + j}, d2[{i},{j}]{step}{relu}")
        self.say("dstep d0, restart")
        self.say("dstep d1, outer")

    def body(self, half: int, group: int, rows: int, columns: int, steps: int, first: bool = False) -> None:
        """A load's steps of k for every tile of the block: the second tiles' loads first, the stepping loads last."""
        a = HALF * half + (rows + columns) * group
        b = a + rows
        if rows == 2:
            self.say(f"{self.load_a} v{a + 1}, d0{self.second_a}")
        if columns == 2:
            self.say(f"{self.load_b} v{b + 1}, d1{self.second_b}")
        self.say(f"{self.load_a} v{a}, d0, inner")
        self.say(f"{self.load_b} v{b}, d1, inner")
        for k, flags in enumerate(self.halves[:steps]):
            for i in reversed(range(rows)):
                for j in reversed(range(columns)):
                    flag = ", first" if first and k == 0 else ""
                    self.say(f"{self.step} c{4 * half + 2 * i + j}, v{a + i}, v{b + j}{flag}{self.flags}{flags}")
