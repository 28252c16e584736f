"""The gradient of the filters of a 3x3 convolution: golden.kernels.conv_shape says how images lie.

    dW[ky, kx] = sum over oy, ox and samples of X[s oy + ky - 1, s ox + kx - 1]' dY[oy, ox]

For a row of the filter the three taps of a pixel are neighbours, so that X gives rows of dW and dY columns: blocks of up to 4x2 tiles take,
pixel after pixel, four samples a step. Pixels left and right of the image are zeros that are multiplied; rows above and below are left out.

x1..x6 hold the images of a row of X, of dY and of a row of the filter of dW; x7 the words from one of these to the next.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.kernels.conv_shape import FOUR, SIZE, Convolution, bordered, distance
from golden.kernels.kernel import Operand, Role, kernel
from golden.kernels.placement import Matrix, steps
from golden.kernels.stream import repeated
from golden.numerics import matrix

_TILES, _WIDE = 4, 2
"""Of a block, down and right."""
_ZERO = 31
_ROW, _PIXEL, _COLUMN, _MASK, _HIGH, _DY, _DY_HIGH, _STEP, _DY_STEP, _OUT = range(8, 18)
"""Words of a row of X and of its pixel, the pixel's position, the mask of positions; halves for the next descriptor; those of dY; what is
added to positions; words of dW."""
_UNROLLED = 8
"""Steps of a pixel that are written out."""


@kernel("conv-backward-w")
class ConvBackwardW(Convolution):
    """dW of a 3x3 convolution from its images X and dY."""

    NAMES = ("x", "dy", "dw")

    def operands(self) -> tuple[Operand, ...]:
        return self.images_operand("x"), self.results_operand("dy"), self.weights_operand("dw", "FP32", Role.OUT)

    def _rows(self, tap: int) -> range:
        """Rows of the result for which this row of the filter meets the image."""
        meets = [at for at in range(self.result[0]) if 0 <= self.stride * at + tap - 1 < self.height]
        return range(meets[0], meets[-1] + 1) if meets else range(0)

    def _sums(self, x: NDArray, dy: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
        """For each row of the filter what is multiplied: its taps and channels x terms by terms x filters; a pixel's terms are padded to
        whole steps with zeros."""
        spare = ((0, -self.m % FOUR), (0, 0))
        images, results = (np.pad(bits, spare) for bits in (x, dy))
        images, results = bordered(images, *self.image[:2]), results.reshape(len(results), *self.result)
        for tap in range(SIZE):
            places = [(y, at) for y in self._rows(tap) for at in range(self.result[1])]
            nothing = np.zeros((0, SIZE * self.image[2]), x.dtype), np.zeros((0, self.result[2]), dy.dtype)
            left = [images[:, self.stride * y + tap - 1, self.stride * at :][:, :SIZE].reshape(len(images), -1) for y, at in places]
            right = [results[:, y, at] for y, at in places]
            yield np.concatenate([nothing[0], *left]).T, np.concatenate([nothing[1], *right])

    def reference(self, x: NDArray, dy: NDArray) -> dict[str, NDArray]:
        return {"dw": np.concatenate([matrix.drain(matrix.gemm_acc(left, right)) for left, right in self._sums(x, dy)])}

    def exact(self, x, dy):
        with np.errstate(invalid="ignore", over="ignore"):
            exact = np.concatenate([left @ right for left, right in self._sums(x, dy)])
            terms = int(np.prod(self.result[:2])) * -(-self.m // FOUR)
            return {"dw": (exact, distance(x, dy, exact, "FP32", terms))}

    def views(self, x: Matrix, dy: Matrix, dw: Matrix) -> tuple[Descriptor, ...]:
        row = x.window(0, 0, self.m, self.width * self.image[2])
        taps = dw.window(0, 0, SIZE * self.image[2], self.result[2])
        samples = steps("y", FOUR, "y", FOUR)
        return row.descriptor(**samples), dy.descriptor(**samples), taps.descriptor(**steps("y", 16, "x", 8))

    def arguments(self, x: Matrix, dy: Matrix, dw: Matrix) -> tuple[int, ...]:
        return *super().arguments(x=x, dy=dy, dw=dw), SIZE * self.image[2] * dw.pitch // 8

    # --- text --------------------------------------------------------------------------------------------------------------------

    def text(self, label: str) -> str:
        lines = [f"li x{_MASK}, -1", f"srli x{_MASK}, x{_MASK}, 49", f"slli x{_MASK}, x{_MASK}, 18"]
        lines += [f"li x{_STEP}, {self.stride * self.image[2]}", f"slli x{_STEP}, x{_STEP}, 18"]
        lines += [f"li x{_DY_STEP}, {self.result[2]}", f"slli x{_DY_STEP}, x{_DY_STEP}, 18"]
        lines += [f"vxor v{_ZERO}, v{_ZERO}, v{_ZERO}", f"addi x{_OUT}, x5, 0"]
        tiles, wide = -(-SIZE * self.image[2] // 8), -(-self.result[2] // 8)
        blocks = [(i, min(_TILES, tiles - i), j, min(_WIDE, wide - j)) for j in range(0, wide, _WIDE) for i in range(0, tiles, _TILES)]
        for tap in range(SIZE):
            for number, block in enumerate(blocks):
                lines += self._block(f"{label}_{tap}_{number}", tap, *block)
            lines += [f"add x{_OUT}, x{_OUT}, x7"]
        text = [line if line.endswith(":") else f"        {line.strip()}" for line in lines]
        return "\n".join([f"{label}:", *text, "        jr x31"]) + "\n"

    def _block(self, label: str, tap: int, first: int, tiles: int, left: int, wide: int) -> list[str]:
        """``tiles`` x ``wide`` tiles of dW in a row of the filter, over all pixels."""
        rows, words, out_words = self._rows(tap), self.channels, self.filters
        lines = [f"cld.row c{_WIDE * i + j}, v{_ZERO}, 0" for i in range(tiles) for j in range(wide)]
        if rows:
            lines += _add(_ROW, 1, (self.stride * rows[0] + tap - 1) * self.width * words - words + 2 * first)
            lines += _add(_DY, 3, rows[0] * self.result[1] * out_words + 2 * left)
            lines += [f"li x{_DY_HIGH}, {rows[0] * self.result[1] * self.result[2] + 8 * left}", f"slli x{_DY_HIGH}, x{_DY_HIGH}, 18"]
            lines += [f"add x{_DY_HIGH}, x{_DY_HIGH}, x4"]
            pixel = [f"and x{_HIGH}, x{_COLUMN}, x{_MASK}", f"or x{_HIGH}, x{_HIGH}, x2", f"setd d0, x{_PIXEL}, x{_HIGH}"]
            pixel += [f"setd d1, x{_DY}, x{_DY_HIGH}", *_samples(f"{label}_samples", -(-self.m // FOUR), tiles, wide)]
            pixel += [*_add(_PIXEL, _PIXEL, self.stride * words), f"add x{_COLUMN}, x{_COLUMN}, x{_STEP}"]
            pixel += [*_add(_DY, _DY, out_words), f"add x{_DY_HIGH}, x{_DY_HIGH}, x{_DY_STEP}"]
            row = [f"addi x{_PIXEL}, x{_ROW}, 0", f"li x{_COLUMN}, {8 * first - self.image[2]}", f"slli x{_COLUMN}, x{_COLUMN}, 18"]
            row += repeated(f"{label}_row", self.result[1], pixel)
            row += _add(_ROW, _ROW, self.stride * self.width * words)
            lines += repeated(label, len(rows), row)
        lines += [f"setd d2, x{_OUT}, x6", *["dstep d2, outer"] * (left // _WIDE), *["dstep d2"] * (first // 2)]
        for i in range(tiles):
            for j in range(wide):
                step = ", inner" if i % 2 and j == wide - 1 else ""
                lines.append(f"drain.f32 c{_WIDE * i + j}, d2[{i % 2},{j}]{step}")
        return lines


def _samples(label: str, count: int, tiles: int, wide: int) -> list[str]:
    """All samples of a pixel, four a step."""
    groups = _ZERO // (tiles + wide)

    def step(number: int) -> list[str]:
        v = (tiles + wide) * (number % groups)
        lines = [f"vld.g16 v{v + i}, d0{f'[0,{i}]' if i else ', inner'}" for i in reversed(range(tiles))]
        lines += [f"vld.g16 v{v + tiles + j}, d1{f'[0,{j}]' if j else ', inner'}" for j in reversed(range(wide))]
        return lines + [f"step.bf16 c{_WIDE * i + j}, v{v + i}, v{v + tiles + j}, at" for i in range(tiles) for j in range(wide)]

    turns = count // groups if count > _UNROLLED else 0
    lines = repeated(label, turns, [line for number in range(groups) for line in step(number)]) if turns else []
    return lines + [line for number in range(turns * groups, count) for line in step(number)]


def _add(to: int, of: int, value: int) -> list[str]:
    return [f"addi x{to}, x{of}, {value}"] if abs(value) <= 511 else [f"li x30, {value}", f"add x{to}, x{of}, x30"]
