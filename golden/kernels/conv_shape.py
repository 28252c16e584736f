"""What the kernels of a 3x3 convolution share: its shape, which pixels meet which taps, and its operands.

An image is a row of a matrix, pixel after pixel and the channels of a pixel side by side (NHWC): samples lie along the rows, so that a tile
of eight rows is one pixel of eight samples. A border of one pixel of zeros surrounds an image. Nothing stores it: a row of pixels is a
descriptor of its own, outside whose columns everything is zero, and image rows outside the image are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.kernels.kernel import Kernel, Operand, Role, Shaped, extent, random_bf16, rounding
from golden.kernels.placement import MAX_ROWS

SIZE = 3  # rows and columns of the filter
TAPS = SIZE * SIZE
FOUR = 4  # channels of a piece of 8 bytes, and terms of a step


@dataclass(frozen=True)
class Line:
    """Along one axis, the pixels of the source that a pixel of the result is made of.

    Attributes
    ----------
    first : the source pixel of the first tap, which may lie outside.
    taps : of this source pixel and its right (lower) neighbours, the row or column of the filter.
    """

    first: int
    taps: tuple[int, ...]

    def inside(self, size: int) -> Line:
        """Only what lies in a source of so many pixels."""
        pairs = [(at, tap) for at, tap in enumerate(self.taps, self.first) if 0 <= at < size]
        return Line(pairs[0][0], tuple(tap for _, tap in pairs))


@dataclass(frozen=True)
class Convolution(Kernel):
    """A pass of a 3x3 convolution with a border of one pixel; below it a dataclass with these parameters."""

    m: int = extent(16, "samples", MAX_ROWS)
    height: int = extent(8, "rows of an image", 64)
    width: int = extent(8, "columns of an image", 64)
    channels: int = extent(2, "channels of a pixel / 4", 16)
    filters: int = extent(2, "filters / 4", 16)
    stride: int = extent(1, "pixels of the image from a pixel of the result to the next", 2)

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        """Operands do not tell the sides of an image: of those that fit, the most alike."""
        images, results, weights = (operands[name] for name in cls.NAMES)
        channels, filters = weights.rows // TAPS, weights.columns
        area, results_area = images.columns // channels, results.columns // filters
        sides = [
            (abs(height - area // height), stride, height)
            for height in range(1, area + 1)
            for stride in (1, 2)
            if area % height == 0 and -(-height // stride) * -(-(area // height) // stride) == results_area
        ]
        if not sides:
            raise ValueError(f"{cls.name}: no image of {area} pixels gives a result of {results_area}, with a stride of 1 or 2")
        _, stride, height = min(sides)
        shape = {"m": images.rows, "height": height, "width": area // height, "stride": stride}
        return cls(**{**shape, "channels": channels // FOUR, "filters": filters // FOUR, **given})

    NAMES = ("x", "y", "w")
    """Its images, results and weights among the operands."""

    # --- shape -------------------------------------------------------------------------------------------------------------------

    @property
    def image(self) -> tuple[int, int, int]:
        """Rows, columns and channels of an image."""
        return self.height, self.width, FOUR * self.channels

    @property
    def result(self) -> tuple[int, int, int]:
        """The same of what a forward pass makes of it."""
        return -(-self.height // self.stride), -(-self.width // self.stride), FOUR * self.filters

    @property
    def macs(self) -> int:
        rows, columns = (
            sum(0 <= self.stride * at + tap - 1 < size for at in range(results) for tap in range(SIZE))
            for size, results in zip(self.image[:2], self.result[:2], strict=True)
        )
        return self.m * rows * columns * self.image[2] * self.result[2]

    def images_operand(self, name: str, format: str = "BF16", role: Role = Role.IN) -> Operand:
        return Operand(name, self.m, int(np.prod(self.image)), format, role)

    def results_operand(self, name: str, format: str = "BF16", role: Role = Role.IN) -> Operand:
        return Operand(name, self.m, int(np.prod(self.result)), format, role)

    def weights_operand(self, name: str, format: str = "BF16", role: Role = Role.IN) -> Operand:
        """Rows are (row of the filter, column of the filter, channel), columns filters."""
        return Operand(name, TAPS * self.image[2], self.result[2], format, role)

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        return {operand.name: random_bf16(rng, operand.rows, operand.columns) for operand in self.operands() if operand.role is Role.IN}


def bordered(bits: NDArray, height: int, width: int) -> NDArray:
    """Images (rows of a matrix) as samples x rows x columns x channels, with columns of zeros: one to the left, two to the right."""
    return np.pad(bits.reshape(len(bits), height, width, -1), ((0, 0), (0, 0), (1, 2), (0, 0)))


def distance(left: NDArray, right: NDArray, exact: NDArray, out: str, steps: int) -> NDArray:
    """How far a sum of products of so many steps may lie from the exact one: docs/numerics.md 7.9, as in ``Gemm.exact``."""
    largest = _largest(left) * _largest(right)
    quantum = 2.0**-30 * largest
    return 3 * steps * quantum * (1 + 2.0**-8) + rounding(np.abs(exact) + quantum, out)


def _largest(values: NDArray[np.float64]) -> float:
    """The largest finite magnitude, and not less than the smallest normal number."""
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=2.0**-126))


def alike(lines: list[Line]) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """The lines by their taps: taps, and which lines have them."""
    for taps in dict.fromkeys(line.taps for line in lines):
        yield taps, [number for number, line in enumerate(lines) if line.taps == taps]
