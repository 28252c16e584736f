"""The line of memory from which a kernel takes what is not in its text: biases, and what random words follow from.

Biases change from step to step of a training, so they are data: a host writes a line for each call. Words of 64 bits from its first byte
on: counter, FP_MODE, SEED; the rest is 0. The counter comes first, because a narrowing takes it from the low bytes of a register.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.memmap import FP_MODE, Csr
from golden.kernels.kernel import Operand

WORDS = 16
ONLY = "a line of golden.kernels.mode"


def mode_line(a: int = 0, b: int = 0, result: int = 0, seed: int = 0, counter: int = 0) -> NDArray[np.uint32]:
    """The line as 1 x 16 words; biases are 0 to 63."""
    words = np.zeros((1, WORDS // 2), "<u8")
    words[0, :3] = counter, FP_MODE.pack({"a": a, "b": b, "result": result}), seed
    return words.view(np.uint32)


def biases(line: NDArray[np.uint32]) -> dict[str, int]:
    """Those of A, B and results."""
    return FP_MODE.unpack(int(line[0, 2]))


def random_key(line: NDArray[np.uint32]) -> tuple[int, int]:
    """Seed and counter."""
    words = np.ascontiguousarray(line).view("<u8")
    return int(words[0, 2]), int(words[0, 0])


def mode_operand() -> Operand:
    return Operand("mode", 1, WORDS, "U32", only=ONLY)


def take_mode(x: int, seed: bool = False) -> list[str]:
    """Instructions that bring the line's biases, and its seed, into the control registers; x[x] holds the low half of its descriptor,
    and something else afterwards. x30 is used."""
    lines = [f"slli x30, x{x}, 46", "srli x30, x30, 43", f"ld.d x{x}, x30, 8", f"csrw x{x}, {int(Csr.FP_MODE)}"]
    lines += [f"ld.d x{x}, x30, 16", f"csrw x{x}, {int(Csr.SEED)}"] if seed else []
    return [f"        {line}" for line in lines]
