"""Adam: means of the gradient and of its square, and a step along their ratio, in FP32; and the BF16 copy that the matrix unit reads.

    powers *= (beta1, beta2)                            kept from step to step, from 1
    mean = beta1 mean + (1 - beta1) dW                  square = beta2 square + (1 - beta2) dW dW
    W -= rate / (1 - powers[0]) mean / sqrt(square / (1 - powers[1]) + epsilon)

Epsilon stands below the root, so that a weight whose gradient was always 0 stays. Order of every rounding: ``reference``. Constants are a
line: beta1, beta2, 1 - beta1, 1 - beta2, rate, epsilon, 1. Each weight has its own powers, so a call is one piece.

d0 W, d1 dW, d2 mean, d3 square, d4 the copy; d5 W, d6 mean, d7 square again, which follow with the stores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.simd_ops import SIMD_LANES
from golden.kernels.kernel import Operand, Role, kernel, number, random_f32, rounding
from golden.kernels.masters import Masters, held
from golden.kernels.placement import Matrix
from golden.kernels.stream import Stage, streamed
from golden.numerics import convert, fma, special

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-16
SETS = 6  # of registers: W, dW, mean, square
_SIGN = np.uint32(1 << 31)
_ONE = np.uint32(0x3F800000)
_BETA1, _BETA2, _REST1, _REST2, _EPSILON, _GROW, _RATE = range(24, 31)
"""Registers that hold a number in every lane: ``_GROW`` the factor of the square, ``_RATE`` that of the step."""
_LINE = 31


@kernel("adam")
class Adam(Masters):
    """W -= rate mean / sqrt(square), means of dW and of its square, and a copy in BF16."""

    rate: float = number(0.003, "learning rate", 0.0, 3e38)

    def operands(self) -> tuple[Operand, ...]:
        return (
            self.array("w", Role.UPDATE),
            self.array("dw", Role.IN),
            self.array("mean", Role.UPDATE),
            self.array("square", Role.UPDATE, only="not negative"),
            self.array("copy", Role.OUT, "BF16"),
            Operand("powers", 1, SIMD_LANES, "FP32", Role.UPDATE, only="powers of the betas, then zeros"),
            Operand("constants", 1, SIMD_LANES, "FP32", Role.CONSTANT, value=self.constants()),
        )

    def constants(self) -> NDArray[np.uint32]:
        values = np.zeros((1, SIMD_LANES), np.float32)
        values[0, :7] = [BETA1, BETA2, 1 - BETA1, 1 - BETA2, self.rate, EPSILON, 1]
        return values.view(np.uint32)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        w, dw, mean, root = (random_f32(rng, self.m, self.n) for _ in range(4))
        powers = np.zeros((1, SIMD_LANES), np.float32)
        powers[0, :2] = np.float32([BETA1, BETA2]) ** int(rng.integers(20))
        return {"w": w, "dw": dw, "mean": mean, "square": fma.mul32(root, root), "powers": powers.view(np.uint32)}

    def reference(
        self, w: NDArray, dw: NDArray, mean: NDArray, square: NDArray, powers: NDArray, constants: NDArray
    ) -> dict[str, NDArray]:
        beta1, beta2, rest1, rest2, rate, epsilon, one = (np.uint32(value) for value in constants[0, :7])
        powers = fma.mul32(powers, constants)
        grow = special.recip(fma.sub32(one, powers[0, :2]))
        mean = fma.fma32(rest1, dw, fma.mul32(mean, beta1))
        square = fma.fma32(rest2, fma.mul32(dw, dw), fma.mul32(square, beta2))
        step = fma.mul32(special.rsqrt(fma.fma32(square, grow[1], epsilon)), mean)
        w = fma.fma32(fma.mul32(rate, grow[0]) ^ _SIGN, step, w)
        return {"w": w, "mean": mean, "square": square, "powers": powers, "copy": convert.f32_to_bf16(w)}

    def exact(self, w, dw, mean, square, powers, constants):
        """With u = 2^-24: means err by two roundings; 1 / (1 - power) by the power's rounding, one of the difference and 2.1 u; the root by
        half of what is below it errs by, and 1.5 u; three products more. What FP32 cannot hold is Inf in between.
        """
        u, smallest = 2.0**-24, 2.0**-149
        beta1, beta2, rest1, rest2, rate, epsilon, _ = constants[0, :7]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            new_powers = powers * constants
            rest = 1 - new_powers[0, :2]
            off = u * new_powers[0, :2] / rest + 3.1 * u
            squared = held(dw * dw)
            new_mean = beta1 * mean + rest1 * dw
            new_square = beta2 * square + rest2 * squared
            error_mean = 2 * u * (np.abs(beta1 * mean) + np.abs(rest1 * dw)) + 2 * smallest
            error_square = 3 * u * new_square + 3 * smallest
            below = held(new_square / rest[1]) + epsilon
            root = 1 / np.sqrt(below)
            off_root = (error_square / rest[1] / below + off[1] + u) / 2 + 1.5 * u
            pace = rate / rest[0]
            step = pace * held(root * new_mean)
            error = pace * root * error_mean + np.abs(step) * (off_root + off[0] + 4 * u) + smallest * (1 + pace)
            error = np.where(np.isfinite(error), error, 0)  # else the step is 0, Inf or NaN on both sides
            new = w - step
            once = error + rounding(np.abs(new) + error, "FP32")
            return {
                "w": (new, once),
                "mean": (new_mean, error_mean),
                "square": (new_square, error_square),
                "powers": (new_powers, rounding(new_powers, "FP32")),
                "copy": (new, once + rounding(np.abs(new) + once, "BF16")),
            }

    def text(self, label: str) -> str:
        lines = ["setd d0, x13, x14", f"vld.c v{_LINE}, d0", "setd d1, x11, x12", f"vld.c v{_RATE}, d1"]
        lines += [f"vfmul v{_RATE}, v{_RATE}, v{_LINE}", f"vst.c v{_RATE}, d1"]
        lines += [f"vsplat v{_GROW}, v{_LINE}, 6", f"vfsub v{_RATE}, v{_GROW}, v{_RATE}", f"vrecip v{_RATE}, v{_RATE}"]
        lines += [f"vsplat v{_GROW}, v{_RATE}, 1", f"vsplat v{_RATE}, v{_RATE}, 0", f"vsplat v{_EPSILON}, v{_LINE}, 4"]
        lines += [f"vfmul v{_RATE}, v{_EPSILON}, v{_RATE}", f"vsplat v{_EPSILON}, v{_LINE}, 5"]
        lines += [f"vsplat v{register}, v{_LINE}, {lane}" for lane, register in enumerate((_BETA1, _BETA2, _REST1, _REST2))]
        lines += [f"setd d{d}, x{2 * view + 1}, x{2 * view + 2}" for d, view in enumerate((0, 1, 2, 3, 4, 0, 2, 3))]
        text = [f"        {line}" for line in lines]
        return "\n".join([f"{label}:", *text, *streamed(label, self.passes, SETS, _stages()), "        jr x31"]) + "\n"

    def views(
        self, w: Matrix, dw: Matrix, mean: Matrix, square: Matrix, copy: Matrix, powers: Matrix, constants: Matrix
    ) -> tuple[Descriptor, ...]:
        return *map(self.folded, (w, dw, mean, square, copy)), powers.descriptor(), constants.descriptor()


def _stages() -> tuple[Stage, ...]:
    """A set is v(4i) W, v(4i+1) dW and what comes of it, v(4i+2) mean, v(4i+3) square. What depends on each other stands apart."""
    return (
        Stage(0, lambda i: [f"vld.c v{4 * i + j}, d{j}, inner" for j in range(4)]),
        Stage(5, lambda i: [f"vst.c v{4 * i + j}, d{d}, inner" for j, d in ((0, 5), (2, 6), (3, 7), (1, 4))]),
        Stage(1, lambda i: [f"vfmul v{4 * i + 2}, v{4 * i + 2}, v{_BETA1}", f"vfmul v{4 * i + 3}, v{4 * i + 3}, v{_BETA2}"]),
        Stage(2, lambda i: [f"vfma v{4 * i + 1}, v{4 * i + 3}, v{_GROW}, v{_EPSILON}"]),
        Stage(3, lambda i: [f"vfmul v{4 * i + 1}, v{4 * i + 1}, v{4 * i + 2}"]),
        Stage(4, lambda i: [f"vnarrow.bf16 v{4 * i + 1}, v{4 * i}, v{4 * i}"]),
        Stage(1, lambda i: [f"vfma v{4 * i + 2}, v{_REST1}, v{4 * i + 1}, v{4 * i + 2}"]),
        Stage(1, lambda i: [f"vfmul v{4 * i + 1}, v{4 * i + 1}, v{4 * i + 1}"]),
        Stage(2, lambda i: [f"vrsqrt v{4 * i + 1}, v{4 * i + 1}"]),
        Stage(3, lambda i: [f"vfnma v{4 * i}, v{_RATE}, v{4 * i + 1}, v{4 * i}"]),
        Stage(1, lambda i: [f"vfma v{4 * i + 3}, v{_REST2}, v{4 * i + 1}, v{4 * i + 3}"]),
    )
