"""Softmax cross-entropy, forward and backward at once, on transposed logits: a row per class, a column per sample.

With samples across the lanes no lane talks to another. For every sample j, over classes c (Y holds one-hot labels divided by the batch):

    m = max_c z[c];  e[c] = exp2(z[c] * log2(e) - m * log2(e));  s = sum_c e[c]
    dz[c] = e[c] * (1/s * 1/batch) - y[c]
    loss[j] = log2(s) * (ln(2) / batch) + m / batch - sum_c y[c] z[c]        (the batch's mean loss is the sum over j)

Order of every rounding: ``reference``. Passes of 32 samples (two vectors of logits); d0 Z, d1 Y, d2 dZ (BF16), d3 loss, d4 constants
{log2(e), -log2(e), ln(2) / batch, 1 / batch}.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.asm import assemble
from golden.kernels.job import Job, Launch, register
from golden.kernels.placement import Allocator, Matrix, steps
from golden.kernels.stream import loop
from golden.numerics import compare, convert, fma, special

CLASSES = 10
PASS = 32  # samples
_SIGN = np.uint32(1 << 31)


def constants(batch: int) -> NDArray[np.uint32]:
    """The constants' bit patterns, each rounded to FP32 once; the other lanes 0."""
    values = np.zeros(16, np.float32)
    values[:4] = np.float32([math.log2(math.e), -math.log2(math.e), math.log(2) / batch, 1 / batch])
    return values.view(np.uint32)


def reference(z: NDArray[np.uint32], y: NDArray[np.uint32], batch: int) -> tuple[NDArray[np.uint16], NDArray[np.uint32]]:
    """dZ (BF16, classes x samples) and loss (FP32, samples) from Z and Y (FP32), as bit patterns."""
    log2e, minus_log2e, ln2_share, share = constants(batch)[:4]
    hit = fma.mul32(y[0], z[0])
    for label, row in zip(y[1:], z[1:], strict=True):
        hit = fma.fma32(label, row, hit)
    m = _tree(list(z), compare.max32)
    shift = fma.mul32(m, minus_log2e)
    e = [special.exp2(fma.fma32(row, log2e, shift)) for row in z]
    s = _tree(e, fma.add32)
    loss = fma.fma32(special.log2(s), ln2_share, fma.fma32(m, share, hit ^ _SIGN))
    scale = fma.mul32(special.recip(s), share)
    dz = np.stack([fma.fma32(row, scale, label ^ _SIGN) for row, label in zip(e, y, strict=True)])
    return convert.f32_to_bf16(dz), loss


def _tree(rows: list, combine):
    """Neighbours combined pairwise until one is left; an odd one waits at the end."""
    while len(rows) > 1:
        pairs = [combine(rows[i], rows[i + 1]) for i in range(0, len(rows) - 1, 2)]
        rows = pairs + ([rows[-1]] if len(rows) % 2 else [])
    return rows[0]


# --- program -----------------------------------------------------------------------------------------------------------------
# v0..v9 logits, then exponentials, of the first 16 samples; v10..v19 of the others; v20..v23 and v24..v27 temporaries of the two
# groups; v28..v31 the constants. Every operation is written for both groups, so that neighbours do not depend on each other.

_LOG2E, _MINUS_LOG2E, _LN2_SHARE, _SHARE = 28, 29, 30, 31
_GROUPS = (0, 1)


def _value(group: int, c: int) -> int:
    return 10 * group + c


def _temp(group: int, i: int) -> int:
    return 20 + 4 * group + i


