"""C = A B (+ bias) on the matrix unit, A and B plain or transposed, any shape.

C is cut into 8x8 tiles and walked in blocks of 2x2 tiles, row of blocks by row of blocks; k advances by 4 a step, in ascending order,
in one accumulator per tile. A block's four tiles need two loads of A and two of B per step of k: one load a step of the matrix unit.
Consecutive blocks use the two halves of the registers in turn, so that one drains while the next one multiplies. Ragged edges are
the descriptors' extents.

Program text is made for one shape. Descriptors: d0 A (inner step: k; outer: down a block), d1 B (inner: k; outer: right a block), d2 C
(inner: right a block; outer: down a block), d3 bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.formats import BF16, FP32
from golden.asm import assemble
from golden.kernels.job import Job, Launch, random_bf16, register
from golden.kernels.placement import Allocator, Matrix, steps
from golden.kernels.stream import loop
from golden.numerics import matrix

UNROLL = 4  # steps of k per pass of the inner loop: one register group each
MAX_THREADS = 4


@dataclass(frozen=True)
class GemmShape:
    """What program text depends on. m x n x k in elements; C's format; whether C starts from a bias row and ends in a ReLU."""

    m: int
    n: int
    k: int
    transpose_a: bool = False
    transpose_b: bool = False
    out: str = "BF16"
    bias: bool = False
    relu: bool = False

    def __post_init__(self) -> None:
        for name in ("m", "n", "k"):
            if getattr(self, name) < 1:
                raise ValueError(f"gemm: {name} is {getattr(self, name)}, a shape has at least 1")
        if self.out not in ("BF16", "FP32"):
            raise ValueError(f"gemm: C in {self.out} does not exist, only BF16 and FP32")


def reference(shape: GemmShape, a: NDArray[np.uint16], b: NDArray[np.uint16], bias: NDArray[np.uint32] | None = None) -> NDArray:
    """C's bit patterns from operands as they are stored (a transposed operand is k x m, or n x k)."""
    left = a.T if shape.transpose_a else a
    right = b.T if shape.transpose_b else b
    start = matrix.load_f32(np.broadcast_to(bias, (shape.m, shape.n))) if shape.bias else None
    return matrix.drain(matrix.gemm_acc(left, right, start), BF16 if shape.out == "BF16" else FP32, relu=shape.relu)


# --- program -----------------------------------------------------------------------------------------------------------------


