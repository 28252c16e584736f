"""Softmax cross-entropy, forward and backward at once, on transposed logits: a row per class, a column per sample.

With samples across the lanes no lane talks to another. For every sample j, over classes c (Y holds one-hot labels divided by the batch):

    m = max_c z[c];  d[c] = z[c] - m;  e[c] = exp2(d[c] * log2(e));  s = sum_c e[c]
    dz[c] = e[c] * (1/s * 1/batch) - y[c]
    loss[j] = log2(s) * (ln(2) / batch) - d[label] / batch        (the batch's mean loss is the sum over j)

The maximum goes before anything is scaled, and the loss takes d and not z: nothing large is subtracted from something large. A logit of
-Inf is a masked class (e = 0); a masked label has the loss +Inf, and so has one more than the largest FP32 number below the maximum.
NaN or +Inf among its logits, or nothing but -Inf, makes the whole sample NaN. The label is the last class with y > 0, else class 0.

Order of every rounding: ``reference``. Passes of 32 samples, or one of 16; d0 Z, d1 Y, d2 dZ (BF16), d3 loss, d4 constants
{log2(e), 0, ln(2) / batch, 1 / batch}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.kernels.kernel import Axis, Kernel, Operand, Role, Shaped, extent, kernel, random_f32, rounding
from golden.kernels.placement import MAX_COLUMNS, Matrix, steps
from golden.kernels.softmax_text import SHARE, alone, pair
from golden.kernels.stream import repeated
from golden.numerics import compare, convert, fma, special

MOST_CLASSES = 10  # that the registers hold
PASS = 32  # samples
FP32_MAX = float(np.finfo(np.float32).max)
_SIGN = np.uint32(1 << 31)


@kernel("softmax")
class Softmax(Kernel):
    """dZ and loss of softmax cross-entropy from logits and labels."""

    n: int = extent(32, "samples", MAX_COLUMNS)
    classes: int = extent(MOST_CLASSES, "classes", MOST_CLASSES, least=2)
    batch: int = extent(32, "samples of the mean that the loss is a part of", 1 << 24)

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        z = operands["z"]
        return cls(n=z.columns, classes=z.rows, **{"batch": z.columns, **given})

    def operands(self) -> tuple[Operand, ...]:
        shape = (self.classes, self.n)
        return (
            Operand("z", *shape, "FP32"),
            Operand("y", *shape, "FP32", only="one-hot labels divided by the batch"),
            Operand("dz", *shape, "BF16", Role.OUT),
            Operand("loss", 1, self.n, "FP32", Role.OUT),
            Operand("constants", 1, 16, "FP32", Role.CONSTANT, value=self.constants()),
        )

    def axes(self) -> tuple[Axis, ...]:
        return (Axis("n", {"z": 1, "y": 1, "dz": 1, "loss": 1}, PASS // 2),)

    @property
    def _alone(self) -> bool:
        """Whether one vector holds all samples."""
        return self.n <= PASS // 2

    def constants(self) -> NDArray[np.uint32]:
        """Each rounded to FP32 once; the other lanes 0."""
        values = np.zeros((1, 16), np.float32)
        values[0, :4] = [math.log2(math.e), 0, math.log(2) / self.batch, 1 / self.batch]
        return values.view(np.uint32)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        z = random_f32(rng, self.classes, self.n, scale=4)
        return {"z": z, "y": labels(rng.integers(0, self.classes, self.n), self.batch, self.classes)}

    def reference(self, z: NDArray[np.uint32], y: NDArray[np.uint32], constants: NDArray[np.uint32]) -> dict[str, NDArray]:
        log2e, zero, ln2_share, share = constants[0, :4]
        d = fma.sub32(z, _tree(list(z), compare.max32))
        hit = d[0]
        for label, row in zip(y[1:], d[1:], strict=True):
            hit = np.where(compare.lt(zero, label), row, hit)
        e = special.exp2(fma.mul32(d, log2e))
        s = _tree(list(e), fma.add32)
        loss = fma.fma32(special.log2(s), ln2_share, fma.mul32(hit, share) ^ _SIGN)
        dz = fma.fma32(e, fma.mul32(special.recip(s), share), y ^ _SIGN)
        return {"dz": convert.f32_to_bf16(dz), "loss": loss[None]}

    def exact(self, z, y, constants):
        """With u = 2^-24: d is rounded once, log2(e) and its product with d once each, so e errs by 3 u |d| e, and exp2 by 4 u e; s by the
        sum of that and a rounding for each of four levels; 1/s, its product with the share, and the share itself by 5 u in all; log2 by
        4 u of itself. A difference that FP32 cannot hold is -Inf.
        """
        u, smallest = 2.0**-24, 2.0**-149
        with np.errstate(invalid="ignore", over="ignore"):
            d = z - z.max(axis=0)
            d = np.where(d < -FP32_MAX, -np.inf, d)
            e = np.exp(d)
            s = e.sum(axis=0)
            error = np.where(np.isneginf(d), 0, (3 * np.abs(d) + 4) * u * e) + smallest
            error_s = error.sum(axis=0) + 4 * u * s
            dz = e / s / self.batch - y
            error_dz = (error / s + e / s * (error_s / s + 5 * u)) / self.batch + 2 * u * np.abs(y)
            hit = np.take_along_axis(d, y.argmax(axis=0)[None], 0)[0]
            loss = (np.log(s) - hit) / self.batch
            error_loss = (error_s / s + 5 * u * np.log(s) - 4 * u * np.where(np.isneginf(hit), 0, hit)) / self.batch + smallest
        return {
            "dz": (dz, error_dz + rounding(np.abs(dz) + error_dz, "BF16")),
            "loss": (loss[None], (error_loss + rounding(np.abs(loss) + error_loss, "FP32"))[None]),
        }

    def text(self, label: str) -> str:
        """x1..x10 hold the images of Z, Y, dZ, loss and the constants."""
        passes = -(-self.n // PASS)
        lines = [f"setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(5)]
        lines += [f"vld.c v{SHARE}, d4"] + [f"vsplat v{28 + i}, v{SHARE}, {i}" for i in range(4)]
        onward = [f"dstep d{d}, outer" for d in range(4)] if passes > 1 else []
        lines += alone(self.classes) if self._alone else repeated(label, passes, pair(self.classes) + onward)
        text = [line if line.endswith(":") else f"        {line.strip()}" for line in lines]
        return "\n".join([f"{label}:", *text, "        jr x31"]) + "\n"

    def views(self, z: Matrix, y: Matrix, dz: Matrix, loss: Matrix, constants: Matrix) -> tuple[Descriptor, ...]:
        rows = 2 if self._alone else 1
        wide = steps("y", rows, "x", 16)
        return (
            z.descriptor(**wide),
            y.descriptor(**wide),
            dz.descriptor(**steps("y", rows, "x", 8)),
            loss.descriptor(**steps("x", 16, "x", 16)),
            constants.descriptor(),
        )


def labels(classes: NDArray[np.integer], batch: int, of: int = MOST_CLASSES) -> NDArray[np.uint32]:
    """One-hot labels divided by the batch: FP32 bit patterns, classes x samples."""
    hot = np.zeros((of, len(classes)), np.float32)
    hot[classes, np.arange(len(classes))] = np.float32(1 / batch)
    return hot.view(np.uint32)


def _tree(rows: list, combine):
    """Neighbours combined pairwise until one is left; an odd one waits at the end."""
    while len(rows) > 1:
        pairs = [combine(rows[i], rows[i + 1]) for i in range(0, len(rows) - 1, 2)]
        rows = pairs + ([rows[-1]] if len(rows) % 2 else [])
    return rows[0]
