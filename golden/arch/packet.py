"""The packet: one flit of 106 header bits and 64 bytes of payload, the same on every link and at the edge.

The *control word* (29 bits) crosses a link one cycle ahead of everything else (the *body*: 77 header bits, 512 payload bits, 8 parity
bits). Four virtual channels: 2 * class + route, class 0 requests, 1 responses; route 0 XY, 1 YX. A credit wire per channel runs
back; a receiver holds ``CREDITS`` packets per channel.

Address of a request: a byte address inside the destination node (the upper bits name an edge port's DRAM). ``length`` counts 8-byte
words, 1 to 8, for READ and WRITE; the words lie at their own offset in the 64 B line (word i of the payload is word i of the line).
START: address = pc, length = thread, payload = x1..x8. DEBUG: address = ``DebugOp``, length = thread, payload word 0 = operand.
RAISE: semaphore in ``tag``, amount in the low 16 bits of address. A WRITE with flag ``notify`` raises semaphore ``tag`` by 1 when its
data is in SRAM. A response carries the request's tag and sequence: READ_DATA the line's words, ACK nothing, HALTED (answer to a START
that asked, when its thread ends or faults) and STATUS the thread's status line, ERROR the fault cause in payload word 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from golden.arch.memmap import LINE_BYTES

COORD_BITS = 5
CHANNELS = 4
CREDITS = 4
PAYLOAD_BITS = 512
PAYLOAD_PARITY_BITS = 8


class PortId(IntEnum):
    """Router ports; ``out`` of a control word is one-hot in this order."""

    NORTH = 0
    EAST = 1
    SOUTH = 2
    WEST = 3
    NODE = 4


class Kind(IntEnum):
    """What a packet asks or answers (5 bits)."""

    WRITE = 1
    READ = 2
    RAISE = 3
    START = 4
    DEBUG = 5
    BOOT = 6
    READ_DATA = 16
    ACK = 17
    ERROR = 18
    HALTED = 19
    STATUS = 20


class DebugOp(IntEnum):
    """Operations of a DEBUG packet on one thread."""

    HALT = 0  # stop before the next instruction; answers STATUS when the thread is still
    RESUME = 1
    STEP = 2  # one instruction, alone in the machine; answers STATUS
    BREAK_SET = 3  # breakpoint at byte address payload word 0 (one per thread)
    BREAK_CLEAR = 4
    INJECT = 5  # executes payload word 0 as an instruction of the halted thread, pc unchanged; answers STATUS
    JUMP = 6  # pc = payload word 0
    STATUS = 7  # answers STATUS
    FLUSH = 8  # empties the instruction cache: before a start, when the program in SRAM is another one


FLAG_RESPONSE, FLAG_FIXED, FLAG_MULTICAST = 1, 2, 4
# ``notify`` of a WRITE: the packet's ``sequence`` has its top bit set.
SEQUENCE_NOTIFY = 0x80

CONTROL_FIELDS: tuple[tuple[str, int], ...] = (
    ("valid", CHANNELS),  # one-hot channel
    ("out", 5),  # one-hot port of the receiving router
    ("x", COORD_BITS),
    ("y", COORD_BITS),
    ("far_x", COORD_BITS),  # far corner of a multicast rectangle; equal to x, y otherwise
    ("far_y", COORD_BITS),
)
HEADER_FIELDS: tuple[tuple[str, int], ...] = (
    ("kind", 5),
    ("source_x", COORD_BITS),
    ("source_y", COORD_BITS),
    ("address", 35),
    ("length", 6),
    ("tag", 8),
    ("sequence", 8),
    ("flags", 3),
    ("parity", 2),  # bit 0 over channel, destination and far corner; bit 1 over the other 75 bits of this header
)
CONTROL_BITS = sum(width for _, width in CONTROL_FIELDS)
HEADER_BITS = sum(width for _, width in HEADER_FIELDS)
assert CONTROL_BITS == 29 and HEADER_BITS == 77, "the header is 106 bits"
BODY_FIELDS: tuple[tuple[str, int], ...] = (("header", HEADER_BITS), ("payload", PAYLOAD_BITS), ("payload_parity", PAYLOAD_PARITY_BITS))


def pack(fields: tuple[tuple[str, int], ...], **values: int) -> int:
    """Fields packed from bit 0 in order; ValueError when one does not fit or does not exist."""
    word, lo = 0, 0
    for name, width in fields:
        value = values.pop(name, 0)
        if not 0 <= value < 1 << width:
            raise ValueError(f"packet field {name} = {value:#x} does not fit {width} bits")
        word |= value << lo
        lo += width
    if values:
        raise ValueError(f"packet has no field {', '.join(values)}")
    return word


def unpack(fields: tuple[tuple[str, int], ...], word: int) -> dict[str, int]:
    """The fields of a packed word by name."""
    values, lo = {}, 0
    for name, width in fields:
        values[name] = (word >> lo) & ((1 << width) - 1)
        lo += width
    return values


def parity(value: int) -> int:
    return value.bit_count() & 1


def header_parity(control: dict[str, int], header: dict[str, int]) -> int:
    """The two parity bits of a header."""
    route = pack(CONTROL_FIELDS, **{**control, "out": 0})
    rest = pack(HEADER_FIELDS, **{**header, "parity": 0})
    return parity(route) | parity(rest) << 1


def payload_parity(payload: int) -> int:
    """One parity bit per 8 bytes, bit i for word i."""
    return sum(parity((payload >> (64 * i)) & (2**64 - 1)) << i for i in range(8))


def pieces(address: int, image: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Bytes from an address on as WRITE packets carry them: (byte address, words, 64 bytes of payload) of each line they touch.

    The image is padded to a multiple of 8 with zeros. ValueError for an address that is no multiple of 8.
    """
    if address % 8:
        raise ValueError(f"a write goes to a multiple of 8, not to {address:#x}")
    image = image.ljust(-(-len(image) // 8) * 8, b"\0")
    at = 0
    while at < len(image):
        offset = (address + at) % LINE_BYTES
        size = min(LINE_BYTES - offset, len(image) - at)
        yield address + at, size // 8, (bytes(offset) + image[at : at + size]).ljust(LINE_BYTES, b"\0")
        at += size
