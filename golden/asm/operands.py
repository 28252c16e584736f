"""Operands of one instruction: from the pieces of a line to the values of its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping

from golden.arch.encoding import Insn, Operand, OperandKind
from golden.asm.hints import other_form, wider
from golden.asm.text import Line, Piece, code_of, mistake
from golden.expressions import ExpressionError, evaluate

REGISTERS = {OperandKind.X: "x", OperandKind.V: "v", OperandKind.C: "c", OperandKind.P: "p", OperandKind.D: "d"}
TRAILING = (OperandKind.FLAG, OperandKind.CHOICE)
ANY_REGISTER = re.compile(r"[xv]([0-9]|[12][0-9]|3[01])|[cpd][0-7]")
_KIND_WORDS = {
    OperandKind.X: "a scalar register x0 to x31",
    OperandKind.V: "a vector register v0 to v31",
    OperandKind.C: "an accumulator c0 to c7",
    OperandKind.P: "a predicate p0 to p7",
    OperandKind.D: "a descriptor d0 to d7",
    OperandKind.UINT: "a number",
    OperandKind.SINT: "a number",
    OperandKind.LABEL: "a label",
}
_TILE = re.compile(r"(.*?)\[\s*(.+?)\s*,\s*(.+?)\s*\]\s*$")


class Names:
    """What the words of a text stand for: numbers, other names of registers, labels."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self.numbers = dict(numbers)
        self.registers: dict[str, str] = {}
        self.labels: dict[str, int] = {}

    def number(self, line: Line, piece: Piece, labels: bool = True) -> int:
        """The value of an expression; Mistake when it has none."""
        try:
            return evaluate(piece.text, {**self.numbers, **(self.labels if labels else {})})
        except ExpressionError as error:
            known = "" if labels else " before this line (the address of a label is lpc's)"
            raise mistake(line, piece, f"{error}{known if 'named' in str(error) else ''}") from None

    def register(self, line: Line, piece: Piece, kind: OperandKind, hint: str = "") -> int:
        """The number of a register of that kind; Mistake, with ``hint`` at its end, when the piece names none."""
        text = self.registers.get(piece.text.strip(), piece.text.strip())
        letter, count = REGISTERS[kind], 32 if kind in (OperandKind.X, OperandKind.V) else 8
        if not re.fullmatch(rf"{letter}(0|[1-9][0-9]*)", text) or int(text[1:]) >= count:
            raise mistake(line, piece, f"expected {_KIND_WORDS[kind]}, found {text or 'nothing'}{hint}")
        return int(text[1:])

    def is_register(self, text: str) -> bool:
        return bool(ANY_REGISTER.fullmatch(self.registers.get(text, text)))

    def is_number(self, text: str) -> bool:
        """Whether a piece has a value."""
        try:
            evaluate(text, {**self.numbers, **self.labels})
        except ExpressionError:
            return False
        return True


def fields(names: Names, line: Line, insn: Insn) -> dict[str, int]:
    """Values of the operands by name; Mistake at the first piece that is none."""
    values: dict[str, int] = {}
    positional = [op for op in insn.operands if op.kind not in (*TRAILING, OperandKind.TILE)]
    words = {op.name: (op, 1) for op in insn.operands if op.kind is OperandKind.FLAG}
    for op in insn.operands:
        if op.kind is OperandKind.CHOICE:
            words |= {choice: (op, code) for code, choice in enumerate(op.choices)}
    for piece in line.operands:
        if piece.text in words:
            op, code = words[piece.text]
            if op.name in values:
                raise mistake(line, piece, f"{piece.text}: {op.name} is given twice")
            values[op.name] = code
            continue
        if not positional:
            extra = f" but {', '.join(words)}" if words else ""
            raise mistake(line, piece, f"{insn.mnemonic} takes no further operand{extra}")
        op = positional.pop(0)
        if op.kind in REGISTERS:
            _register(names, line, insn, op, piece, values)
        else:
            values[op.name] = _number(names, line, insn, op, piece)
    if positional:
        end = Piece("", len(code_of(line.text).rstrip()))
        raise mistake(line, end, f"{insn.mnemonic} needs {_KIND_WORDS[positional[0].kind]} as {positional[0].name}")
    return values


def _register(names: Names, line: Line, insn: Insn, op: Operand, piece: Piece, values: dict[str, int]) -> None:
    text = piece
    if op.kind is OperandKind.D and (match := _TILE.match(piece.text)):
        tile = insn.of_kind(OperandKind.TILE)
        if tile is None:
            raise mistake(line, piece, f"{insn.mnemonic} takes no tile offset")
        row, column = (names.number(line, Piece(match.group(i), piece.column + match.start(i))) for i in (2, 3))
        if not (0 <= row <= 1 and 0 <= column <= 3):
            raise mistake(line, piece, f"tile [{row},{column}] does not exist: row 0 to 1, column 0 to 3")
        values[tile.name] = row << 2 | column
        text = Piece(match.group(1), piece.column)
    meant = op.kind is OperandKind.X and op is insn.operands[-1] and names.is_number(piece.text)
    values[op.name] = names.register(line, text, op.kind, other_form(insn, OperandKind.SINT) if meant else "")


def _number(names: Names, line: Line, insn: Insn, op: Operand, piece: Piece) -> int:
    if names.is_register(piece.text) and (hint := other_form(insn, OperandKind.X)):
        raise mistake(line, piece, f"expected {_KIND_WORDS[op.kind]}, found {piece.text}{hint}")
    value = names.number(line, piece)
    if op.kind is OperandKind.LABEL:
        distance = value - line.address
        if distance % 4:
            raise mistake(line, piece, f"target {value:#x} is no multiple of 4 away")
        value = distance // 4
        if op.least is not None and value < op.least:
            raise mistake(line, piece, f"{insn.mnemonic} ends at {piece.text}, which does not lie after it")
    low, high = op.limits
    if not low <= value <= high:
        far = f" words from here, {insn.mnemonic} reaches" if op.kind is OperandKind.LABEL else " does not fit:"
        raise mistake(line, piece, f"{op.name} = {value}{far} {low} to {high}{wider(insn.mnemonic)}")
    return value
