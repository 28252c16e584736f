"""Stochastic gradient descent: W = W - rate dW in FP32 (one rounding), and the BF16 copy that the matrix unit reads.

The three arrays are walked as they lie, padding included, as rows of 32 elements: the copy's pitch is half that of the masters. d0 W,
d1 dW, d2 the copy, d3 a line whose first element is the rate, d4 W again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.asm import assemble
from golden.kernels.job import Job, Launch, register
from golden.kernels.placement import Allocator, Matrix, steps
from golden.kernels.stream import unrolled
from golden.numerics import convert, fma

PASS = 32  # elements: two vectors of FP32, one of BF16
UNROLL = 4


def reference(w: NDArray[np.uint32], dw: NDArray[np.uint32], rate: np.uint32) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """New masters and their BF16 copies, as bit patterns."""
    new = fma.fma32(np.full_like(dw, rate ^ np.uint32(1 << 31)), dw, w)
    return new, convert.f32_to_bf16(new)


def text(elements: int, label: str) -> str:
    """The subroutine ``label`` for ``elements`` (rounded up to 32): x1..x8 the images of W, dW, copy, rate; returns through x31."""
    lines = [f"{label}:"] + [f"        setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(4)]
    lines += ["        setd d4, x1, x2"]
    lines += ["        vld.c v31, d3", "        vsplat v31, v31, 0"]
    lines += unrolled(label, -(-elements // PASS), UNROLL, _passes)
    return "\n".join([*lines, "        jr x31"]) + "\n"


def _passes(n: int) -> list[str]:
    """n passes of 32: v(6i), v(6i+1) W; v(6i+2), v(6i+3) dW; v(6i+4) copy. d4 follows d0 with the stores."""
    lines = []
    for i in range(n):
        v = 6 * i
        lines += [f"vld.c v{v}, d0", f"vld.c v{v + 1}, d0[0,1], inner", f"vld.c v{v + 2}, d1", f"vld.c v{v + 3}, d1[0,1], inner"]
    for i in range(n):
        v = 6 * i
        lines += [f"vfnma v{v}, v31, v{v + 2}, v{v}", f"vfnma v{v + 1}, v31, v{v + 3}, v{v + 1}"]
    lines += [f"vnarrow.bf16 v{6 * i + 4}, v{6 * i}, v{6 * i + 1}" for i in range(n)]
    for i in range(n):
        v = 6 * i
        lines += [f"vst.c v{v}, d4", f"vst.c v{v + 1}, d4[0,1], inner", f"vst.c v{v + 4}, d2, inner"]
    return lines


def folded(matrix: Matrix) -> Matrix:
    """The matrix as rows of ``PASS`` elements, its padding among them."""
    size = matrix.dtype.itemsize
    return Matrix(matrix.name, matrix.address, -(-matrix.size // (size * PASS)), PASS, matrix.format, size * PASS)


def arguments(w: Matrix, dw: Matrix, copy: Matrix, rate: Matrix) -> tuple[int, ...]:
    """x1..x8 for the subroutine."""
    if not w.pitch == dw.pitch == 2 * copy.pitch:
        raise ValueError(f"sgd: pitches {w.pitch}, {dw.pitch}, {copy.pitch} B of W, dW and the copy are not 2 : 2 : 1")
    views = (
        folded(w).descriptor(**steps("y", 1, "y", 1)),
        folded(dw).descriptor(**steps("y", 1, "y", 1)),
        folded(copy).descriptor(**steps("y", 1, "y", 1)),
        rate.descriptor(),
    )
    return tuple(half for view in views for half in view.pack())


def place(space: Allocator, name: str, rows: int, columns: int) -> tuple[Matrix, Matrix, Matrix]:
    """W, dW (FP32) and the BF16 copy of a weight matrix, padded so that ``folded`` stays inside them."""
    pitch = _copy_pitch(columns)
    matrices = []
    for label, format, size in ((name, "FP32", 2 * pitch), (f"d{name}", "FP32", 2 * pitch), (f"{name}_bf16", "BF16", pitch)):
        matrix = space.matrix(label, rows, columns, format, size)
        space.reserve(max(0, matrix.address + folded(matrix).size - space.next), f"the last pass over {label}")
        matrices.append(matrix)
    return matrices[0], matrices[1], matrices[2]


def walked(rows: int, columns: int) -> int:
    """Elements that ``text`` walks for matrices that ``place`` makes."""
    return -(-rows * _copy_pitch(columns) // (2 * PASS)) * PASS


def _copy_pitch(columns: int) -> int:
    return -(-columns * 2 // 16) * 16


@register("sgd", "W = W - rate dW in FP32, and a BF16 copy", "m", "n")
def build(config: NodeConfig, rng: np.random.Generator, m: int = 65, n: int = 32, rate: float = 0.3) -> Job:
    """One update of a random m x n weight matrix."""
    if m < 1 or n < 1:
        raise ValueError(f"sgd: {m}x{n}, a shape has at least 1")
    program = assemble(f"start: call x31, sgd\n        halt\n{text(walked(m, n), 'sgd')}", source="sgd")
    space = Allocator(config, program.end)
    w, dw, copy = place(space, "W", m, n)
    rates = space.matrix("rate", 1, 16, "FP32")
    w_bits, dw_bits = (rng.standard_normal((m, n)).astype(np.float32).view(np.uint32) for _ in range(2))
    rate_bits = np.full(16, np.float32(rate)).view(np.uint32)
    inputs = [(w.address, w.pack(w_bits)), (dw.address, dw.pack(dw_bits)), (rates.address, rates.pack(rate_bits[None]))]
    new, new_copy = reference(w_bits, dw_bits, rate_bits[0])
    return Job(
        program,
        inputs,
        [Launch(0, program.labels["start"], arguments(w, dw, copy, rates))],
        {"W": w, "W_bf16": copy},
        {"W": new, "W_bf16": new_copy},
    )
