"""ReLU backward: dX = dY where X > 0, else +0; X in BF16 (the forward result), dY in FP32, dX in BF16.

The forward ReLU is the drain's. Rows of 32 columns a pass; d0 dY, d1 X, d2 dX, each stepping down a row (inner) and right 32
columns (outer).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.simd_ops import SimdOp
from golden.asm import assemble
from golden.kernels.job import Job, Launch, random_bf16, register
from golden.kernels.placement import MAX_COLUMNS, Allocator, Matrix, steps
from golden.kernels.stream import unrolled
from golden.numerics import compare, convert

COLUMNS = 32  # a vector of BF16
UNROLL = 4


def reference(x: NDArray[np.uint16], dy: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """dX's BF16 bit patterns."""
    positive = compare.lt(np.uint32(0), convert.bf16_to_f32(x))
    return convert.f32_to_bf16(np.where(positive, dy, np.uint32(0)))


def text(rows: int, columns: int, label: str) -> str:
    """The subroutine ``label``: x1..x6 the images of dY, X, dX; returns through x31."""
    lines = [f"{label}:", "        setd d0, x1, x2", "        setd d1, x3, x4", "        setd d2, x5, x6", "        vxor v31, v31, v31"]
    panels = -(-columns // COLUMNS)
    for panel in range(panels):
        lines += unrolled(f"{label}_{panel}", rows, UNROLL, _rows)
        if panel + 1 < panels:
            lines += [f"        dstep d{d}, outer" for d in range(3)]
    return "\n".join([*lines, "        jr x31"]) + "\n"


def _rows(n: int) -> list[str]:
    """n rows: v(6i), v(6i+1) dY; v(6i+2) X; v(6i+3), v(6i+4) masks; v(6i+5) dX."""
    lines = []
    for i in range(n):
        v = 6 * i
        lines += [f"vld.c v{v + 1}, d0[0,1]", f"vld.c v{v}, d0, inner", f"vld.c v{v + 2}, d1, inner"]
    for i in range(n):
        v = 6 * i
        lines += [f"vwiden.bf16.lo v{v + 3}, v{v + 2}", f"vwiden.bf16.hi v{v + 4}, v{v + 2}"]
    for i in range(n):
        v = 6 * i
        lines += [f"vflt v{v + 3}, v31, v{v + 3}", f"vflt v{v + 4}, v31, v{v + 4}"]
    for i in range(n):
        v = 6 * i
        lines += [f"vand v{v}, v{v}, v{v + 3}", f"vand v{v + 1}, v{v + 1}, v{v + 4}"]
    lines += [f"vnarrow.bf16 v{6 * i + 5}, v{6 * i}, v{6 * i + 1}" for i in range(n)]
    lines += [f"vst.c v{6 * i + 5}, d2, inner" for i in range(n)]
    return lines


def arguments(dy: Matrix, x: Matrix, dx: Matrix) -> tuple[int, ...]:
    """x1..x6 for the subroutine; X may have more columns than dX."""
    views = (
        dy.descriptor(**steps("y", 1, "x", 16)),
        x.descriptor(**steps("y", 1, "x", 8)),
        dx.descriptor(**steps("y", 1, "x", 8)),
    )
    return tuple(half for view in views for half in view.pack())


@register("relu-backward", "dX = dY where X > 0, else 0", "m", "n")
def build(config: NodeConfig, rng: np.random.Generator, m: int = 32, n: int = 32) -> Job:
    """ReLU backward on random data, zeros and negatives among them."""
    if m < 1 or n < 1:
        raise ValueError(f"relu-backward: {m}x{n}, a shape has at least 1")
    if n > MAX_COLUMNS:  # before the text, which grows with n
        raise ValueError(f"relu-backward: {n} columns, a descriptor holds {MAX_COLUMNS}")
    program = assemble(f"start: call x31, relu\n        halt\n{text(m, n, 'relu')}", source="relu-backward")
    space = Allocator(config, program.end)
    dy, x, dx = space.matrix("dY", m, n, "FP32"), space.matrix("X", m, n, "BF16"), space.matrix("dX", m, n, "BF16")
    x_bits = random_bf16(rng, (m, n))
    x_bits[rng.random((m, n)) < 0.25] = 0
    dy_bits = rng.standard_normal((m, n)).astype(np.float32).view(np.uint32)
    inputs = [(dy.address, dy.pack(dy_bits)), (x.address, x.pack(x_bits))]
    return Job(
        program,
        inputs,
        [Launch(0, program.labels["start"], arguments(dy, x, dx))],
        {"dX": dx},
        {"dX": reference(x_bits, dy_bits)},
        info={"simd_ops": [SimdOp.FLT.name, SimdOp.AND.name, SimdOp.NARROW_BF16.name]},
    )
