"""A transfer: what the transfer engine of a node moves for `rlist`, a block of rows between its own SRAM and another place.

A list is transfers one after another from a multiple of 64 B on. A row is moved as packets in order, row after row, each of them inside a
line of 64 B on both sides. Where the global base notifies, each packet of a write raises the semaphore there by 1, and each answer of a
read the same semaphore here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from golden.arch.bits import Layout
from golden.arch.global_address import GLOBAL, WORD_BYTES, refused_place
from golden.arch.memmap import LINE_BYTES
from golden.arch.packet import Place

TRANSFER_BYTES = 64
TRANSFER = Layout.of(
    "transfer",
    local=64,
    remote=64,
    rows=32,
    row_bytes=32,
    local_pitch=32,
    remote_pitch=32,
    read=64,
    reserved=192,
)
"""The fields of a transfer: eight little-endian words of 64 bits."""
MEANINGS = {
    "local": "byte address here of the first row",
    "remote": "global address of the first row",
    "rows": "how many, at least 1",
    "row_bytes": "bytes of a row, at least 8",
    "local_pitch": "bytes from row to row here",
    "remote_pitch": "bytes from row to row there",
    "read": "0: from here to there; 1: from there to here",
    "reserved": "0",
}


@dataclass(frozen=True)
class Piece:
    """One packet of a transfer: words from a local byte address to a byte address at the other place, or back."""

    local: int
    address: int
    words: int


@dataclass(frozen=True)
class Transfer:
    """A transfer by its fields."""

    local: int
    remote: int
    rows: int
    row_bytes: int
    local_pitch: int = 0
    remote_pitch: int = 0
    read: int = 0
    reserved: int = 0

    @staticmethod
    def unpack(image: bytes) -> Transfer:
        """From its 64 bytes."""
        return Transfer(**TRANSFER.unpack(int.from_bytes(image, "little")))

    def pack(self) -> bytes:
        """Its 64 bytes; ValueError for a field that does not fit."""
        return TRANSFER.pack(vars(self)).to_bytes(TRANSFER_BYTES, "little")

    def stands(self, sram_bytes: int, here: Place) -> bool:
        """Whether a node at ``here`` can do it: everything a multiple of 8, what is here inside SRAM, the other place another one."""
        sizes = (self.local, GLOBAL.unpack(self.remote)["address"], self.row_bytes, self.local_pitch, self.remote_pitch)
        whole = not any(size % WORD_BYTES for size in sizes) and self.rows and self.row_bytes
        end = self.local + (self.rows - 1) * self.local_pitch + self.row_bytes
        far = GLOBAL.unpack(self.remote)["address"] + (self.rows - 1) * self.remote_pitch + self.row_bytes
        inside = end <= sram_bytes and far <= 1 << GLOBAL["address"].width
        return bool(whole and inside and self.read < 2 and not self.reserved) and refused_place(self.remote, here) is None

    def pieces(self) -> Iterator[Piece]:
        """Its packets in order."""
        first = GLOBAL.unpack(self.remote)["address"]
        for row in range(self.rows):
            here, there, left = self.local + row * self.local_pitch, first + row * self.remote_pitch, self.row_bytes // WORD_BYTES
            while left:
                words = min(left, _room(there), _room(here))
                yield Piece(here, there, words)
                here, there, left = here + WORD_BYTES * words, there + WORD_BYTES * words, left - words


def _room(address: int) -> int:
    """Words from an address to the end of its line."""
    return (LINE_BYTES - address % LINE_BYTES) // WORD_BYTES
