"""Which requests a node refuses, and why: an ERROR with the cause, and no effect.

What is refused whatever the threads do (``refusal``):

    any kind but BOOT  that comes to a node of other coordinates, or outside its rectangle: RANGE; a kind that is none: ILLEGAL
    BOOT               behind a router, with a destination that is no boot packet's: ILLEGAL
    one with a payload (WRITE, START, DEBUG) that came with wrong parity: ECC
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

A node behind a router that has not been told who it is could not answer: it drops and counts whatever comes but boot packets. Of those, one
whose operation is none, or whose place in the tables is none, does nothing.
"""

from __future__ import annotations

from golden.arch.boot import NEXT_NODE
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
from golden.arch.packet import WITH_PAYLOAD, DebugOp, Kind, Packet, Place

CONTROL_LINES = frozenset(
    CONTROL_BASE + LINE_BYTES * line
    for first, count in ((ControlLine.IDENTITY, 1), (ControlLine.STATUS, THREADS), (ControlLine.COUNTERS, COUNTER_LINES))
    for line in range(first, first + count)
)
"""Byte addresses of the control lines that exist."""


def refusal(request: Packet, sram_bytes: int, place: Place, networked: bool = False) -> Fault | None:
    """The cause with which the node at ``place`` refuses a request whatever its threads do; None when it serves it.

    ``networked``: it is behind a router, and knows who it is.
    """
    kind, address, length = request.kind, request.address, request.length
    if kind == Kind.BOOT:
        return Fault.ILLEGAL if networked and request.destination != NEXT_NODE else None
    if not request.covers(place):
        return Fault.RANGE
    if request.wrong_payload and kind in WITH_PAYLOAD:
        return Fault.ECC
    if kind in (Kind.WRITE, Kind.READ):
        if address % 8:
            return Fault.MISALIGNED
        inside = address < sram_bytes or kind == Kind.READ and address // LINE_BYTES * LINE_BYTES in CONTROL_LINES
        notified = kind == Kind.READ or not request.notifies or request.tag < SEMAPHORES
        fits = length and address % LINE_BYTES + 8 * length <= LINE_BYTES
        return None if fits and inside and notified else Fault.RANGE
    if kind == Kind.RAISE:
        return None if request.tag < SEMAPHORES and address < 1 << SEMAPHORE_BITS else Fault.RANGE
    if kind == Kind.START:
        return Fault.RANGE if length >= THREADS else _refused_pc(address, sram_bytes)
    if kind == Kind.DEBUG and address in list(DebugOp):
        if length >= THREADS:
            return Fault.RANGE
        jumps = address in (DebugOp.JUMP, DebugOp.BREAK_SET)
        return _refused_pc(request.payload & 2**64 - 1, sram_bytes) if jumps else None
    return Fault.ILLEGAL


def _refused_pc(pc: int, sram_bytes: int) -> Fault | None:
    if pc % 4:
        return Fault.MISALIGNED
    return None if pc < sram_bytes else Fault.RANGE
