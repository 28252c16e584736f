"""What optimisers that keep moments share: FP32 arrays as they lie in memory, and the BF16 copy that the matrix unit reads.

All arrays are walked as rows of 16 elements, padding included: pitches are in the ratio of the elements' sizes, and whatever the padding
holds stays there or becomes another number, which nobody reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import FLOAT_FORMATS
from golden.arch.simd_ops import SIMD_LANES
from golden.kernels.kernel import Kernel, Operand, Role, Shaped, extent
from golden.kernels.placement import MAX_COLUMNS, MAX_ROWS, Matrix, steps


@dataclass(frozen=True)
class Masters(Kernel):
    """An optimiser of m x n weights."""

    m: int = extent(65, "rows", MAX_ROWS)
    n: int = extent(32, "columns", MAX_COLUMNS)

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        return cls(**{"m": operands["w"].rows, "n": operands["w"].columns, **given})

    @property
    def elements(self) -> int:
        """Elements from row to row, as they lie."""
        per_line = 16 // FLOAT_FORMATS["BF16"].bytes
        return -(-self.n // per_line) * per_line

    @property
    def passes(self) -> int:
        """Rows of 16 elements."""
        return -(-self.m * self.elements // SIMD_LANES)

    def array(self, name: str, role: Role, format: str = "FP32", only: str = "") -> Operand:
        """An array of the weights' shape, with room for whole passes."""
        size = FLOAT_FORMATS[format].bytes
        return Operand(name, self.m, self.n, format, role, pitch=size * self.elements, size=size * SIMD_LANES * self.passes, only=only)

    def folded(self, matrix: Matrix) -> Descriptor:
        """The matrix as rows of 16 elements, its padding among them; ValueError when its pitch is not the one demanded."""
        size = matrix.dtype.itemsize
        if matrix.pitch != size * self.elements:
            raise ValueError(f"{self.name}: {matrix.name} has {matrix.pitch} bytes from row to row, not {size * self.elements}")
        return Matrix(matrix.name, matrix.address, self.passes, SIMD_LANES, matrix.format, size * SIMD_LANES).descriptor(
            **steps("y", 1, "y", 1)
        )


def held(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inf in place of what FP32 cannot hold."""
    return np.where(np.abs(values) > float(np.finfo(np.float32).max), np.copysign(np.inf, values), values)
