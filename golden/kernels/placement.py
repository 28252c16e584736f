"""Matrices in SRAM: where they lie, their bytes, and the descriptors that walk over them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.arch.descriptor import Descriptor, step_code
from golden.arch.formats import FLOAT_FORMATS
from golden.arch.memmap import PROGRAM_BASE
from golden.numerics.convert import storage_dtype

DTYPES: dict[str, type[np.unsignedinteger]] = {name: storage_dtype(fmt) for name, fmt in FLOAT_FORMATS.items()}
DTYPES |= {"U8": np.uint8, "U32": np.uint32}
"""Of bit patterns, by the name of their format."""
PITCH_BYTES, ALIGNMENT = 16, 64
MAX_ROWS, MAX_COLUMNS, MAX_PITCH = 8191, 16383, 8 * 8191  # the descriptor's fields (docs/isa.md)
CONFLICT_BYTES = 496  # gathers at multiples of 31 * 16 B fall on few banks (docs/sram.md)


@dataclass(frozen=True)
class Matrix:
    """A row-major matrix of bit patterns in SRAM: ``rows`` x ``columns`` elements of ``format``, ``pitch`` bytes from row to row."""

    name: str
    address: int
    rows: int
    columns: int
    format: str
    pitch: int

    @property
    def elem(self) -> int:
        """log2 of the element's bytes."""
        return {1: 0, 2: 1, 4: 2}[self.dtype.itemsize]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(DTYPES[self.format])

    @property
    def size(self) -> int:
        """Bytes from the first to past the last, padding of the last row included."""
        return self.rows * self.pitch

    def pack(self, bits: NDArray) -> bytes:
        """The matrix's bytes, padding zero; ``bits`` are rows x columns bit patterns."""
        if bits.shape != (self.rows, self.columns):
            raise ValueError(f"{self.name} is {self.rows}x{self.columns}, not {'x'.join(map(str, bits.shape))}")
        image = np.zeros((self.rows, self.pitch // self.dtype.itemsize), self.dtype)
        image[:, : self.columns] = bits
        return image.astype(self.dtype.newbyteorder("<")).tobytes()

    def unpack(self, image: bytes) -> NDArray:
        """Bit patterns, rows x columns, from the matrix's bytes."""
        rows = np.frombuffer(image, self.dtype.newbyteorder("<")).reshape(self.rows, -1)
        return rows[:, : self.columns].astype(self.dtype)

    def window(self, row: int, column: int, rows: int, columns: int) -> Matrix:
        """The part of ``rows`` x ``columns`` elements whose first is (row, column), as a matrix of its own."""
        if row < 0 or column < 0 or row + rows > self.rows or column + columns > self.columns:
            raise ValueError(f"{self.name} is {self.rows}x{self.columns}: it holds no {rows}x{columns} at ({row}, {column})")
        address = self.address + row * self.pitch + column * self.dtype.itemsize
        return Matrix(self.name, address, rows, columns, self.format, self.pitch)

    def descriptor(self, inner: int = 0, outer: int = 0) -> Descriptor:
        """A descriptor over the matrix with its origin at the first element; steps as ``descriptor.step_code`` gives them."""
        if self.address % 8:
            raise ValueError(f"{self.name} begins at {self.address:#x}, no multiple of 8")
        limits = ((self.rows, "rows", MAX_ROWS), (self.columns, "columns", MAX_COLUMNS), (self.pitch, "bytes a row", MAX_PITCH))
        for value, what, most in limits:
            if value > most:
                raise ValueError(f"{self.name} has {value} {what}, a descriptor holds {most}")
        return Descriptor(
            base=self.address // 8,
            row_pitch=self.pitch // 8,
            rows=self.rows,
            columns=self.columns,
            elem=self.elem,
            inner=inner,
            outer=outer,
        )


@dataclass
class Allocator:
    """Hands out SRAM from low to high addresses, each piece at a multiple of ``ALIGNMENT``.

    Raises
    ------
    ValueError
        When the SRAM of ``config`` is full: what was asked for, and what is left.
    """

    config: NodeConfig
    next: int = PROGRAM_BASE
    matrices: dict[str, Matrix] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.next > self.config.sram_bytes:
            size = self.next - PROGRAM_BASE
            raise ValueError(f"the program needs {size} bytes, {self.config.name} has {self.config.sram_bytes} bytes of SRAM")

    def reserve(self, size: int, name: str = "buffer") -> int:
        """The address of ``size`` fresh bytes."""
        address = -(-self.next // ALIGNMENT) * ALIGNMENT
        if address + size > self.config.sram_bytes:
            left = max(0, self.config.sram_bytes - address)
            raise ValueError(
                f"{name} needs {size} bytes, {left} of the {self.config.sram_bytes} bytes of SRAM are left in {self.config.name}: "
                "take a smaller shape or batch, or a configuration with more"
            )
        self.next = address + size
        return address

    def matrix(self, name: str, rows: int, columns: int, format: str, pitch: int | None = None, size: int | None = None) -> Matrix:
        """A fresh matrix; ``pitch``: bytes from row to row; ``size``: bytes that may be walked, when more than its own."""
        pitch = pitch_of(columns, format) if pitch is None else pitch
        matrix = Matrix(name, self.reserve(max(rows * pitch, size or 0), name), rows, columns, format, pitch)
        self.matrices[name] = matrix
        return matrix


def pitch_of(columns: int, format: str) -> int:
    """Bytes from row to row: the smallest multiple of 16 that holds a row and gathers without conflicts."""
    pitch = max(1, -(-columns * np.dtype(DTYPES[format]).itemsize // PITCH_BYTES)) * PITCH_BYTES
    return pitch + PITCH_BYTES if pitch % CONFLICT_BYTES == 0 else pitch


def steps(axis_inner: str, inner: int, axis_outer: str, outer: int) -> dict[str, int]:
    """The two step codes of a descriptor as keyword arguments."""
    return {"inner": step_code(axis_inner, inner), "outer": step_code(axis_outer, outer)}
