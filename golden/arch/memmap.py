"""Addresses inside a node, control registers, fault causes and thread states.

====================  =======================================================================================
0x000000 .. 0x13ffff  SRAM (``NodeConfig.sram_bytes``; less in small configurations)
0x1f0000 .. 0x1fffff  control lines of 64 B, read and written by packets only
====================  =======================================================================================

A control line is eight little-endian 64-bit words. Line ``IDENTITY``: version, sram bytes, x, y, threads, 0, 0, 0. Lines
``STATUS + t``: state of thread t: state, fault cause, pc, operand, instructions retired, sequence number, debug, 0. Lines
``COUNTERS + n``: counters 8 n to 8 n + 7 in the order of ``Counter``. There are no others.
Bytes ``DEBUG_SCRATCH`` .. + 63 of SRAM belong to the debugger: injected instructions pass register values through them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from golden.arch.bits import Field, Layout
from golden.arch.formats import BIAS_BITS

ADDRESS_BITS = 21
SRAM_LIMIT = 0x140000
CONTROL_BASE = 0x1F0000
LINE_BYTES = 64
LINE_BITS = 15
WORD_ADDRESS_BITS = 18
DEBUG_SCRATCH = 0x000000
PROGRAM_BASE = 0x000100
SEMAPHORES = 64
SEMAPHORE_BITS = 16
BARRIERS = 8
VERSION = 1


class Described(IntEnum):
    """A code with what it means in one line."""

    meaning: str

    def __new__(cls, code: int, meaning: str = "") -> Described:
        member = int.__new__(cls, code)
        member._value_, member.meaning = code, meaning
        return member


class ControlLine(IntEnum):
    """Index of a control line: byte address CONTROL_BASE + 64 * index."""

    IDENTITY = 0
    STATUS = 4  # + thread
    COUNTERS = 8  # + group of 8


class Fault(Described):
    """Why a thread stopped, and the operand of its status line."""

    NONE = 0, "it did not stop with a fault"
    ILLEGAL = 1, "no legal instruction, or a control register that does not exist; operand: the word"
    MISALIGNED = 2, "an address that is no multiple of its access; operand: the byte address"
    RANGE = 3, "an address outside SRAM; operand: the byte address"
    ECC = 4, "a word with two wrong bits; operand: the byte address of the word"
    SEMAPHORE = 5, "overflow; operand: the semaphore"
    LOOP = 6, "nested deeper than 4; operand: the depth"
    TRAP = 7, "the program asked for it; operand: the immediate"
    DESCRIPTOR = 8, "a reserved bit, or a feature that is not there; operand: the high half; of a transfer its byte address"
    BUSY = 9, "started a running thread; operand: the thread"
    NETWORK = 10, "another node refused a request; operand: its global address, of a raise with the amount as address"
    FETCH = 11, "the pc left SRAM; operand: the pc"
    BIAS = 12, "a bias outside 0 to 63; operand: what was to be written to FP_MODE"


class ThreadState(Described):
    """What a thread does, as its status line shows it."""

    IDLE = 0, "it has ended, or was never started"
    RUNNING = 1, "it executes instructions"
    WAITING = 2, "on a semaphore, barrier, join or fence"
    HALTED = 3, "by the debugger"
    FAULTED = 4, "it stopped with a fault, until it is started again"


@dataclass(frozen=True)
class Status:
    """A thread's status line."""

    state: ThreadState
    cause: Fault
    pc: int
    operand: int
    retired: int
    seq: int

    @staticmethod
    def of(line: bytes) -> Status:
        """From the 64 bytes of a control line, or of a HALTED or STATUS packet."""
        state, cause, *rest = struct.unpack_from("<6Q", line)
        return Status(ThreadState(state), Fault(cause), *rest)


