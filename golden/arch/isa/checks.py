"""What every instruction table keeps: places in the word, and classes that fit each other."""

from __future__ import annotations

from golden.arch.classes import DescriptorUse, Matrix, Port, Queue, Step
from golden.arch.encoding import F0, F1, F2, F3, OPCODE_BITS, OPCODE_LO, PRED_BITS, WORD_BITS, Insn, OperandKind

# Where a register of each kind may lie: the decoded row knows no other place.
_PLACES = {
    OperandKind.X: (F0, F1, F2, F3),
    OperandKind.V: (F0, F1, F2, F3),
    OperandKind.P: (F0, F1, F2),
    OperandKind.C: (F0,),
    OperandKind.D: (F0, F1),
}
_CHOICES = {F1: tuple(step.name.lower() for step in Step)[1:], F1 + 3: tuple(step.name.lower() for step in Step)[:3]}

_QUEUED = {OperandKind.X, OperandKind.V, OperandKind.C, OperandKind.D}
"""Operands that an instruction has only in a queue."""


def check_table(table: list[Insn]) -> None:
    """Raise ValueError, in one sentence, for the first record that breaks a rule."""
    opcodes: dict[int, str] = {}
    names: set[str] = set()
    for insn in table:
        if insn.opcode in opcodes:
            raise ValueError(f"{insn.mnemonic} and {opcodes[insn.opcode]} share opcode {insn.opcode:#x}")
        if insn.mnemonic in names:
            raise ValueError(f"mnemonic {insn.mnemonic} appears twice")
        opcodes[insn.opcode] = insn.mnemonic
        names.add(insn.mnemonic)
        _check_places(insn)
        _check_class(insn)


def _check_places(insn: Insn) -> None:
    if not 0 < insn.opcode < 1 << OPCODE_BITS:
        raise ValueError(f"{insn.mnemonic}: opcode {insn.opcode} does not fit {OPCODE_BITS} bits, or is 0")
    taken = ((1 << (OPCODE_BITS + PRED_BITS)) - 1) << OPCODE_LO
    for operand in insn.operands:
        if operand.mask & taken or operand.lo + operand.width > WORD_BITS:
            raise ValueError(f"{insn.mnemonic}: operand {operand.name} overlaps another field")
        taken |= operand.mask
        if operand.lo not in _PLACES.get(operand.kind, (operand.lo,)):
            raise ValueError(f"{insn.mnemonic}: operand {operand.name} lies at bit {operand.lo}, where no {operand.kind.name} is")
        if operand.kind is OperandKind.CHOICE and _CHOICES.get(operand.lo) != operand.choices:
            raise ValueError(f"{insn.mnemonic}: the choice {operand.name} at bit {operand.lo} is none that decode knows")


def _check_class(insn: Insn) -> None:
    """A record says what its port needs, and nothing that its port does not know."""
    port = insn.port
    vector_access = port in (Port.VLOAD, Port.VSTORE)
    needs = {
        "flow": port in (Port.FRONT, Port.ALU) or not insn.flow,
        "simd_op": (insn.simd_op is not None) == (port is Port.SIMD) or port is Port.VLOAD,
        "reduce": not insn.reduce or port is Port.SIMD and any(op.kind is OperandKind.P for op in insn.writes),
        "matrix": (insn.matrix is not Matrix.NONE) == (port is Port.MATRIX),
        "format": (insn.format is not None) == (port is Port.DRAIN),
        "a_format": (insn.a_format is not None) == (insn.matrix is Matrix.STEP),
        "b_format": (insn.b_format is not None) == (insn.matrix is Matrix.STEP),
        "pieces": insn.pieces * insn.piece == (64 if vector_access else 0),
        "size": not insn.size or port in (Port.SLOAD, Port.SSTORE),
        "descriptor": (insn.descriptor is not DescriptorUse.NONE) == any(op.kind is OperandKind.D for op in insn.operands),
        "queue": insn.queue is not Queue.NONE or not any(op.kind in _QUEUED for op in insn.operands),
    }
    for field, kept in needs.items():
        if not kept:
            raise ValueError(f"{insn.mnemonic}: {field} and port {port.name} do not fit each other")
