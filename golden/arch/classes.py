"""What an instruction is to its readers, one enum per property: each record of golden.arch.isa has a value of each.

The values are those that the decoded row of the RTL holds. A plain ``IntEnum`` may stand in an Amaranth layout as it is; its width
follows from its largest value.
"""

from __future__ import annotations

from enum import IntEnum

from golden.arch.formats import FLOAT_FORMATS, RAW_CODE, FloatFormat


class Flow(IntEnum):
    """What an instruction does to the course of its thread. PLAIN ones only go to a queue, or nowhere (nop)."""

    PLAIN = 0
    BR = 1
    CALL = 2
    JUMP = 3  # to a register's value: jr, callr
    LOOP = 4  # as often as a register says
    LOOPI = 5
    HALT = 6
    TRAP = 7
    FENCE = 8
    IFLUSH = 9
    WAIT = 10
    WAITR = 11  # for an amount that a register says
    BARRIER = 12
    TSTART = 13
    TJOIN = 14
    LOGIC = 15  # predicate logic, which ends in the front end


ENDS_NO_BODY = frozenset({Flow.BR, Flow.CALL, Flow.JUMP, Flow.LOOP, Flow.LOOPI})
"""Says itself where its thread goes on, so it may not be the last instruction of a loop's body."""
ENDS_GROUP = frozenset(Flow) - {Flow.PLAIN}
"""Leaves decode alone: nothing younger goes with it."""
RETIRES_LATE = frozenset(
    {Flow.HALT, Flow.TRAP, Flow.FENCE, Flow.IFLUSH, Flow.WAIT, Flow.WAITR, Flow.BARRIER, Flow.TSTART, Flow.TJOIN}
)
"""Retires when what it waits for has come."""
DRAINS = frozenset({Flow.HALT, Flow.TRAP, Flow.FENCE, Flow.IFLUSH, Flow.BARRIER, Flow.TSTART})
"""Waits until everything older is complete."""
TAKES_OPERAND = frozenset({Flow.JUMP, Flow.LOOP, Flow.WAITR})
"""The front end holds the thread until the scalar unit sends operand a."""


class Queue(IntEnum):
    """Where an instruction goes from decode."""

    NONE = 0  # it ends in the front end
    SCALAR = 1
    VECTOR = 2


class Port(IntEnum):
    """What executes an instruction, and so what may not execute two in one cycle."""

    FRONT = 0  # nothing but the front end
    ALU = 1
    SLOW = 2  # the multiplier
    CSR = 3  # control registers
    SLOAD = 4  # address unit, 8-byte load port
    SSTORE = 5  # address unit, store queue
    DESC = 6  # descriptor file
    VLOAD = 7  # address unit, 64-byte load port
    VSTORE = 8  # address unit, store queue
    DRAIN = 9  # address unit, store queue, accumulator read port
    SYNC = 10  # store queue: takes effect after older loads and stores
    NET = 11  # network interface
    SIMD = 12
    MATRIX = 13


QUEUES: dict[Port, Queue] = {
    port: Queue.NONE if port is Port.FRONT else Queue.VECTOR if port in (Port.SIMD, Port.MATRIX) else Queue.SCALAR for port in Port
}
"""The queue before each port."""
STORE_PORTS = frozenset({Port.SSTORE, Port.VSTORE, Port.DRAIN, Port.SYNC})
"""Enters the store queue."""


class Alu(IntEnum):
    """What the arithmetic unit makes of its operands a and b; base + offset of an access that moves its base is ADD."""

    ADD = 0
    SUB = 1
    AND = 2
    OR = 3
    XOR = 4
    SLL = 5
    SRL = 6
    SRA = 7
    SLT = 8
    SLTU = 9
    MIN = 10
    MAX = 11
    LIH = 12  # a << 15 | low 15 bits of b
    NEXT = 13  # the byte address of the next instruction
    LPC = 14  # pc + 4 * b


class Compare(IntEnum):
    """What a predicate says of operands a and b; ``invert`` of the record turns it round."""

    EQ = 0
    LT = 1
    LTU = 2


class Logic(IntEnum):
    """Predicate logic; the low two bits of the opcode."""

    AND = 0
    OR = 1
    XOR = 2
    ANDN = 3


class DescriptorUse(IntEnum):
    """What an instruction does with its descriptor."""

    NONE = 0
    SET = 1
    GET = 2
    STEP = 3  # moves it, as operand ``which`` says
    ACCESS = 4  # takes a position from it, and then moves it as operand ``step`` says


class Step(IntEnum):
    """How a descriptor moves: the choices of ``step``, and, less one, those of ``which``."""

    STAY = 0
    INNER = 1
    OUTER = 2
    RESTART = 3


class Matrix(IntEnum):
    """What happens to an accumulator in the matrix pipe."""

    NONE = 0
    STEP = 1
    LOAD_QUARTER = 2  # 4x4 FP32 elements
    LOAD_ROW = 3  # eight FP32 elements into every row
    LOAD_RAW = 4  # a row of raw words


MATRIX_LOADS = frozenset({Matrix.LOAD_QUARTER, Matrix.LOAD_ROW, Matrix.LOAD_RAW})


class Reduce(IntEnum):
    """The predicate that a SIMD instruction makes of its result's 32-bit lanes."""

    NONE = 0
    ANY = 1
    ALL = 2


class _Format(IntEnum):
    """The numbers of a step's operands or of a drain's result: the float formats' codes, and raw words of an accumulator."""

    @property
    def float(self) -> FloatFormat | None:
        """The record of golden.arch.formats; raw words have none."""
        return _FLOATS.get(int(self))

    @property
    def short(self) -> str:
        """The name in mnemonics."""
        return self.float.short if self.float else "raw"

    @property
    def bytes(self) -> int:
        """Bytes of an element in memory."""
        return self.float.bytes if self.float else 8

    @property
    def beats(self) -> int:
        """Store beats of a drained tile of eight rows: a beat holds at most 64 bytes, and at most four rows."""
        return max(2, self.bytes)


_FLOATS = {fmt.code: fmt for fmt in FLOAT_FORMATS.values()}
Format = _Format("Format", {fmt.name.upper(): fmt.code for fmt in FLOAT_FORMATS.values()} | {"RAW": RAW_CODE})
"""``Format.FP32``, ``Format.BF16``, ... and ``Format.RAW``."""
