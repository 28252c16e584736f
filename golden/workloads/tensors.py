"""What a training step is made of: tensors, rectangles of them, and kernels on these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from numpy.typing import NDArray

from golden.arch.formats import FLOAT_FORMATS
from golden.kernels.kernel import Kernel, Role


class TensorKind(Enum):
    """Who writes a tensor, and how long it lives."""

    INPUT = "the host writes it before every step"
    STATE = "kept from step to step"
    OUTPUT = "the host reads it after every step"
    INNER = "between two calls of a step"
    GRADIENT = "the same, and a sum over the samples: the calls that read it want the sum over the whole batch"
    CONSTANT = "the host writes it once"


@dataclass(frozen=True, eq=False)
class Tensor:
    """A matrix of a step.

    Attributes
    ----------
    initial : bit patterns that the host writes once before the first step, None for none.
    copy_of : the FP32 state of which this state is the BF16 copy.
    samples : the axis along which the samples of a batch lie, of inputs and logits.
    part_of : of what a shard has of its own, the name in the workload's step.
    """

    name: str
    rows: int
    columns: int
    format: str
    kind: TensorKind
    initial: NDArray | None = None
    copy_of: Tensor | None = None
    samples: int | None = None
    part_of: str = ""

    def __getitem__(self, part: tuple[slice, slice]) -> View:
        (row, last_row, down), (column, last_column, right) = (
            piece.indices(size) for piece, size in zip(part, (self.rows, self.columns), strict=True)
        )
        if down != 1 or right != 1 or last_row <= row or last_column <= column:
            raise ValueError(f"{self.name} is {self.rows}x{self.columns}: {part} is no rectangle of it")
        return View(self, row, column, last_row - row, last_column - column)

    @property
    def base(self) -> str:
        """Its name in the workload's step."""
        return self.part_of or self.name

    @property
    def pinned(self) -> bool:
        """Whether it lives on when a step ends."""
        return self.kind in (TensorKind.STATE, TensorKind.CONSTANT) or self.initial is not None


@dataclass(frozen=True, eq=False)
class View:
    """A rectangle of a tensor."""

    tensor: Tensor
    row: int
    column: int
    rows: int
    columns: int

    @property
    def format(self) -> str:
        return self.tensor.format

    @property
    def whole(self) -> bool:
        return (self.rows, self.columns) == (self.tensor.rows, self.tensor.columns)

    def of(self, array: NDArray) -> NDArray:
        """The rectangle of the tensor's array."""
        return array[self.row : self.row + self.rows, self.column : self.column + self.columns]


@dataclass(frozen=True, eq=False)
class Call:
    """A kernel on views of tensors."""

    name: str
    kernel: Kernel
    views: Mapping[str, View]

    def written(self) -> Iterator[View]:
        return (self.views[operand.name] for operand in self.kernel.operands() if operand.role in (Role.OUT, Role.UPDATE))


def finite(bits: NDArray, format: str) -> bool:
    """Whether no element is NaN or Inf."""
    record = FLOAT_FORMATS.get(format)
    if record is None or not record.ieee_specials:
        return True
    exponent = record.exponent_max << record.mantissa_bits
    return not ((bits & bits.dtype.type(exponent)) == exponent).any()