def text(shape: GemmShape, label: str) -> str:
    """The subroutine ``label``: x1..x6 hold the images of A, B, C (low, high), with a bias x7, x8 its; x30 is used; returns through x31."""
    lines = [f"{label}:"]
    lines += [f"        setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(4 if shape.bias else 3)]
    writer = _Writer(shape, label, lines)
    tile_rows, tile_columns = -(-shape.m // 8), -(-shape.n // 8)
    writer.repeat(tile_rows // 2, lambda: writer.row(2, tile_columns, last=tile_rows == 2))
    if tile_rows % 2:
        writer.row(1, tile_columns, last=True)
    lines.append("        jr x31")
    return "\n".join(lines) + "\n"


class _Writer:
    """Writes blocks as text; counts labels."""

    def __init__(self, shape: GemmShape, label: str, lines: list[str]) -> None:
        self.shape, self.label, self.lines, self.count = shape, label, lines, 0
        self.load_a = "vld.g16" if shape.transpose_a else "vld.g8"
        self.load_b = "vld.g8" if shape.transpose_b else "vld.g16"
        self.second_a = "[0,1]" if shape.transpose_a else "[1,0]"
        self.second_b = "[1,0]" if shape.transpose_b else "[0,1]"
        self.flags = (", at" if shape.transpose_a else "") + (", bt" if shape.transpose_b else "")

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
            if self.shape.bias:
                self.say("setd d3, x7, x8")

    def block(self, half: int, rows: int, columns: int) -> None:
        """A block of rows x columns tiles with one half of the registers."""
        k_steps = -(-self.shape.k // 4)
        passes, rest = divmod(k_steps - 1, UNROLL)
        if self.shape.bias:
            bias = 16 * half + 15
            self.say(f"vld.c v{bias}, d3, inner")
            for i in range(rows):
                for j in range(columns):
                    self.say(f"cld.row c{4 * half + 2 * i + j}, v{bias}, {j}")
        self.body(half, 0, rows, columns, first=not self.shape.bias)

        def unrolled() -> None:
            for group in (1, 2, 3, 0):
                self.body(half, group, rows, columns)

        self.repeat(passes, unrolled)
        for group in range(1, rest + 1):
            self.body(half, group, rows, columns)
        drain = f"drain.{'bf16' if self.shape.out == 'BF16' else 'f32'}"
        relu = ", relu" if self.shape.relu else ""
        for i in reversed(range(rows)):
            for j in reversed(range(columns)):
                step = ", inner" if i == j == 0 else ""
                self.say(f"{drain} c{4 * half + 2 * i + j}, d2[{i},{j}]{step}{relu}")
        self.say("dstep d0, restart")
        self.say("dstep d1, outer")

    def body(self, half: int, group: int, rows: int, columns: int, first: bool = False) -> None:
        """One step of k for every tile of the block: the second tiles' loads first, the stepping loads last."""
        v = 16 * half + 4 * group
        if rows == 2:
            self.say(f"{self.load_a} v{v + 1}, d0{self.second_a}")
        if columns == 2:
            self.say(f"{self.load_b} v{v + 3}, d1{self.second_b}")
        self.say(f"{self.load_a} v{v}, d0, inner")
        self.say(f"{self.load_b} v{v + 2}, d1, inner")
        for i in reversed(range(rows)):
            for j in reversed(range(columns)):
                flag = ", first" if first else ""
                self.say(f"step.bf16 c{4 * half + 2 * i + j}, v{v + i}, v{v + 2 + j}{flag}{self.flags}")


def arguments(shape: GemmShape, a: Matrix, b: Matrix, c: Matrix, bias: Matrix | None = None, row: int = 0) -> tuple[int, ...]:
    """x1..x8 for the subroutine; ``row``: the first row of C (and of A) that it computes, a multiple of 8."""
    k_steps_a = ("y", 4, "x", 4) if shape.transpose_a else ("x", 1, "y", 16)
    k_steps_b = ("x", 1, "y", 16) if shape.transpose_b else ("y", 4, "x", 4)
    right = 4 if shape.out == "BF16" else 8
    first = {"column": row} if shape.transpose_a else {"row": row}
    images = [
        a.descriptor(**steps(*k_steps_a), **first),
        b.descriptor(**steps(*k_steps_b)),
        c.descriptor(**steps("x", right, "y", 16), row=row),
    ]
    if bias is not None:
        images.append(bias.descriptor(**steps("x", 8, "y", 1)))
    return tuple(half for image in images for half in image.pack())


# --- job ---------------------------------------------------------------------------------------------------------------------


def panels(m: int, threads: int) -> list[tuple[int, int]]:
    """(first row, rows) for each thread: whole blocks of 16 rows, as even as they come; no thread without work."""
    blocks = -(-m // 16)
    threads = min(threads, blocks)
    bounds = [16 * (blocks * t // threads) for t in range(threads)] + [m]
    return [(bounds[t], min(bounds[t + 1], m) - bounds[t]) for t in range(threads)]


@register("gemm", "C = A B in BF16 on the matrix unit", "m", "n", "k", "transpose_a", "transpose_b", "threads", "format", "out")
def build(
    config: NodeConfig,
    rng: np.random.Generator,
    m: int = 64,
    n: int = 64,
    k: int = 64,
    transpose_a: bool = False,
    transpose_b: bool = False,
    threads: int | None = None,
    format: str = "bf16",
    out: str = "BF16",
    bias: bool = False,
    relu: bool = False,
) -> Job:
    """A GEMM on random data."""
    if format != "bf16":
        raise ValueError(f"gemm: format {format} is not in this machine, only bf16")
    threads = 1 if threads is None else threads
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError(f"gemm: {threads} threads, a node has 1 to {MAX_THREADS}")
    whole = GemmShape(m, n, k, transpose_a, transpose_b, out, bias, relu)
    parts = panels(m, threads)
    sources, entries = [], {}
    for _, rows in parts:
        if rows not in entries:
            entries[rows] = f"gemm{rows}"
            part = GemmShape(rows, n, k, transpose_a, transpose_b, out, bias, relu)
            sources.append(f"start_{rows}: call x31, gemm{rows}\n        halt\n" + text(part, f"gemm{rows}"))
    program = assemble("\n".join(sources), source="gemm")

    space = Allocator(config, program.end)
    a = space.matrix("A", *((k, m) if transpose_a else (m, k)), "BF16")
    b = space.matrix("B", *((n, k) if transpose_b else (k, n)), "BF16")
    c = space.matrix("C", m, n, out)
    a_bits, b_bits = random_bf16(rng, (a.rows, a.columns)), random_bf16(rng, (b.rows, b.columns))
    inputs = [(a.address, a.pack(a_bits)), (b.address, b.pack(b_bits))]
    bias_matrix = bias_bits = None
    if bias:
        bias_matrix = space.matrix("bias", 1, n, "FP32")
        bias_bits = rng.standard_normal(n).astype(np.float32).view(np.uint32)
        inputs.append((bias_matrix.address, bias_matrix.pack(bias_bits[None])))
    launches = [
        Launch(
            t, program.labels[f"start_{rows}"], arguments(GemmShape(rows, n, k, transpose_a, transpose_b, out), a, b, c, bias_matrix, row)
        )
        for t, (row, rows) in enumerate(parts)
    ]
    expected = {"C": reference(whole, a_bits, b_bits, bias_bits)}
    return Job(program, inputs, launches, {"C": c}, expected, m * n * k, {"shape": f"{m}x{n}x{k}", "transpose": transpose_name(whole)})


def transpose_name(shape: GemmShape) -> str:
    """``nn``, ``tn``, ``nt`` or ``tt``: storage of A and B."""
    return "nt"[shape.transpose_a] + "nt"[shape.transpose_b]
