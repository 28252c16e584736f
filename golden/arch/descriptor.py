"""Address descriptors: a 2-D view of memory with a moving origin, 128 bits, set by ``setd`` from two scalar registers.

A descriptor names a matrix (or image) in SRAM and a position in it. A vector memory instruction takes *pieces* of 8, 16, 32 or 64
bytes at that position, ``piece i`` one row below piece ``i - 1``, and may then step the position.

========== ==== ===== ==========================================================================================
field      bits unit  meaning
========== ==== ===== ==========================================================================================
base       18   8 B   address of element (y0, x0), the origin as it stands
row_pitch  13   8 B   distance from a row to the next
pixel      10   8 B   distance from a pixel to its right neighbour (images, ``width`` > 1; else 0)
rows       13   rows  extent in y: rows 0 to rows - 1 exist
columns    14   elem  extent in x: columns 0 to columns - 1 exist (images: flattened x * C + c)
y0         14   rows  signed row of the origin
x0         15   elem  signed column of the origin
elem       2    -     element size: 1, 2, 4, 8 bytes = 0, 1, 2, 3
width      2    -     pixels per image row of a gather: 1, 2, 4, 8 = 0, 1, 2, 3
inner      5    -     step: direction (bit 4: 1 backwards), axis (bit 3: 0 x, 1 y), log2 of the count (bits 2..0)
outer      5    -     the same, for the outer step
========== ==== ===== ==========================================================================================

Bits not named are reserved and must be zero. Fields lie in this order from bit 0. A step along x moves by 8 B << n; along y by
1 << n rows. The descriptor holds two positions: *outer* (what ``setd`` set, moved by outer steps) and *inner* (moved by inner steps,
taken by instructions); an outer step and ``dstep restart`` put inner back onto outer. The image is the outer position.
Elements outside the extents read as zero and are not written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIELDS: tuple[tuple[str, int, bool], ...] = (
    ("base", 18, False),
    ("row_pitch", 13, False),
    ("pixel", 10, False),
    ("rows", 13, False),
    ("columns", 14, False),
    ("y0", 14, True),
    ("x0", 15, True),
    ("elem", 2, False),
    ("width", 2, False),
    ("inner", 5, False),
    ("outer", 5, False),
)
BITS = 128
RESERVED_LO = sum(width for _, width, _ in FIELDS)
STEP_X, STEP_Y, STEP_BACK = 0, 8, 16


def step_code(axis: str, count: int) -> int:
    """The 5-bit step for ``count`` units (a power of two up to 128, negative for backwards) along ``"x"`` (8 B) or ``"y"`` (rows)."""
    size = abs(count)
    if axis not in ("x", "y"):
        raise ValueError(f"a step goes along x or y, not {axis!r}")
    if size == 0 or size & (size - 1) or size > 128:
        raise ValueError(f"a step of {count} is no power of two from 1 to 128")
    return (STEP_BACK if count < 0 else 0) | (STEP_Y if axis == "y" else STEP_X) | (size.bit_length() - 1)


@dataclass(frozen=True)
class Descriptor:
    """One descriptor image; ``pack`` gives the two 64-bit halves for ``setd`` (low first)."""

    base: int = 0
    row_pitch: int = 0
    pixel: int = 0
    rows: int = 0
    columns: int = 0
    y0: int = 0
    x0: int = 0
    elem: int = 0
    width: int = 0
    inner: int = 0
    outer: int = 0

    def pack(self) -> tuple[int, int]:
        image, lo = 0, 0
        for name, width, signed in FIELDS:
            value = getattr(self, name)
            low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
            if not low <= value <= high:
                raise ValueError(f"descriptor field {name} = {value} does not fit: {low} to {high}")
            image |= (value & ((1 << width) - 1)) << lo
            lo += width
        return image & ((1 << 64) - 1), image >> 64

    @staticmethod
    def unpack(low: int, high: int) -> Descriptor:
        """The fields of an image; ValueError when a reserved bit is set."""
        image, lo, values = low | high << 64, 0, {}
        for name, width, signed in FIELDS:
            value = (image >> lo) & ((1 << width) - 1)
            if signed and value >> (width - 1):
                value -= 1 << width
            values[name] = value
            lo += width
        if image >> RESERVED_LO:
            raise ValueError("a reserved bit of the descriptor is set")
        return Descriptor(**values)

    @property
    def elem_bytes(self) -> int:
        return 1 << self.elem

    def stepped(self, code: int) -> Descriptor:
        """The descriptor moved by one step of ``code`` (address modulo 2 MB, position modulo its field)."""
        count = (1 << (code & 7)) * (-1 if code & STEP_BACK else 1)
        if code & STEP_Y:
            return replace(self, base=(self.base + count * self.row_pitch) % (1 << 18), y0=_wrap(self.y0 + count, 14))
        return replace(self, base=(self.base + count) % (1 << 18), x0=_wrap(self.x0 + count * (8 >> self.elem), 15))


def _wrap(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
