"""The instruction table of the node, one record per instruction.

Everything that knows an instruction computes it from here: assembler, disassembler, instruction-set simulator, decoder of the RTL,
random programs, trace printer, docs/isa.md. Words worked out by hand in tests/golden/vectors guard the table itself.

Meaning texts use: ``x[..]`` 64-bit scalar registers (x0 reads 0, writes to it vanish), ``v[..]`` 64-byte vector registers, ``c[..]``
accumulators of 8x8 elements, ``p[..]`` predicates (p0 is true, writes to it vanish), ``d[..]`` descriptors, ``M8/M16/M32/M64[address]``
memory, ``pc`` the byte address of this instruction, ``sext``/``zext`` extension to 64 bits. Every instruction is executed only when its
predicate is true; otherwise it does nothing but retire.
"""

from __future__ import annotations

from golden.arch.encoding import Insn, OperandKind, opcode_of
from golden.arch.isa import control, matrix, memory, network, scalar, simd, system
from golden.arch.isa.checks import check_table
from golden.arch.isa.operands import (
    ACCUMULATORS,
    DESCRIPTORS,
    LOOP_DEPTH,
    PREDICATES,
    SCALAR_REGISTERS,
    STEPS,
    THREADS,
    V_BYTES,
    VECTOR_REGISTERS,
    X_BYTES,
)

__all__ = [
    "ACCUMULATORS",
    "BY_MNEMONIC",
    "BY_OPCODE",
    "DESCRIPTORS",
    "FEATURES",
    "LOOP_DEPTH",
    "PREDICATES",
    "SCALAR_REGISTERS",
    "STEPS",
    "TABLE",
    "THREADS",
    "VECTOR_REGISTERS",
    "V_BYTES",
    "X_BYTES",
    "lookup",
]

TABLE: list[Insn] = [
    insn for group in (control, scalar, memory, simd, matrix, network, system) for insn in group.TABLE
]
check_table(TABLE)
BY_MNEMONIC: dict[str, Insn] = {insn.mnemonic: insn for insn in TABLE}
BY_OPCODE: dict[int, Insn] = {insn.opcode: insn for insn in TABLE}
FEATURES = ("base", "load-execute", "narrow", "stochastic", "cfloat8", "packed", "network")


def lookup(word: int, features: frozenset[str]) -> Insn | None:
    """The record of ``word`` on a machine with ``features``; None when the word is an illegal instruction there.

    Illegal: unknown opcode, a missing feature, a reserved bit set, a choice that does not exist, one scalar register written twice.
    """
    insn = BY_OPCODE.get(opcode_of(word))
    if insn is None or insn.feature not in features or word & insn.reserved_mask:
        return None
    for operand in insn.operands:
        if operand.kind is OperandKind.CHOICE and operand.get(word) >= len(operand.choices):
            return None
    if insn.distinct and insn.distinct[0].get(word) == insn.distinct[1].get(word):
        return None
    return insn
