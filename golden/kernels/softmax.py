"""Softmax cross-entropy, forward and backward at once, on transposed logits: a row per class, a column per sample.

With samples across the lanes no lane talks to another. For every sample j, over classes c (Y holds one-hot labels divided by the batch):

    m = max_c z[c];  d[c] = z[c] - m;  e[c] = exp2(d[c] * log2(e));  s = sum_c e[c]
    dz[c] = e[c] * (1/s * 1/batch) - y[c]
    loss[j] = log2(s) * (ln(2) / batch) - d[label] / batch        (the batch's mean loss is the sum over j)

The maximum goes before anything is scaled, and the loss takes d and not z: nothing large is subtracted from something large. A logit of
-Inf is a masked class (e = 0); a masked label has the loss +Inf, and so has one more than the largest FP32 number below the maximum.
NaN or +Inf among its logits, or nothing but -Inf, makes the whole sample NaN. The label is the last class with y > 0, else class 0.

Order of every rounding: ``reference``. Passes of 32 samples (two vectors of logits); d0 Z, d1 Y, d2 dZ (BF16), d3 loss, d4 constants
{log2(e), 0, ln(2) / batch, 1 / batch}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.kernels.kernel import Kernel, Operand, Role, Shaped, extent, kernel, random_f32, rounding
from golden.kernels.placement import MAX_COLUMNS, Matrix, steps
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
        lines += [f"vld.c v{_SHARE}, d4"] + [f"vsplat v{28 + i}, v{_SHARE}, {i}" for i in range(4)]
        body = _pass(self.classes) + ([f"dstep d{d}, outer" for d in range(4)] if passes > 1 else [])
        lines += repeated(label, passes, body)
        text = [line if line.endswith(":") else f"        {line.strip()}" for line in lines]
        return "\n".join([f"{label}:", *text, "        jr x31"]) + "\n"

    def views(self, z: Matrix, y: Matrix, dz: Matrix, loss: Matrix, constants: Matrix) -> tuple[Descriptor, ...]:
        wide = steps("y", 1, "x", 16)
        return (
            z.descriptor(**wide),
            y.descriptor(**wide),
            dz.descriptor(**steps("y", 1, "x", 8)),
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


# --- text ----------------------------------------------------------------------------------------------------------------------
# v0..v9 logits, then exponentials, of the first 16 samples; v10..v19 of the others; v20..v23 and v24..v27 temporaries of the two
# groups; v28..v31 the constants. Every operation is written for both groups, so that neighbours do not depend on each other.

_LOG2E, _ZERO, _LN2_SHARE, _SHARE = 28, 29, 30, 31
_GROUPS = (0, 1)
_CHOSEN, _RAISED = 1, 3  # turns after its comparison in which a class is chosen and scaled, and raised


def _value(group: int, c: int) -> int:
    return 10 * group + c


def _temp(group: int, i: int) -> int:
    return 20 + 4 * group + i


def _both(line) -> list[str]:
    """``line(group)`` for each group."""
    return [line(g) for g in _GROUPS]


def _pass(classes: int) -> list[str]:
    """32 samples. Temporary 0 is d of the label, then its share of the loss, then 1/(s batch)."""
    lines = []
    for c in range(classes):
        lines += [f"vld.c v{_value(1, c)}, d0[0,1]", f"vld.c v{_value(0, c)}, d0, inner"]
    top, tree = _tree_text("vfmax", classes)
    lines += tree
    for c in range(classes):
        lines += _both(lambda g, c=c: f"vfsub v{_value(g, c)}, v{_value(g, c)}, v{_temp(g, top)}")
    lines += _both(lambda g: f"vcopy v{_temp(g, 0)}, v{_value(g, 0)}")
    lines += _exponentials(classes)
    lines += ["dstep d1, restart"]
    total, tree = _tree_text("vfadd", classes)
    other = 1 if total != 1 else 2
    lines += tree
    lines += _both(lambda g: f"vlog2 v{_temp(g, other)}, v{_temp(g, total)}")
    lines += _both(lambda g: f"vrecip v{_temp(g, total)}, v{_temp(g, total)}")
    lines += _both(lambda g: f"vfmul v{_temp(g, 0)}, v{_temp(g, 0)}, v{_SHARE}")
    lines += _both(lambda g: f"vfms v{_temp(g, other)}, v{_temp(g, other)}, v{_LN2_SHARE}, v{_temp(g, 0)}")
    lines += _both(lambda g: f"vfmul v{_temp(g, 0)}, v{_temp(g, total)}, v{_SHARE}")
    lines += _both(lambda g: f"vst.c v{_temp(g, other)}, d3[0,{g}]")
    for c in range(classes):
        lines += [f"vld.c v{_label(1, c)}, d1[0,1]", f"vld.c v{_label(0, c)}, d1, inner"]
        lines += _both(lambda g, c=c: f"vfms v{_value(g, c)}, v{_value(g, c)}, v{_temp(g, 0)}, v{_label(g, c)}")
    for c in range(classes):
        lines += [f"vnarrow.bf16 v{_value(0, c)}, v{_value(0, c)}, v{_value(1, c)}"]
    lines += [f"vst.c v{_value(0, c)}, d2, inner" for c in range(classes)]
    return lines


def _label(group: int, c: int) -> int:
    """Where row c of Y goes: temporaries 1 to 3 in turn."""
    return _temp(group, 1 + c % 3)


def _exponentials(classes: int) -> list[str]:
    """d becomes e, and temporary 0 d of the label: a class is compared, then chosen and scaled, then raised, each a few classes later."""
    lines = []
    for turn in range(1, classes + _RAISED):
        if (c := turn) < classes:
            lines += [f"vld.c v{_label(1, c)}, d1[1,1]", f"vld.c v{_label(0, c)}, d1[1,0], inner"]
            lines += _both(lambda g, c=c: f"vflt v{_label(g, c)}, v{_ZERO}, v{_label(g, c)}")
        if 0 <= (c := turn - _RAISED) < classes:
            lines += _both(lambda g, c=c: f"vexp2 v{_value(g, c)}, v{_value(g, c)}")
        if 1 <= (c := turn - _CHOSEN) < classes:
            lines += _both(lambda g, c=c: f"vselect v{_temp(g, 0)}, v{_value(g, c)}, v{_temp(g, 0)}, v{_label(g, c)}")
        if 0 <= (c := turn - _CHOSEN) < classes:
            lines += _both(lambda g, c=c: f"vfmul v{_value(g, c)}, v{_value(g, c)}, v{_LOG2E}")
    return lines


def _tree_text(op: str, classes: int) -> tuple[int, list[str]]:
    """The tree of ``_tree`` over the values with temporaries 1 to 3; the temporary that holds its root, and the text."""
    level: list[tuple] = [("value", c) for c in range(classes)]
    nodes = []
    while len(level) > 1:
        pairs = [("node", len(nodes) + i // 2) for i in range(0, len(level) - 1, 2)]
        nodes += [(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    place: dict[int, int] = {}
    free, lines, pending = [1, 2, 3], [], list(range(len(nodes)))

    def register(source: tuple, group: int) -> int:
        return _value(group, source[1]) if source[0] == "value" else _temp(group, place[source[1]])

    while pending:
        # The first node whose inputs exist and which has a register: an input's, or a free one.
        for n in pending:
            inputs = [source[1] for source in nodes[n] if source[0] == "node"]
            if all(i in place for i in inputs) and (inputs or free):
                break
        else:
            raise ValueError(f"softmax: a tree of {classes} needs more temporaries")
        pending.remove(n)
        home = place[inputs[0]] if inputs else free.pop(0)
        a, b = nodes[n]
        lines += _both(lambda g, a=a, b=b, home=home: f"{op} v{_temp(g, home)}, v{register(a, g)}, v{register(b, g)}")
        for i in inputs[1:]:
            free.append(place[i])
        place[n] = home
    return place[len(nodes) - 1], lines