def text(samples: int, label: str, classes: int = CLASSES) -> str:
    """The subroutine ``label``: x1..x8 the images of Z, Y, dZ, loss, and x9, x10 of the constants; returns through x31."""
    if not 2 <= classes <= CLASSES:
        raise ValueError(f"softmax: {classes} classes, the registers hold 2 to {CLASSES}")
    passes = -(-samples // PASS)
    lines = [f"setd d{i}, x{2 * i + 1}, x{2 * i + 2}" for i in range(5)]
    lines += [f"vld.c v{_SHARE}, d4"] + [f"vsplat v{28 + i}, v{_SHARE}, {i}" for i in range(4)]
    if passes > 1:
        lines += [line.strip() for line in loop(f"{label}_end", passes)]
    lines += _pass(classes)
    if passes > 1:
        lines += [f"dstep d{d}, outer" for d in range(4)]
    body = [f"        {line}" for line in lines]
    return "\n".join([f"{label}:", *body, *([f"{label}_end:"] if passes > 1 else []), "        jr x31"]) + "\n"


def _both(line) -> list[str]:
    """``line(group)`` for each group."""
    return [line(g) for g in _GROUPS]


def _pass(classes: int) -> list[str]:
    """32 samples. Temporary 0 is the labels' share of the loss, then max/batch less that, then 1/(s batch)."""
    lines = []
    for c in range(classes):
        lines += [f"vld.c v{_value(1, c)}, d0[0,1]", f"vld.c v{_value(0, c)}, d0, inner"]
    for c in range(classes):
        lines += _labels(c)
        label = 1 + c % 3
        if c == 0:
            lines += _both(lambda g: f"vfmul v{_temp(g, 0)}, v{_temp(g, 1)}, v{_value(g, 0)}")
        else:
            lines += _both(lambda g, c=c, t=label: f"vfma v{_temp(g, 0)}, v{_temp(g, t)}, v{_value(g, c)}, v{_temp(g, 0)}")
    lines += ["dstep d1, restart"]
    top, tree = _tree_text("vfmax", classes)
    shift = 1 if top != 1 else 2
    lines += tree
    lines += _both(lambda g: f"vfmul v{_temp(g, shift)}, v{_temp(g, top)}, v{_MINUS_LOG2E}")
    lines += _both(lambda g: f"vfms v{_temp(g, 0)}, v{_temp(g, top)}, v{_SHARE}, v{_temp(g, 0)}")
    for c in range(classes):
        lines += _both(lambda g, c=c: f"vfma v{_value(g, c)}, v{_value(g, c)}, v{_LOG2E}, v{_temp(g, shift)}")
    for c in range(classes):
        lines += _both(lambda g, c=c: f"vexp2 v{_value(g, c)}, v{_value(g, c)}")
    total, tree = _tree_text("vfadd", classes)
    other = 1 if total != 1 else 2
    lines += tree
    lines += _both(lambda g: f"vlog2 v{_temp(g, other)}, v{_temp(g, total)}")
    lines += _both(lambda g: f"vrecip v{_temp(g, total)}, v{_temp(g, total)}")
    lines += _both(lambda g: f"vfma v{_temp(g, other)}, v{_temp(g, other)}, v{_LN2_SHARE}, v{_temp(g, 0)}")
    lines += _both(lambda g: f"vfmul v{_temp(g, 0)}, v{_temp(g, total)}, v{_SHARE}")
    lines += _both(lambda g: f"vst.c v{_temp(g, other)}, d3[0,{g}]")
    for c in range(classes):
        lines += _labels(c)
        lines += _both(lambda g, c=c: f"vfms v{_value(g, c)}, v{_value(g, c)}, v{_temp(g, 0)}, v{_temp(g, 1 + c % 3)}")
    for c in range(classes):
        lines += [f"vnarrow.bf16 v{_value(0, c)}, v{_value(0, c)}, v{_value(1, c)}"]
    lines += [f"vst.c v{_value(0, c)}, d2, inner" for c in range(classes)]
    return lines


def _labels(c: int) -> list[str]:
    """Row c of Y into temporaries 1 to 3 in turn; the position moves down a row."""
    t = 1 + c % 3
    return [f"vld.c v{_temp(1, t)}, d1[0,1]", f"vld.c v{_temp(0, t)}, d1, inner"]


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


def arguments(z: Matrix, y: Matrix, dz: Matrix, loss: Matrix, constant: Matrix) -> tuple[int, ...]:
    """x1..x10 for the subroutine."""
    views = (
        z.descriptor(**steps("y", 1, "x", 16)),
        y.descriptor(**steps("y", 1, "x", 16)),
        dz.descriptor(**steps("y", 1, "x", 8)),
        loss.descriptor(**steps("x", 16, "x", 16)),
        constant.descriptor(),
    )
    return tuple(half for view in views for half in view.pack())


@register("softmax", "softmax cross-entropy: dZ and loss from logits and labels", "n")
def build(config: NodeConfig, rng: np.random.Generator, n: int = 32) -> Job:
    """n samples of random logits and labels; the batch is n."""
    if n < 1:
        raise ValueError(f"softmax: {n} samples, a batch has at least 1")
    setup = "start:  ld.d x9, x0, arguments\n        ld.d x10, x0, arguments + 8\n"
    source = f"{setup}        call x31, softmax\n        halt\n{text(n, 'softmax')}"
    program = assemble(source, source="softmax", names={"arguments": 0x80})
    space = Allocator(config, program.end)
    z, y = space.matrix("Z", CLASSES, n, "FP32"), space.matrix("Y", CLASSES, n, "FP32")
    dz, loss = space.matrix("dZ", CLASSES, n, "BF16"), space.matrix("loss", 1, n, "FP32")
    constant = space.matrix("constants", 1, 16, "FP32")
    z_bits = convert.f32_bits((4 * rng.standard_normal((CLASSES, n))).astype(np.float32))
    y_bits = labels(rng.integers(0, CLASSES, n), n)
    images = arguments(z, y, dz, loss, constant)
    inputs = [(m.address, m.pack(bits)) for m, bits in ((z, z_bits), (y, y_bits), (constant, constants(n)[None]))]
    inputs.append((0x80, b"".join(image.to_bytes(8, "little") for image in images[8:])))
    dz_bits, loss_bits = reference(z_bits, y_bits, n)
    return Job(
        program,
        inputs,
        [Launch(0, program.labels["start"], images[:8])],
        {"dZ": dz, "loss": loss},
        {"dZ": dz_bits, "loss": loss_bits[None]},
    )


def labels(classes: NDArray[np.integer], batch: int) -> NDArray[np.uint32]:
    """One-hot labels divided by the batch: FP32 bit patterns, classes x samples."""
    hot = np.zeros((CLASSES, len(classes)), np.float32)
    hot[classes, np.arange(len(classes))] = np.float32(1 / batch)
    return hot.view(np.uint32)
