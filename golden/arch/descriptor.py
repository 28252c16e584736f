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

from golden.arch import bits
from golden.arch.bits import Layout

IMAGE = Layout.of(
    "descriptor", base=18, row_pitch=13, pixel=10, rows=13, columns=14, y0=-14, x0=-15, elem=2, width=2, inner=5, outer=5
)
BITS = 128
RESERVED_LO = IMAGE.width
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
        """The image; ValueError for a field that does not fit."""
        image = IMAGE.pack(vars(self))
        return image & ((1 << 64) - 1), image >> 64

    @staticmethod
    def unpack(low: int, high: int) -> Descriptor:
        """The fields of an image; ValueError when a reserved bit is set."""
        image = low | high << 64
        if image >> RESERVED_LO:
            raise ValueError("a reserved bit of the descriptor is set")
        return Descriptor(**IMAGE.unpack(image))

    @property
    def elem_bytes(self) -> int:
        return 1 << self.elem

    def stepped(self, code: int) -> Descriptor:
        """The descriptor moved by one step of ``code`` (address modulo 2 MB, position modulo its field)."""
        count = (1 << (code & 7)) * (-1 if code & STEP_BACK else 1)
        if code & STEP_Y:
            return replace(self, base=_wrap("base", self.base + count * self.row_pitch), y0=_wrap("y0", self.y0 + count))
        return replace(self, base=_wrap("base", self.base + count), x0=_wrap("x0", self.x0 + count * (8 >> self.elem)))


def _wrap(name: str, value: int) -> int:
    """The value modulo its field."""
    return bits.decode(value, IMAGE[name].width, IMAGE[name].signed)