class Counter(Described):
    """Event counters of 48 bits, read as control lines and with ``csrr``.

    The first eight lie in one line, so that one read gives a consistent picture: in every cycle exactly one of MATRIX_STEPS and the
    six causes counts, and CYCLES is their sum.
    """

    CYCLES = 0, "cycles since the counters were cleared"
    MATRIX_STEPS = 1, "steps issued (also accumulator loads, which take the same slot); a step is 256 MAC"
    MATRIX_WAIT_LOAD = 2, "cycles without a step in which a thread's oldest vector instruction is a step that waits for a load"
    MATRIX_WAIT_DRAIN = 3, "... for a drain to read its accumulator"
    MATRIX_WAIT_SIMD = 4, "... for a SIMD result, or the oldest vector instruction is a SIMD operation"
    MATRIX_WAIT_FRONT = 5, "... a thread runs, but none has a vector instruction queued"
    MATRIX_WAIT_SYNC = 6, "... every running thread waits on a semaphore, barrier, join or fence"
    MATRIX_IDLE = 7, "... no thread runs"
    RETIRED_FRONT = 8, "instructions of all threads that ended in the front end"
    RETIRED_SCALAR = 9, "instructions of the scalar queue, but for vector memory"
    RETIRED_VECTOR_MEMORY = 10, "vector loads, vector stores and drains"
    RETIRED_SIMD = 11, "vector arithmetic"
    RETIRED_MATRIX = 12, "steps and accumulator loads"
    SIMD_BUSY = 13, "cycles in which a SIMD operation issued"
    SRAM_CONFLICTS = 14, "lanes that asked a bank in vain, summed over cycles"
    STORE_BEATS = 15, "beats that stores and drains sent to SRAM"
    ECC_CORRECTED = 16, "words read with one wrong bit, which was corrected"
    PACKETS_IN = 17, "packets that came"
    PACKETS_OUT = 18, "packets that left"
    FETCH_MISSES = 19, "lines of instructions asked of SRAM because a thread stood still for them"
    REDIRECTS = 20, "br, call, jr and callr that left decode"
    FIRST_STEP = 21, "cycle of the first matrix step since START_CYCLE"
    LAST_STEP = 22, "cycle of the last matrix step"
    START_CYCLE = 23, "cycle in which a start packet was last accepted while no thread ran"
    LAST_STORE = 24, "cycle in which the last store beat was written"
    PARITY_ERRORS = 25, "packets that came with wrong parity"


COUNTER_LINES = -(-len(Counter) // 8)
"""Control lines of counters."""


class Csr(Described):
    """Control registers of ``csrr`` and ``csrw``."""

    THREAD = 0, "read only: number of this thread"
    NODE = 1, "read only: y << 5 | x"
    CYCLE = 2, "read only: the counter CYCLES"
    PRIORITY = 3, "bits 1..0 matrix, 3..2 scalar: the queue of the thread with the greater number goes first"
    FP_MODE = 4, "a byte each: bias of A (bits 5..0), bias of B (13..8), bias of results (21..16); other bits must be 0"
    FP_FLAGS = 5, "sticky: bit 0 Invalid, 1 Denormal, 2 Overflow, 3 Underflow (docs/numerics.md 2.3)"
    SEED = 6, "of the random words (docs/numerics.md 6)"
    ECC_INJECT = 7, "bits that this thread's whole scalar stores write inverted (docs/sram.md)"
    COUNTER = 64, "+ n, read only: counter n, below"
    COUNTER_CLEAR = 128, "write only: whatever is written, every counter becomes 0"


FP_MODE = Layout("FP_MODE", (Field(name, BIAS_BITS, 8 * i) for i, name in enumerate(("a", "b", "result"))))
"""Biases of the numbers that a thread's instructions read and write, a byte each; bits of no field must be 0."""
FP_MODE_BITS = sum(field.mask for field in FP_MODE)
"""Ones where the biases are."""
READ_ONLY_CSRS = frozenset({Csr.THREAD, Csr.NODE, Csr.CYCLE}) | {Csr.COUNTER + counter for counter in Counter}
CSR_BITS = {Csr.PRIORITY: 4, Csr.FP_MODE: FP_MODE.width, Csr.FP_FLAGS: 4, Csr.SEED: 64, Csr.ECC_INJECT: 16}
"""Widths of those that keep what is written: higher bits read 0."""
CSRS = frozenset({*CSR_BITS, Csr.COUNTER_CLEAR}) | READ_ONLY_CSRS
