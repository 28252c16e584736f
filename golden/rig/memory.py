"""Memory of a random program: which thread owns what, what it holds at first, and descriptors that stay inside it.

A descriptor is safe when every element inside its extents lies in the thread's own part, wherever its position has moved: the matrix is
placed inside the part and the origin anywhere around it, so that address and position always agree.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from golden.arch.descriptor import STEP_BACK, STEP_Y, Descriptor
from golden.arch.isa import THREADS

REGION = 8192  # bytes that a thread owns
TABLE = 2048  # bytes of its tables: images, scalars, lines of ordinary numbers
LINES = 64  # lines of 64 bytes for messages
SCALARS, ORDINARY = 512, 1024  # offsets in a table
IMAGES = 4  # images of each descriptor
SCRATCH = 7  # the descriptor that a snippet sets before it uses it
BF16_LINES, F32_LINES, SCRATCH_INIT = 28, 29, 31  # images that walk over ordinary BF16, FP32, and the part's first 2 KB
NARROW_WORDS = 4  # of a row of four tiles, eight elements of one byte each
X_LIMIT, Y_LIMIT = 1700, 7500  # words and rows that a position may move in all

KINDS = ("load", "load", "store", "store", "store", "bf16", "f32")
"""What descriptor i is for: gathers of any kind, gathers and stores, drains of one format."""

INTERESTING_F32 = (
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x80800000, 0x3F800000, 0xBF800000, 0x3F7FFFFF,
    0x3F800001, 0x40000000, 0x40490FDB, 0x4B000000, 0x4EFFFFFF, 0x4F000000, 0xCF000000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000,
    0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF, 0x00000400, 0x43000000, 0xC3160000, 0x3DCCCCCD, 0x34000000,
)
INTERESTING_U64 = (0, 1, 2, 7, 63, 64, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 32) - 1, 1 << 32, 0x5555555555555555)


@dataclass(frozen=True)
class Layout:
    """Addresses of the parts, from the top of SRAM down; ``reserved`` bytes at the bottom for what nodes send each other."""

    sram_bytes: int
    reserved: int = 0

    def region(self, thread: int) -> int:
        return self.sram_bytes - (thread + 1) * REGION

    def table(self, thread: int) -> int:
        return self.sram_bytes - THREADS * REGION - (thread + 1) * TABLE

    def line(self, number: int) -> int:
        return self.bottom + self.reserved + 64 * number

    @property
    def bottom(self) -> int:
        """First byte that a program may not fill."""
        return self.sram_bytes - THREADS * (REGION + TABLE) - 64 * LINES - self.reserved


def line_image(address: int, step: int = 0) -> Descriptor:
    """64 bytes at an address, whole; ``step``: code of the inner step."""
    return Descriptor(base=address // 8, rows=4096, columns=8192, inner=step)


def random_image(rng: random.Random, kind: str, region: int) -> Descriptor:
    """A descriptor of ``kind`` over a random matrix inside the region, its origin somewhere around it."""
    elem = {"bf16": 1, "f32": 2}.get(kind, rng.randrange(4))
    size = 1 << elem
    loose = kind == "f32" and rng.random() < 0.3  # an element size unlike the drain's: no x, and room for the larger one
    if loose:
        elem = rng.randrange(4)
        size = 8
    columns = rng.choice((1, 2, 3, 5, 7, 8, 9, 12, 16, 17, 24, 31, 32, 33, 64, 65, 100, 128)) * (2 if elem == 0 else 1)
    width = -(-columns * size // 8)
    pitch = width + rng.choice((0, 0, 1, 2, 3, 6, rng.randrange(40)))
    if rng.random() < 0.1:
        pitch = max(width, rng.choice((62, 64)))
    if kind == "load" and rng.random() < 0.2:
        pitch = rng.choice((0, 1, 2, 5))
    # A drain of eight-bit elements has half the bytes left of its matrix, so what it stores may begin a tile's width before it.
    left = NARROW_WORDS if kind == "bf16" else 0
    room = REGION // 8 - left
    rows = min(rng.choice((1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 40, 64, 100)), (room - width) // max(pitch, 1) + 1)
    first = region // 8 + left + rng.randrange(room - (rows - 1) * pitch - width + 1)
    inner, outer = _step(rng, loose), _step(rng, loose)
    x_words = 0 if loose else _around(rng, -(-columns * (1 << elem) // 8), inner & STEP_BACK and not inner & STEP_Y)
    y0 = _around(rng, rows, inner & STEP_BACK and inner & STEP_Y)
    return Descriptor(
        base=(first + y0 * pitch + x_words) % (1 << 18),
        row_pitch=pitch,
        rows=rows,
        columns=columns,
        y0=y0,
        x0=x_words * (8 >> elem),
        elem=elem,
        inner=inner,
        outer=outer,
    )


def _around(rng: random.Random, extent: int, back: int) -> int:
    """A start for an axis of ``extent``: mostly where steps begin, else before it, inside it, or past it."""
    if back:
        return max(0, extent - rng.choice((1, 2, 4, 8, 9)))
    return rng.choice((0, 0, 0, 0, 0, -1, -3, -rng.randrange(1, 12), rng.randrange(extent + 1), extent - 1, extent + 2))


def _step(rng: random.Random, only_y: bool) -> int:
    size = rng.choice((0, 0, 0, 0, 1, 1, 2, 3)) if rng.random() < 0.9 else rng.randrange(8)
    axis = STEP_Y if only_y or rng.random() < 0.5 else 0
    return size | axis | (STEP_BACK if rng.random() < 0.4 else 0)


def step_cost(images: Sequence[Descriptor]) -> tuple[int, int]:
    """The most words and rows that one step of any of these images moves."""
    codes = [code for image in images for code in (image.inner, image.outer)]
    return (
        max((1 << (code & 7) for code in codes if not code & STEP_Y), default=0),
        max((1 << (code & 7) for code in codes if code & STEP_Y), default=0),
    )


def region_bytes(data: np.random.Generator, size: int) -> bytes:
    """What a thread's part holds at first: random bytes, ordinary and peculiar FP32 and BF16 numbers, by 64 bytes."""
    return b"".join(_line(data, int(data.integers(6))) for _ in range(size // 64))


def _line(data: np.random.Generator, kind: int) -> bytes:
    match kind:
        case 0:
            return data.integers(0, 256, 64, np.uint8).tobytes()
        case 1:
            return data.choice(np.array(INTERESTING_F32, np.uint32), 16).astype("<u4").tobytes()
        case 2:
            return (data.choice(np.array(INTERESTING_F32, np.uint32), 32) >> 16).astype("<u2").tobytes()
        case 3:
            return (data.standard_normal(16) * 10.0 ** data.integers(-3, 4)).astype("<f4").tobytes()
        case 4:
            return ((data.standard_normal(32) * 2.0 ** data.integers(-20, 20)).astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        case _:
            return data.integers(-20, 20, 16).astype("<i4").tobytes()


def table_bytes(data: np.random.Generator, images: Sequence[Descriptor]) -> bytes:
    """Images by number, 64 scalars, peculiar ones among them, 8 lines of ordinary BF16 and 8 of FP32."""
    table = bytearray(TABLE)
    for i, image in enumerate(images):
        table[16 * i : 16 * i + 16] = b"".join(half.to_bytes(8, "little") for half in image.pack())
    for i in range((ORDINARY - SCALARS) // 8):
        value = int(data.integers(0, 1 << 64, dtype=np.uint64))
        if data.random() < 0.3:
            value = INTERESTING_U64[data.integers(len(INTERESTING_U64))]
        elif data.random() < 0.3:
            value = (value % 200 - 100) % (1 << 64)
        table[SCALARS + 8 * i : SCALARS + 8 * i + 8] = value.to_bytes(8, "little")
    for i in range(16):
        table[ORDINARY + 64 * i : ORDINARY + 64 * i + 64] = _line(data, 4 if i < 8 else 3)
    return bytes(table)
