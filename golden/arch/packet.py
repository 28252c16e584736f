"""The packet: one flit of 106 header bits and 64 bytes of payload, the same on every link and at the edge.

The *control word* (29 bits) crosses a link one cycle ahead of everything else (the *body*: 77 header bits, 512 payload bits, 8 parity
bits). Four virtual channels: 2 * class + route, class 0 requests, 1 responses; route 0 XY, 1 YX. A credit wire per channel runs
back; a receiver holds ``CREDITS`` packets per channel.

Address of a request: a byte address inside the destination node (the upper bits name an edge port's DRAM). ``length`` counts 8-byte
words, 1 to 8, for READ and WRITE, which stay in one 64 B line; the words lie at their own offset in the line (word i of the payload is
word i of the line). START: address = pc, length = thread, payload = x1..x8. DEBUG: address = ``DebugOp``, length = thread, payload word 0
= operand. RAISE: semaphore in ``tag``, amount in address. A WRITE with flag ``notify`` raises semaphore ``tag`` by 1 when its data is in
SRAM.

Answers. A response carries the request's tag and sequence. READ_DATA: the whole line; a READ is always answered, and so is a DEBUG
STATUS. All other answers but ERROR come only if the request has the flag: ACK nothing, of a WRITE or RAISE when it has taken effect;
STATUS the thread's status line, of a DEBUG request; HALTED the status line of a thread at its end or fault, to the START that began it.
ERROR: payload word 0 the ``Fault``, word 1 the request's address; every request that cannot be served gets one, flag or not, and has no
effect (a WRITE whose semaphore overflows has written its data).

What is refused whatever the threads do (``refusal``):

    any kind but BOOT  that comes to a node of other coordinates: RANGE; a kind that is none: ILLEGAL
    WRITE, READ        address no multiple of 8: MISALIGNED; no word, or words beyond the line's end: RANGE; outside SRAM: RANGE, but
                       control lines that exist can be read
    RAISE, notify      no semaphore, or an amount of more than 16 bits: RANGE
    START, DEBUG       no thread: RANGE; no ``DebugOp``: ILLEGAL; start, jump or breakpoint where no instruction can lie: MISALIGNED, RANGE

What is refused when it comes at the wrong moment:

    READ               a word that it asks for cannot be corrected: ECC
    RAISE, notify      the semaphore would overflow: SEMAPHORE, and it keeps its value
    START              the thread neither idle nor faulted: BUSY
    STEP, INJECT, JUMP the thread not halted: BUSY
    the same, RESUME   the thread executes an injected instruction: BUSY
    HALT               with the flag, while another request waits for the thread to be still: BUSY (without the flag it acts)

A HALT of a thread that rests, and a RESUME of one that is not halted, change nothing; they answer at once. Nothing that a thread does
keeps later requests waiting: a node remembers one asker per thread for its end, and one for its next stop.

A packet with wrong parity is dropped, and its credit returned: nobody knows whom to answer. A response that nobody waits for, and
anything on a response channel that is no response, is dropped: answers to answers would tie the classes together.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from golden.arch.isa import THREADS
from golden.arch.memmap import (
    CONTROL_BASE,
    COUNTER_LINES,
    LINE_BYTES,
    SEMAPHORE_BITS,
    SEMAPHORES,
    ControlLine,
    Fault,
)

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
    RESUME = 1  # answers STATUS at once, as do all that follow but STEP and INJECT
    STEP = 2  # one instruction, alone in the machine; answers STATUS when it is over
    BREAK_SET = 3  # breakpoint at byte address payload word 0 (one per thread)
    BREAK_CLEAR = 4
    INJECT = 5  # executes the operand's low 32 bits as an instruction of the halted thread, pc unchanged; answers STATUS when it is over
    JUMP = 6  # pc = payload word 0
    STATUS = 7
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
CONTROL_LINES = frozenset(
    CONTROL_BASE + LINE_BYTES * line
    for first, count in ((ControlLine.IDENTITY, 1), (ControlLine.STATUS, THREADS), (ControlLine.COUNTERS, COUNTER_LINES))
    for line in range(first, first + count)
)
"""Byte addresses of the control lines that exist."""
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


def refusal(header: dict[str, int], payload: int, sram_bytes: int, here: bool = True) -> Fault | None:
    """The cause with which a node refuses a request whatever its threads do; None when it serves it.

    ``here``: the request comes to the node that it names.
    """
    kind, address, length = header["kind"], header["address"], header["length"]
    if kind == Kind.BOOT:
        return None
    if not here:
        return Fault.RANGE
    if kind in (Kind.WRITE, Kind.READ):
        if address % 8:
            return Fault.MISALIGNED
        inside = address < sram_bytes or kind == Kind.READ and address // LINE_BYTES * LINE_BYTES in CONTROL_LINES
        notified = kind == Kind.READ or not header["sequence"] & SEQUENCE_NOTIFY or header["tag"] < SEMAPHORES
        fits = length and address % LINE_BYTES + 8 * length <= LINE_BYTES
        return None if fits and inside and notified else Fault.RANGE
    if kind == Kind.RAISE:
        return None if header["tag"] < SEMAPHORES and address < 1 << SEMAPHORE_BITS else Fault.RANGE
    if kind == Kind.START:
        return Fault.RANGE if length >= THREADS else _refused_pc(address, sram_bytes)
    if kind == Kind.DEBUG and address in list(DebugOp):
        if length >= THREADS:
            return Fault.RANGE
        jumps = address in (DebugOp.JUMP, DebugOp.BREAK_SET)
        return _refused_pc(payload & 2**64 - 1, sram_bytes) if jumps else None
    return Fault.ILLEGAL


def _refused_pc(pc: int, sram_bytes: int) -> Fault | None:
    if pc % 4:
        return Fault.MISALIGNED
    return None if pc < sram_bytes else Fault.RANGE
