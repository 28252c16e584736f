"""A 3x3 convolution, and its backward pass to the images: golden.kernels.conv_shape says how images lie.

    Y[oy, ox] = sum over ky, kx of X[s oy + ky - 1, s ox + kx - 1] W[ky, kx]        (and ReLU)
    dX[y, x] = sum over oy, ox, ky, kx with s oy + ky - 1 = y, s ox + kx - 1 = x of dY[oy, ox] W[ky, kx]'

Terms are added in ascending order of the source's pixels and, of a pixel, of its channels, four a step, into one accumulator. Pixels left
and right of the image are zeros that are multiplied; rows above and below are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import FLOAT_FORMATS
from golden.kernels.conv_pixels import Pixels
from golden.kernels.conv_shape import FOUR, SIZE, TAPS, Convolution, Line, alike, bordered, distance
from golden.kernels.kernel import Axis, Operand, Role, Shaped, choice, flag, kernel
from golden.kernels.placement import Matrix, steps
from golden.numerics import matrix

SAMPLES = 16  # of a block


@dataclass(frozen=True)
class PixelSums(Convolution):
    """What both have in common: a result whose pixels are sums over pixels of a source."""

    SOURCE, RESULT = "x", "y"
    transposed = False

    def axes(self) -> tuple[Axis, ...]:
        return (Axis("m", {self.SOURCE: 0, self.RESULT: 0}, SAMPLES),)

    def sides(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Rows, columns and channels of the source and of the result."""
        raise NotImplementedError

    def lines(self, size: int) -> list[Line]:
        """For the pixels of the result along an axis with so many, those of the source."""
        raise NotImplementedError

    def _lines(self) -> tuple[list[Line], list[Line]]:
        source, result = self.sides()
        return [line.inside(source[0]) for line in self.lines(result[0])], self.lines(result[1])

    def _sums(self, source: NDArray, weights: NDArray) -> Iterator[tuple[tuple[NDArray, NDArray], NDArray, NDArray]]:
        """For pixels with like taps where they are in the result (rows and columns), and what is multiplied: pixels x samples x terms by
        terms x channels."""
        (height, width, _), _ = self.sides()
        images = bordered(source, height, width)
        filters = weights.reshape(SIZE, SIZE, FOUR * self.channels, FOUR * self.filters)
        filters = filters.swapaxes(2, 3) if self.transposed else filters
        rows, columns = self._lines()
        for down, at_rows in alike(rows):
            for across, at_columns in alike(columns):
                places = np.array([(y, x) for y in at_rows for x in at_columns])
                terms = [
                    np.stack([images[:, rows[y].first + i, columns[x].first + j + 1] for y, x in places])
                    for i in range(len(down))
                    for j in range(len(across))
                ]
                taps = np.concatenate([filters[y, x] for y in down for x in across])
                yield (places[:, 0], places[:, 1]), np.concatenate(terms, axis=-1), taps

    def _pixels(self, source: NDArray, weights: NDArray, out: str, relu: bool = False) -> NDArray:
        height, width, channels = self.sides()[1]
        fmt = FLOAT_FORMATS[out]
        result = np.zeros((self.m, height, width, channels), np.uint16 if fmt.bits == 16 else np.uint32)
        for (y, x), left, right in self._sums(source, weights):
            result[:, y, x] = matrix.drain(matrix.gemm_acc(left, right), fmt, relu=relu).swapaxes(0, 1)
        return result.reshape(self.m, -1)

    def _exact(self, source: NDArray, weights: NDArray, out: str, relu: bool = False) -> tuple[NDArray, NDArray]:
        height, width, channels = self.sides()[1]
        exact = np.zeros((self.m, height, width, channels))
        with np.errstate(invalid="ignore", over="ignore"):
            for (y, x), left, right in self._sums(source, weights):
                exact[:, y, x] = (left @ right).swapaxes(0, 1)
            exact = np.where((exact < 0) & relu, 0, exact).reshape(self.m, -1)
            return exact, distance(source, weights, exact, out, TAPS * self.sides()[0][2] // FOUR)

    def _text(self, label: str, out: str, relu: bool = False) -> str:
        (_, width, channels), (_, _, results) = self.sides()
        rows, columns = self._lines()
        return Pixels(self.m, rows, columns, width, channels // FOUR, results, out, relu, self.transposed).text(label)

    def _arguments(self, source: Matrix, weights: Matrix, result: Matrix) -> tuple[Descriptor, ...]:
        (_, width, channels), _ = self.sides()
        image_row = source.window(0, 0, self.m, width * channels)
        if self.transposed:
            taps = weights.window(0, 0, FOUR * self.channels, FOUR * self.filters).descriptor(**steps("x", 1, "y", 16))
        else:
            taps = weights.descriptor(**steps("y", FOUR, "x", 4))
        right = 2 * result.dtype.itemsize
        return image_row.descriptor(**steps("x", 1, "y", SAMPLES)), taps, result.descriptor(**steps("x", right, "y", SAMPLES))

    def _distance(self, weights: Matrix) -> int:
        """Words from a tap to the next."""
        return FOUR * self.channels * weights.pitch // 8


@kernel("conv")
class Conv(PixelSums):
    """Y = X convolved with 3x3 filters W, ReLU on request, on the matrix unit."""

    out: str = choice("format of Y", "BF16", "FP32")
    relu: bool = flag("Y ends in a ReLU")

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        return super().of(operands, **{"out": operands["y"].format, **given})

    def operands(self) -> tuple[Operand, ...]:
        return self.images_operand("x"), self.weights_operand("w"), self.results_operand("y", self.out, Role.OUT)

    def sides(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        return self.image, self.result

    def lines(self, size: int) -> list[Line]:
        return [Line(self.stride * at - 1, tuple(range(SIZE))) for at in range(size)]

    def reference(self, x: NDArray, w: NDArray) -> dict[str, NDArray]:
        return {"y": self._pixels(x, w, self.out, self.relu)}

    def exact(self, x, w):
        return {"y": self._exact(x, w, self.out, self.relu)}

    def text(self, label: str) -> str:
        return self._text(label, self.out, self.relu)

    def views(self, x: Matrix, w: Matrix, y: Matrix) -> tuple[Descriptor, ...]:
        return self._arguments(x, w, y)

    def arguments(self, x: Matrix, w: Matrix, y: Matrix) -> tuple[int, ...]:
        return *super().arguments(x=x, w=w, y=y), self._distance(w)


@kernel("conv-backward-x")
class ConvBackwardX(PixelSums):
    """dX of a 3x3 convolution from dY and its filters W."""

    NAMES = ("dx", "dy", "w")
    SOURCE, RESULT = "dy", "dx"
    transposed = True

    def operands(self) -> tuple[Operand, ...]:
        return self.results_operand("dy"), self.weights_operand("w"), self.images_operand("dx", "FP32", Role.OUT)

    def sides(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        return self.result, self.image

    def lines(self, size: int) -> list[Line]:
        found = []
        for at in range(size):
            taps = tuple(tap for tap in reversed(range(SIZE)) if (at + 1 - tap) % self.stride == 0)
            found.append(Line((at + 1 - taps[0]) // self.stride, taps))
        return found

    def reference(self, dy: NDArray, w: NDArray) -> dict[str, NDArray]:
        return {"dx": self._pixels(dy, w, "FP32")}

    def exact(self, dy, w):
        return {"dx": self._exact(dy, w, "FP32")}

    def text(self, label: str) -> str:
        return self._text(label, "FP32")

    def views(self, dy: Matrix, w: Matrix, dx: Matrix) -> tuple[Descriptor, ...]:
        return self._arguments(dy, w, dx)

    def arguments(self, dy: Matrix, w: Matrix, dx: Matrix) -> tuple[int, ...]:
        return *super().arguments(dy=dy, w=w, dx=dx), self._distance(w)
