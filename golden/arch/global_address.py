"""The global address: a byte in another node or behind an edge port, and whether its arrival is told.

A thread builds it in a scalar register; bits that belong to no field are zero. Reads and raises do not look at `semaphore` and `notify`.
"""

from __future__ import annotations

from golden.arch.bits import Layout
from golden.arch.memmap import LINE_BYTES, Fault
from golden.arch.packet import COORD_BITS, HEADER, Place

GLOBAL = Layout.of("global address", address=HEADER["address"].width, x=COORD_BITS, y=COORD_BITS, semaphore=6, notify=1)
"""The fields of a global address, from bit 0."""
CAST = Layout.of(
    "multicast address", **{field.name: field.width for field in GLOBAL}, far_x=COORD_BITS, far_y=COORD_BITS
)
"""A global address at the nodes of a rectangle: `x`, `y` is its corner with the least coordinates, the last two fields that with the
greatest."""
MEANINGS = {
    "address": "byte address at the place",
    "x": "column of the node or edge port",
    "y": "row",
    "semaphore": "of the place, that a write raises",
    "notify": "1: each packet of a write raises the semaphore by 1 when its data is there",
    "far_x": "of `rcast`: x and y name the corner of a rectangle with the least column and row, these that with the greatest",
    "far_y": "row of that corner",
}
PLACE = Layout.of("place", x=COORD_BITS, y=COORD_BITS)
"""A place as the control register NODE shows it."""

WORD_BYTES = 8
LINE_WORDS = LINE_BYTES // WORD_BYTES


def global_address(place: Place, address: int, semaphore: int | None = None) -> int:
    """The global address of a byte; with a ``semaphore``, one whose writes raise it. ValueError for a field that does not fit."""
    told = {} if semaphore is None else {"semaphore": semaphore, "notify": 1}
    return GLOBAL.pack({"address": address, "x": place[0], "y": place[1], **told})


def place_of(value: int) -> Place:
    """The node or edge port that a global address names."""
    fields = GLOBAL.unpack(value)
    return fields["x"], fields["y"]


def refused_local(address: int, words: int, sram_bytes: int) -> Fault | None:
    """Why words from a local byte address on cannot be put into a packet, or come from one; None when they can."""
    if address % WORD_BYTES:
        return Fault.MISALIGNED
    inside = address < sram_bytes and 1 <= words <= LINE_WORDS and address % LINE_BYTES + WORD_BYTES * words <= LINE_BYTES
    return None if inside else Fault.RANGE


def corners(value: int) -> tuple[Place, Place]:
    """The rectangle of a multicast address: its corners with the least and with the greatest coordinates."""
    fields = CAST.unpack(value)
    return (fields["x"], fields["y"]), (fields["far_x"], fields["far_y"])


def cast_address(corner: Place, far: Place, address: int, semaphore: int | None = None) -> int:
    """The multicast address of a byte at the nodes of a rectangle; as ``global_address``."""
    return global_address(corner, address, semaphore) | CAST.pack({"far_x": far[0], "far_y": far[1]})


def refused_place(value: int, here: Place) -> Fault | None:
    """Why a node at ``here`` cannot send to a global address: bits that belong to no field, or itself; None when it can."""
    return Fault.RANGE if value >> GLOBAL.width or place_of(value) == here else None


def refused_cast(value: int, words: int) -> Fault | None:
    """Why so many words at a multicast address cannot be one packet; None when they can."""
    corner, far = corners(value)
    if value >> CAST.width or far[0] < corner[0] or far[1] < corner[1]:
        return Fault.RANGE
    return _refused_words(value, words)


def refused_global(value: int, words: int, here: Place) -> Fault | None:
    """Why so many words at a global address cannot be one packet of a node at ``here``; None when they can."""
    if (cause := refused_place(value, here)) is not None:
        return cause
    return _refused_words(value, words)


def _refused_words(value: int, words: int) -> Fault | None:
    address = GLOBAL.unpack(value)["address"]
    if address % WORD_BYTES:
        return Fault.MISALIGNED
    return None if address % LINE_BYTES + WORD_BYTES * words <= LINE_BYTES else Fault.RANGE
