"""Assembler and disassembler: text to words and back, both computed from the instruction table.

One instruction per line::

    ; a comment, also after an instruction
    .equ rows, 32                 ; a number
    .def A, d0                    ; another name for a register
    next:   (p1) vld.g8 v1, A[1,0], inner
            step.bf16 c0, v1, v2, first
            loopi done, rows / 8
            br next

Operands stand in the order of the table, separated by commas; ``d2[row,column]`` is a descriptor with its tile offset; flags and named
choices are trailing words. Numbers are integer expressions of literals, names and labels (``+ - * / % << >> ( )``; ``/`` divides
whole numbers). Pseudo-instructions: ``li64 xN, number`` (li and as many lih as it needs) and ``mv xN, xM``. ``.word number`` places
a word as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches

from golden.arch import isa
from golden.arch.classes import Flow
from golden.arch.encoding import Insn, Kind, Operand, pred_of
from golden.arch.memmap import ADDRESS_BITS, PROGRAM_BASE
from golden.expressions import ExpressionError, evaluate

_REGISTERS = {Kind.X: "x", Kind.V: "v", Kind.C: "c", Kind.P: "p", Kind.D: "d"}
_KIND_WORDS = {
    Kind.X: "a scalar register x0 to x31",
    Kind.V: "a vector register v0 to v31",
    Kind.C: "an accumulator c0 to c7",
    Kind.P: "a predicate p0 to p7",
    Kind.D: "a descriptor d0 to d7",
    Kind.UINT: "a number",
    Kind.SINT: "a number",
    Kind.LABEL: "a label",
}
_TRAILING = (Kind.FLAG, Kind.CHOICE)
_ALL_FEATURES = frozenset(isa.FEATURES)
_ANY_REGISTER = re.compile(r"[xv]([0-9]|[12][0-9]|3[01])|[cpd][0-7]")
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_.]*")
_LABEL = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*:")
_PREDICATE = re.compile(r"\s*\(\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)")
_TILE = re.compile(r"(.*?)\[\s*(.+?)\s*,\s*(.+?)\s*\]\s*$")


class AsmError(ValueError):
    """A mistake in a program: where it stands and what was expected, with a caret under it."""

    def __init__(self, message: str, source: str, line: int, text: str, column: int) -> None:
        caret = "".join("\t" if char == "\t" else " " for char in text[:column]) + "^"
        super().__init__(f"{source}:{line}:{column + 1}: {message}\n    {text}\n    {caret}")
        self.line, self.column, self.message = line, column, message


@dataclass
class Program:
    """Assembled words, where they lie, and what they came from."""

    origin: int
    words: list[int] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    lines: list[tuple[int, str]] = field(default_factory=list)  # (line number, text) of each word

    @property
    def image(self) -> bytes:
        return b"".join(word.to_bytes(4, "little") for word in self.words)

    @property
    def end(self) -> int:
        return self.origin + 4 * len(self.words)


@dataclass
class _Piece:
    """A piece of a line with the column where it begins."""

    text: str
    column: int


@dataclass
class _Line:
    number: int
    text: str
    address: int
    pred: _Piece | None
    mnemonic: _Piece
    operands: list[_Piece]


class _Assembler:
    def __init__(self, source: str) -> None:
        self.source = source
        self.names: dict[str, int] = {}
        self.aliases: dict[str, str] = {}
        self.labels: dict[str, int] = {}
        self.lines: list[_Line] = []

    def fail(self, line: _Line, piece: _Piece, message: str) -> AsmError:
        return AsmError(message, self.source, line.number, line.text, piece.column)

    def first_pass(self, text: str, origin: int) -> int:
        """Split lines, place labels, expand nothing that changes length later; returns the end address."""
        address = origin
        for number, raw in enumerate(text.splitlines(), 1):
            body = _code(raw)
            column = 0
            while match := _LABEL.match(body, column):
                name = match.group(1)
                line = _Line(number, raw, address, None, _Piece("", match.start(1)), [])
                self._define(line, line.mnemonic, name)
                self.labels[name] = address
                column = match.end()
            pred = None
            if match := _PREDICATE.match(body, column):
                pred, column = _Piece(match.group(1), match.start(1)), match.end()
            rest = body[column:]
            if not rest.strip():
                if pred:
                    raise AsmError("a predicate needs an instruction after it", self.source, number, raw, pred.column)
                continue
            column += len(rest) - len(rest.lstrip())
            match = _NAME.match(body, column)
            if not match:
                raise AsmError("expected an instruction", self.source, number, raw, column)
            line = _Line(number, raw, address, pred, _Piece(match.group(), column), _split(body, match.end()))
            address += 4 * self._size(line)
            if address > 1 << ADDRESS_BITS:
                raise self.fail(line, line.mnemonic, f"the program leaves the {1 << ADDRESS_BITS} bytes of the address space")
        return address

    def _define(self, line: _Line, piece: _Piece, name: str) -> None:
        """Refuse a name that means something already: a second meaning would hold in the whole text."""
        if name in self.labels or name in self.names or name in self.aliases:
            raise self.fail(line, piece, f"{name} is already defined")
        if _ANY_REGISTER.fullmatch(name):
            raise self.fail(line, piece, f"{name} is a register, which cannot have another meaning")

    def _directive(self, line: _Line) -> None:
        name, pieces = line.mnemonic.text, line.operands
        if len(pieces) != 2 or not _NAME.fullmatch(pieces[0].text):
            raise self.fail(line, line.mnemonic, f"{name} takes a name and a {'number' if name == '.equ' else 'register'}")
        self._define(line, pieces[0], pieces[0].text)
        if name == ".equ":
            self.names[pieces[0].text] = self.number(line, pieces[1], labels=False)
            return
        register = self.aliases.get(pieces[1].text, pieces[1].text)
        if not _ANY_REGISTER.fullmatch(register):
            raise self.fail(line, pieces[1], f"expected a register, found {pieces[1].text or 'nothing'}")
        self.aliases[pieces[0].text] = register

    def _size(self, line: _Line) -> int:
        """Words that a line becomes; directives take effect here."""
        name, pieces = line.mnemonic.text, line.operands
        if line.pred and name.startswith("."):
            raise self.fail(line, line.pred, f"{name} is no instruction and takes no predicate")
        if name in (".equ", ".def"):
            self._directive(line)
            return 0
        if name in ("li64", "mv") and len(pieces) != 2:
            takes = "a scalar register and a number" if name == "li64" else "two scalar registers"
            raise self.fail(line, line.mnemonic, f"{name} takes {takes}")
        if name == "li64":
            value = self.number(line, pieces[1], labels=False)
            if not -(1 << 63) <= value < 1 << 64:
                raise self.fail(line, pieces[1], f"{value} does not fit 64 bits")
            parts = _constant(value)
            for i, part in enumerate(parts):
                step = _Line(
                    line.number, line.text, line.address + 4 * i, line.pred, _Piece("lih" if i else "li", line.mnemonic.column), []
                )
                step.operands = [pieces[0], _Piece(str(part), pieces[1].column)]
                self.lines.append(step)
            return len(parts)
        if name == "mv":
            line.mnemonic = _Piece("addi", line.mnemonic.column)
            line.operands = [*pieces, _Piece("0", line.mnemonic.column)]
        self.lines.append(line)
        return 1

    def number(self, line: _Line, piece: _Piece, labels: bool = True) -> int:
        try:
            return evaluate(piece.text, {**self.names, **(self.labels if labels else {})})
        except ExpressionError as error:
            known = "" if labels else " before this line (the address of a label is lpc's)"
            raise self.fail(line, piece, f"{error}{known if 'named' in str(error) else ''}") from None

    def encode(self, line: _Line) -> int:
        name = line.mnemonic.text
        if name == ".word":
            if len(line.operands) != 1:
                raise self.fail(line, line.mnemonic, ".word takes one number")
            value = self.number(line, line.operands[0])
            if not -(1 << 31) <= value < 1 << 32:
                raise self.fail(line, line.operands[0], f"{value} does not fit a word of 32 bits")
            return value & 0xFFFFFFFF
        insn = isa.BY_MNEMONIC.get(name)
        if insn is None:
            close = [m for m in isa.BY_MNEMONIC if m.split(".")[0] == name.split(".")[0]] or get_close_matches(name, isa.BY_MNEMONIC)
            hint = f"; did you mean {', '.join(close)}?" if close else ""
            raise self.fail(line, line.mnemonic, f"no instruction {name}{hint}")
        pred = self._register(line, line.pred, Kind.P) if line.pred else 0
        values = self._operands(line, insn)
        word = insn.encode(pred, **values)
        if isa.lookup(word, _ALL_FEATURES) is None:
            raise self.fail(line, line.mnemonic, f"{name} is illegal with these operands: {insn.meaning}")
        return word

    def _operands(self, line: _Line, insn: Insn) -> dict[str, int]:
        values: dict[str, int] = {}
        positional = [op for op in insn.operands if op.kind not in (*_TRAILING, Kind.TILE)]
        words = {op.name: (op, 1) for op in insn.operands if op.kind is Kind.FLAG}
        for op in insn.operands:
            if op.kind is Kind.CHOICE:
                words |= {choice: (op, code) for code, choice in enumerate(op.choices)}
        for piece in line.operands:
            if piece.text in words:
                op, code = words[piece.text]
                if op.name in values:
                    raise self.fail(line, piece, f"{piece.text}: {op.name} is given twice")
                values[op.name] = code
                continue
            if not positional:
                extra = f" but {', '.join(words)}" if words else ""
                raise self.fail(line, piece, f"{insn.mnemonic} takes no further operand{extra}")
            self._positional(line, insn, positional.pop(0), piece, values)
        if positional:
            end = _Piece("", len(_code(line.text).rstrip()))
            raise self.fail(line, end, f"{insn.mnemonic} needs {_KIND_WORDS[positional[0].kind]} as {positional[0].name}")
        return values

    def _positional(self, line: _Line, insn: Insn, op: Operand, piece: _Piece, values: dict[str, int]) -> None:
        if op.kind in _REGISTERS:
            text = piece
            if op.kind is Kind.D and (match := _TILE.match(piece.text)):
                tile = next((o for o in insn.operands if o.kind is Kind.TILE), None)
                if tile is None:
                    raise self.fail(line, piece, f"{insn.mnemonic} takes no tile offset")
                row, column = (self.number(line, _Piece(match.group(i), piece.column + match.start(i))) for i in (2, 3))
                if not (0 <= row <= 1 and 0 <= column <= 3):
                    raise self.fail(line, piece, f"tile [{row},{column}] does not exist: row 0 to 1, column 0 to 3")
                values[tile.name] = row << 2 | column
                text = _Piece(match.group(1), piece.column)
            values[op.name] = self._register(line, text, op.kind)
            return
        value = self.number(line, piece)
        if op.kind is Kind.LABEL:
            distance = value - line.address
            if distance % 4:
                raise self.fail(line, piece, f"target {value:#x} is no multiple of 4 away")
            value = distance // 4
            if not _runs_forward(insn, value):
                raise self.fail(line, piece, f"{insn.mnemonic} ends at {piece.text}, which does not lie after it")
        low, high = op.limits
        if not low <= value <= high:
            far = f" words from here, {insn.mnemonic} reaches" if op.kind is Kind.LABEL else " does not fit:"
            raise self.fail(line, piece, f"{op.name} = {value}{far} {low} to {high}")
        values[op.name] = value

    def _register(self, line: _Line, piece: _Piece, kind: Kind) -> int:
        text = self.aliases.get(piece.text.strip(), piece.text.strip())
        letter, count = _REGISTERS[kind], 32 if kind in (Kind.X, Kind.V) else 8
        if not re.fullmatch(rf"{letter}(0|[1-9][0-9]*)", text) or int(text[1:]) >= count:
            raise self.fail(line, piece, f"expected {_KIND_WORDS[kind]}, found {text or 'nothing'}")
        return int(text[1:])


def _code(text: str) -> str:
    """A line without its comment."""
    return text.split(";")[0].split("#")[0]


def _runs_forward(insn: Insn, target: int) -> bool:
    """Whether a loop has a body; other instructions may go anywhere."""
    return insn.flow not in (Flow.LOOP, Flow.LOOPI) or target > 0


def _split(body: str, start: int) -> list[_Piece]:
    """Operands after ``start``, split at commas outside brackets."""
    pieces, depth, begin = [], 0, start
    for i in range(start, len(body) + 1):
        char = body[i] if i < len(body) else ","
        depth += (char in "[(") - (char in "])")
        if char == "," and (depth <= 0 or i == len(body)):
            text = body[begin:i]
            pieces.append(_Piece(text.strip(), begin + len(text) - len(text.lstrip())))
            begin = i + 1
    return [] if len(pieces) == 1 and not pieces[0].text else pieces


def _constant(value: int) -> list[int]:
    """Operands of ``li`` and then ``lih`` that build a 64-bit constant (negative or unsigned)."""
    value &= (1 << 64) - 1
    signed = value - (1 << 64) if value >> 63 else value
    parts = []
    while not -(1 << 14) <= signed < 1 << 14:
        parts.append(signed & 0x7FFF)
        signed >>= 15
    return [signed, *reversed(parts)]


def assemble(text: str, origin: int = PROGRAM_BASE, source: str = "<text>", names: dict[str, int] | None = None) -> Program:
    """Assemble ``text`` at byte address ``origin`` (a multiple of 4); ``names`` are numbers that the text may use.

    Raises
    ------
    AsmError
        With source, line, column, what was expected, and a caret.
    """
    if origin % 4 or not 0 <= origin < 1 << ADDRESS_BITS:
        raise ValueError(f"origin {origin:#x} is no word address of the node")
    assembler = _Assembler(source)
    assembler.names |= names or {}
    assembler.first_pass(text, origin)
    program = Program(origin, labels=dict(assembler.labels))
    for line in assembler.lines:
        program.words.append(assembler.encode(line))
        program.lines.append((line.number, line.text.strip()))
    return program


def disassemble(word: int, pc: int = 0, labels: dict[int, str] | None = None) -> str:
    """One instruction as text that assembles to the same word at ``pc``; ``.word`` for an illegal one, or a loop without a body."""
    insn = isa.lookup(word, _ALL_FEATURES)
    if insn is None or not _runs_forward(insn, insn.decode(word).get("target", 0)):
        return f".word {word:#010x}"
    values, parts, trailing = insn.decode(word), [], []
    for op in insn.operands:
        value = values[op.name]
        if op.kind is Kind.TILE:
            if value:
                parts[-1] += f"[{value >> 2},{value & 3}]"
        elif op.kind is Kind.FLAG:
            trailing += [op.name] if value else []
        elif op.kind is Kind.CHOICE:
            trailing += [op.choices[value]] if value else []
        elif op.kind in _REGISTERS:
            parts.append(f"{_REGISTERS[op.kind]}{value}")
        elif op.kind is Kind.LABEL:
            target = pc + 4 * value
            parts.append((labels or {}).get(target, f"{target:#x}" if target >= 0 else str(target)))
        else:
            parts.append(str(value))
    pred = f"(p{pred_of(word)}) " if pred_of(word) else ""
    operands = ", ".join(parts + trailing)
    return f"{pred}{insn.mnemonic} {operands}".rstrip()
