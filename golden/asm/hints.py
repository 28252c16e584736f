"""What a person may have meant."""

from __future__ import annotations

from difflib import get_close_matches

from golden.arch import isa
from golden.arch.classes import Alu
from golden.arch.encoding import Insn, OperandKind
from golden.asm.text import DATA, NAMING

PSEUDO = ("li64", "mv", "bias")
_WIDER = {"li": "li64"}
_ELSEWHERE = {
    "j": "br",
    "jmp": "br",
    "b": "br",
    "jal": "call",
    "jalr": "callr",
    "ret": "jr x31",
    "not": "xori",
    "neg": "sub",
    "mov": "mv",
    "move": "mv",
}


def unknown(name: str) -> str:
    """The end of a sentence about a word that is no instruction."""
    lower = name.lower()
    if name.startswith("."):
        return f"; directives are {', '.join((*NAMING, *DATA))}"
    if lower != name and (lower in isa.BY_MNEMONIC or lower in PSEUDO):
        return f"; instructions are written small: {lower}"
    if lower in _ELSEWHERE:
        return f"; here it is {_ELSEWHERE[lower]}"
    close = [m for m in isa.BY_MNEMONIC if m.split(".")[0] == lower.split(".")[0]] or get_close_matches(lower, isa.BY_MNEMONIC)
    return f"; did you mean {', '.join(close)}?" if close else ""


def wider(mnemonic: str) -> str:
    """The end of a sentence about a number that does not fit."""
    return f"; {_WIDER[mnemonic]} takes any number of 64 bits" if mnemonic in _WIDER else ""


def other_form(insn: Insn, takes: OperandKind) -> str:
    """The end of a sentence about a number in the place of a register (``takes`` SINT), or the other way round (``takes`` X)."""
    form = next((i for i in isa.TABLE if i is not insn and _same(i, insn) and i.operands[-1].kind in _numbers(takes)), None)
    if form:
        return f"; {form.mnemonic} takes a {'register' if takes is OperandKind.X else 'number'} there"
    if takes is OperandKind.SINT and insn.alu is Alu.SUB:
        return "; addi takes a number there: give it the negative one"
    return ""


def _numbers(takes: OperandKind) -> tuple[OperandKind, ...]:
    return (OperandKind.X,) if takes is OperandKind.X else (OperandKind.SINT, OperandKind.UINT)


def _same(one: Insn, other: Insn) -> bool:
    """Whether two instructions do the same with a register or a number as their last operand."""
    ends = {len(one.operands), len(other.operands), 3} == {3} and one.operands[:2] == other.operands[:2]
    return ends and (one.port, one.alu, one.compare, one.invert) == (other.port, other.alu, other.compare, other.invert)
