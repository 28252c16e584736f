"""Stochastic gradient descent with momentum: V = momentum V + dW, W = W - rate V in FP32, one rounding each, and the BF16 copy of W.

d0 W, d1 dW, d2 V, d3 the copy; d4 W and d5 V again, which follow with the stores. The line of constants: momentum, rate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.simd_ops import SIMD_LANES
from golden.kernels.kernel import Axis, Operand, Role, kernel, number, random_f32, rounding
from golden.kernels.masters import Masters, held
from golden.kernels.placement import Matrix
from golden.kernels.stream import Stage, streamed
from golden.numerics import convert, fma

SETS = 7  # of registers: W, dW and then the copy, V
_MOMENTUM, _RATE = 30, 31
_SIGN = np.uint32(1 << 31)


@kernel("sgd-momentum")
class SgdMomentum(Masters):
    """V = momentum V + dW, W = W - rate V in FP32, and a copy in BF16."""

    rate: float = number(0.03, "learning rate", 0.0, 3e38)
    momentum: float = number(0.9, "what is left of V", 0.0, 1.0)

    def operands(self) -> tuple[Operand, ...]:
        values = np.zeros((1, SIMD_LANES), np.float32)
        values[0, :2] = self.momentum, self.rate
        return (
            self.array("w", Role.UPDATE),
            self.array("dw", Role.IN),
            self.array("v", Role.UPDATE),
            self.array("copy", Role.OUT, "BF16"),
            Operand("constants", 1, SIMD_LANES, "FP32", Role.CONSTANT, value=values.view(np.uint32)),
        )

    def axes(self) -> tuple[Axis, ...]:
        """Rows that fill whole passes."""
        return (Axis("m", {"w": 0, "dw": 0, "v": 0, "copy": 0}, SIMD_LANES // math.gcd(SIMD_LANES, self.elements)),)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        return {name: random_f32(rng, self.m, self.n) for name in ("w", "dw", "v")}

    def reference(self, w: NDArray, dw: NDArray, v: NDArray, constants: NDArray) -> dict[str, NDArray]:
        momentum, rate = constants[0, :2]
        v = fma.fma32(np.full_like(v, momentum), v, dw)
        w = fma.fma32(np.full_like(v, rate ^ _SIGN), v, w)
        return {"w": w, "v": v, "copy": convert.f32_to_bf16(w)}

    def exact(self, w, dw, v, constants):
        """V is rounded once, W off by that and rounded once; a V that FP32 cannot hold is Inf."""
        momentum, rate = constants[0, :2]
        with np.errstate(invalid="ignore", over="ignore"):
            new_v = momentum * v + dw
            once = rounding(new_v, "FP32")
            new = w - rate * held(new_v)
            off = np.where(np.isfinite(new), rate * once, 0)
            off = off + rounding(np.abs(new) + off, "FP32")
            return {"v": (new_v, once), "w": (new, off), "copy": (new, off + rounding(np.abs(new) + off, "BF16"))}

    def text(self, label: str) -> str:
        lines = ["setd d0, x9, x10", f"vld.c v{_RATE}, d0", f"vsplat v{_MOMENTUM}, v{_RATE}, 0", f"vsplat v{_RATE}, v{_RATE}, 1"]
        lines += [f"setd d{d}, x{2 * view + 1}, x{2 * view + 2}" for d, view in enumerate((0, 1, 2, 3, 0, 2))]
        text = [f"        {line}" for line in lines]
        return "\n".join([f"{label}:", *text, *streamed(label, self.passes, SETS, _stages()), "        jr x31"]) + "\n"

    def views(self, w: Matrix, dw: Matrix, v: Matrix, copy: Matrix, constants: Matrix) -> tuple[Descriptor, ...]:
        return *map(self.folded, (w, dw, v, copy)), constants.descriptor()


def _stages() -> tuple[Stage, ...]:
    """A set is v(4i) W, v(4i+1) dW, then the copy, v(4i+2) V."""
    return (
        Stage(0, lambda i: [f"vld.c v{4 * i + j}, d{j}, inner" for j in range(3)]),
        Stage(5, lambda i: [f"vst.c v{4 * i + j}, d{d}, inner" for j, d in ((0, 4), (2, 5), (1, 3))]),
        Stage(2, lambda i: [f"vfma v{4 * i + 2}, v{_MOMENTUM}, v{4 * i + 2}, v{4 * i + 1}"]),
        Stage(3, lambda i: [f"vfnma v{4 * i}, v{_RATE}, v{4 * i + 2}, v{4 * i}"]),
        Stage(4, lambda i: [f"vnarrow.bf16 v{4 * i + 1}, v{4 * i}, v{4 * i}"]),
    )
