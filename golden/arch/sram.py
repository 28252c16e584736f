"""Geometry of the node SRAM: words, banks, the bank hash, and the columns of its error-correcting code.

Facts only: the circuits in rtl/mem, the memory models and the allocator of matrices are computed from this file, so
that "which bank holds byte address a" has one answer. docs/sram.md explains why each choice was made.

Addresses: a *word* address is byte address >> 3 (18 bits), a *line* address is byte address >> 6 (15 bits).
"""

from golden.arch.config import BANKS, WORD_BYTES
from golden.arch.memmap import LINE_BYTES, SRAM_LIMIT

LINE_WORDS = LINE_BYTES // WORD_BYTES
COLUMNS = BANKS // 2
LANES = 8
MAX_ROWS = SRAM_LIMIT // (BANKS * WORD_BYTES)
"""Rows per bank that the address map has room for: 2,560 rows x 64 banks x 8 B = 1.25 MB, the size of d1."""

STORE_TAG_BITS = 6
STORE_TAG_THREAD = 2
"""The thread of a store is in two bits of its tag, from this one on."""
SCALAR_TAG_BITS = 16
MESH_TAG_BITS = 8

LOAD_LATENCY = 5
"""Cycles from a load's request at the port (valid and ready high) to the cycle in which its datum can be read, when no
other request is in its way: queue, arbitrate, macro, return crossbar, correct, *use*."""
LINE_READ_LATENCY = LOAD_LATENCY + 1
"""The same for mesh reads and instruction fills, which arbitrate one cycle ahead of their slot."""


def column(word: int) -> int:
    """Bank column 0..31 of a word: the sum modulo 32 of the 5-bit groups of its byte address above bit 3.

    A sum keeps sequential streams in phase (neighbouring 16 B lie in neighbouring columns whatever the row), and it
    spreads every power-of-two pitch from 64 B to 8 KB over distinct banks.
    """
    return ((word >> 1) + (word >> 6) + (word >> 11) + (word >> 16)) % COLUMNS


def bank(word: int) -> int:
    """Bank 0..63 of a word: column in the upper five bits, byte-address bit 3 in the lowest."""
    return column(word) << 1 | (word & 1)


def row(word: int) -> int:
    """Row of a word inside its bank: byte address >> 9, so a row of the 64 banks is 512 consecutive bytes."""
    return word >> 6


def word_at(bank_number: int, row_number: int) -> int:
    """The word stored at a bank and row: the inverse of `bank` and `row`."""
    folded = row_number + (row_number >> 5) + (row_number >> 10)
    group = ((bank_number >> 1) - folded) % COLUMNS
    return row_number << 6 | group << 1 | (bank_number & 1)


def line_column(line: int) -> int:
    """First of the four neighbouring columns (modulo 32) that hold a 64-byte line."""
    return column(line << 3)


def line_banks(line: int) -> int:
    """64-bit mask of the eight banks that hold a line; word j of the line is in column line_column + j // 2."""
    mask = 0
    for offset in range(LINE_WORDS):
        mask |= 1 << bank(line << 3 | offset)
    return mask


# --- Error-correcting code: Hsiao's (72,64), odd-weight columns -----------------------------------------------------

CHECK_BITS = 8


def _hsiao_columns() -> tuple[int, ...]:
    """All 56 bytes of weight 3 in ascending order, then the 8 rotations of 0b11111: 26 data bits in every row."""
    weight3 = [code for code in range(256) if code.bit_count() == 3]
    weight5 = [((0b11111 << turn) | (0b11111 >> (8 - turn))) & 0xFF for turn in range(8)]
    return tuple(weight3 + weight5)


HSIAO_COLUMNS = _hsiao_columns()
"""Syndrome of a single error in data bit i, i = 0..63. An error in check bit j has syndrome 1 << j."""

HSIAO_MASKS = tuple(
    sum(1 << bit for bit, code in enumerate(HSIAO_COLUMNS) if code >> check & 1) for check in range(CHECK_BITS)
)
"""Data bits (64-bit masks) whose parity is check bit j. Zero data has zero check bits."""


def encode(data: int) -> int:
    """Check byte of a 64-bit word."""
    return sum(((data & mask).bit_count() & 1) << check for check, mask in enumerate(HSIAO_MASKS))


def decode(data: int, check: int) -> tuple[int, bool, bool]:
    """Word as read -> (word, corrected, uncorrectable).

    One wrong bit of the 72 is corrected; any two are reported as uncorrectable (their syndrome has even weight), and so
    are syndromes of odd weight that belong to no bit.
    """
    syndrome = encode(data) ^ check
    if syndrome == 0:
        return data, False, False
    if syndrome in HSIAO_COLUMNS:
        return data ^ (1 << HSIAO_COLUMNS.index(syndrome)), True, False
    if syndrome.bit_count() == 1:
        return data, True, False
    return data, False, True


# --- Planted errors ---------------------------------------------------------------------------------------------------

INJECT_BITS = 16
"""Width of the control register ECC_INJECT: two bytes, each the number of a bit (0 to 63 of the word, 64 to 71 of its
check byte) below an enable, bit 7."""


def injected(register: int) -> int:
    """The bits that a store under this ECC_INJECT writes inverted: a mask of 72, check byte on top."""
    bits = [part & 0x7F for part in (register & 0xFF, register >> 8) if part & 0x80]
    return sum(1 << bit for bit in set(bits) if bit < 64 + CHECK_BITS)


def inject(*bits: int) -> int:
    """The ECC_INJECT that inverts up to two bits."""
    return sum((0x80 | bit) << 8 * place for place, bit in enumerate(bits))
