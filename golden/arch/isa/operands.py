"""Registers of a thread, and the operands that several groups of instructions share."""

from __future__ import annotations

from golden.arch.classes import Step
from golden.arch.encoding import F0, F1, F2, Operand, OperandKind

SCALAR_REGISTERS = 32
VECTOR_REGISTERS = 32
ACCUMULATORS = 8
PREDICATES = 8
DESCRIPTORS = 8
LOOP_DEPTH = 4
THREADS = 4

X_BYTES = 8
V_BYTES = 64


def scalar(name: str, lo: int, writes: bool = False, reads: bool | None = None) -> Operand:
    """A scalar register: a source, or with ``writes`` a destination, or with both both."""
    return Operand(name, OperandKind.X, lo, 5, writes, not writes if reads is None else reads)


def vector(name: str, lo: int, writes: bool = False) -> Operand:
    """A vector register: a source, or with ``writes`` a destination."""
    return Operand(name, OperandKind.V, lo, 5, writes, not writes)


def accumulator(writes: bool = False, reads: bool = True) -> Operand:
    """An accumulator, always in f0."""
    return Operand("c", OperandKind.C, F0, 3, writes, reads)


def predicate(name: str, lo: int, writes: bool = False) -> Operand:
    """A predicate: a source, or with ``writes`` a destination."""
    return Operand(name, OperandKind.P, lo, 3, writes, not writes)


def descriptor(lo: int = F1) -> Operand:
    """A descriptor."""
    return Operand("d", OperandKind.D, lo, 3)


def flag(name: str, lo: int) -> Operand:
    """A bit."""
    return Operand(name, OperandKind.FLAG, lo, 1)


RD, RA, RB = scalar("rd", F0, True), scalar("ra", F1), scalar("rb", F2)
PD = predicate("pd", F0, True)
SEMAPHORE = Operand("s", OperandKind.UINT, F0, 6)
IMM10S, IMM10U = Operand("imm", OperandKind.SINT, F2, 10), Operand("imm", OperandKind.UINT, F2, 10)
STEPS = tuple(step.name.lower() for step in (Step.STAY, Step.INNER, Step.OUTER))
TILE = Operand("tile", OperandKind.TILE, F2, 3)  # bit 2: row 0..1, bits 1..0: column 0..3
STEP = Operand("step", OperandKind.CHOICE, F1 + 3, 2, choices=STEPS)
