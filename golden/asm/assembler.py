"""Two passes over a text: labels, names and sizes first, then words; mistakes are collected and told together."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from golden.arch import isa
from golden.arch.encoding import OperandKind
from golden.arch.formats import BIAS_MAX
from golden.arch.memmap import ADDRESS_BITS, FP_MODE, PROGRAM_BASE, Csr
from golden.asm import data, hints
from golden.asm.loops import Placed, broken_rules
from golden.asm.operands import ANY_REGISTER, Names, fields
from golden.asm.text import DATA, AsmError, Line, Mistake, Piece, check_characters, code_of, lines_of, mistake, split

_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_.]*")
_LABEL = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*:")
_PREDICATE = re.compile(r"\s*\(\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)")
_ALL_FEATURES = frozenset(isa.FEATURES)


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


class _Assembler:
    def __init__(self, features: frozenset[str], numbers: dict[str, int]) -> None:
        self.features = features
        self.names = Names(numbers)
        self.address = 0
        self.lines: list[Line] = []
        self.mistakes: list[Mistake] = []
        self.placed: list[Placed] = []

    def attempt(self, step: Callable[..., int], *arguments: object) -> int:
        """What a step gives; 0, and its mistake kept, when it fails."""
        try:
            return step(*arguments)
        except Mistake as found:
            self.mistakes.append(found)
            return 0

    # --- first pass ----------------------------------------------------------------------------------------------------------

    def first_pass(self, text: str, origin: int) -> None:
        """Split lines, place labels, expand nothing that changes length later."""
        self.address = origin
        for number, raw in lines_of(text):
            self.address += 4 * self.attempt(self._read, number, raw)
            if self.address > 1 << ADDRESS_BITS:
                found = f"the program leaves the {1 << ADDRESS_BITS} bytes of the address space"
                self.mistakes.append(Mistake(found, number, raw, len(raw) - len(raw.lstrip())))
                return

    def _read(self, number: int, raw: str) -> int:
        """Words of a line; its labels, names and instructions are entered."""
        check_characters(number, raw)
        body, column = code_of(raw), 0
        while match := _LABEL.match(body, column):
            name = Piece(match.group(1), match.start(1))
            self.attempt(self._label, Line(number, raw, self.address, None, name, []), name)
            column = match.end()
        pred = None
        if match := _PREDICATE.match(body, column):
            pred, column = Piece(match.group(1), match.start(1)), match.end()
        rest = body[column:]
        if not rest.strip():
            if pred:
                raise Mistake("a predicate needs an instruction after it", number, raw, pred.column)
            return 0
        column += len(rest) - len(rest.lstrip())
        match = _NAME.match(body, column)
        if not match:
            raise Mistake("expected an instruction", number, raw, column)
        return self._size(Line(number, raw, self.address, pred, Piece(match.group(), column), split(body, match.end())))

    def _label(self, line: Line, name: Piece) -> int:
        self._check_new(line, name)
        self.names.labels[name.text] = line.address
        return 0

    def _check_new(self, line: Line, piece: Piece) -> None:
        """Refuse a name that means something already: a second meaning would hold in the whole text."""
        if piece.text in self.names.labels | self.names.numbers or piece.text in self.names.registers:
            raise mistake(line, piece, f"{piece.text} is already defined")
        if ANY_REGISTER.fullmatch(piece.text):
            raise mistake(line, piece, f"{piece.text} is a register, which cannot have another meaning")

    def _size(self, line: Line) -> int:
        """Words that a line becomes; directives take effect here."""
        name = line.mnemonic.text
        if line.pred and name.startswith("."):
            raise mistake(line, line.pred, f"{name} is no instruction and takes no predicate")
        match name:
            case ".equ" | ".def":
                return self._directive(line)
            case _ if name in DATA:
                words = data.expand(self.names, line)
                self.lines += words
                return len(words)
            case "li64":
                return self._li64(line)
            case "bias":
                return self._bias(line)
            case "mv":
                if len(line.operands) != 2:
                    raise mistake(line, line.mnemonic, "mv takes two scalar registers")
                line.mnemonic = Piece("addi", line.mnemonic.column)
                line.operands = [*line.operands, Piece("0", line.mnemonic.column)]
        self.lines.append(line)
        return 1

    def _directive(self, line: Line) -> int:
        name, pieces = line.mnemonic.text, line.operands
        if len(pieces) != 2 or not _NAME.fullmatch(pieces[0].text):
            raise mistake(line, line.mnemonic, f"{name} takes a name and a {'number' if name == '.equ' else 'register'}")
        self._check_new(line, pieces[0])
        if name == ".equ":
            self.names.numbers[pieces[0].text] = 0  # also if what follows is a mistake: to use the name is no other one
            self.names.numbers[pieces[0].text] = self.names.number(line, pieces[1], labels=False)
            return 0
        register = self.names.registers.get(pieces[1].text, pieces[1].text)
        if not ANY_REGISTER.fullmatch(register):
            raise mistake(line, pieces[1], f"expected a register, found {pieces[1].text or 'nothing'}")
        self.names.registers[pieces[0].text] = register
        return 0

    def _li64(self, line: Line) -> int:
        pieces = line.operands
        if len(pieces) != 2:
            raise mistake(line, line.mnemonic, "li64 takes a scalar register and a number")
        value = self.names.number(line, pieces[1], labels=False)
        if not -(1 << 63) <= value < 1 << 64:
            raise mistake(line, pieces[1], f"{value} does not fit 64 bits")
        return self._load(line, value)

    def _load(self, line: Line, value: int) -> int:
        """Enters the instructions that load a constant into the line's first operand; how many."""
        parts = _constant(value)
        for i, part in enumerate(parts):
            self._enter(line, i, "lih" if i else "li", line.operands[0], str(part))
        return len(parts)

    def _enter(self, line: Line, place: int, mnemonic: str, register: Piece, number: str) -> None:
        """Enters one of the instructions that a line stands for."""
        name, operands = Piece(mnemonic, line.mnemonic.column), [register, Piece(number, line.operands[-1].column)]
        self.lines.append(Line(line.number, line.text, line.address + 4 * place, line.pred, name, operands))

    def _bias(self, line: Line) -> int:
        """Loads the biases into a register and writes FP_MODE."""
        register, *given = line.operands or [line.mnemonic]
        if len(given) != len(FP_MODE.fields):
            raise mistake(line, line.mnemonic, "bias takes a scalar register and the biases of A, of B and of results")
        self.names.register(line, register, OperandKind.X)
        biases = {}
        for part, piece in zip(FP_MODE, given, strict=True):
            biases[part.name] = value = self.names.number(line, piece, labels=False)
            if not 0 <= value <= BIAS_MAX:
                raise mistake(line, piece, f"the bias {value} of {part.name} is outside 0 to {BIAS_MAX}")
        words = self._load(line, FP_MODE.pack(biases))
        self._enter(line, words, "csrw", register, str(int(Csr.FP_MODE)))
        return words + 1

    # --- second pass ---------------------------------------------------------------------------------------------------------

    def encode(self, line: Line) -> int:
        """The word of a line; Mistake when there is none."""
        name = line.mnemonic.text
        if name in DATA:
            return data.word(self.names, line)
        insn = isa.BY_MNEMONIC.get(name)
        if insn is None:
            raise mistake(line, line.mnemonic, f"no instruction {name}{hints.unknown(name)}")
        if insn.feature not in self.features:
            raise mistake(line, line.mnemonic, f"{name} belongs to {insn.feature}, which this configuration does not have")
        pred = self.names.register(line, line.pred, OperandKind.P) if line.pred else 0
        values = fields(self.names, line, insn)
        word = insn.encode(pred, **values)
        if isa.lookup(word, _ALL_FEATURES) is None:
            raise mistake(line, line.mnemonic, f"{name} is illegal with these operands: {insn.meaning}")
        self.placed.append(Placed(line, insn, values))
        return word


def _constant(value: int) -> list[int]:
    """Operands of ``li`` and then ``lih`` that build a 64-bit constant (negative or unsigned)."""
    value &= (1 << 64) - 1
    signed = value - (1 << 64) if value >> 63 else value
    parts = []
    while not -(1 << 14) <= signed < 1 << 14:
        parts.append(signed & 0x7FFF)
        signed >>= 15
    return [signed, *reversed(parts)]


def assemble(
    text: str,
    origin: int = PROGRAM_BASE,
    source: str = "<text>",
    names: dict[str, int] | None = None,
    features: frozenset[str] = _ALL_FEATURES,
) -> Program:
    """Assemble ``text`` at byte address ``origin`` (a multiple of 4).

    Parameters
    ----------
    names : numbers that the text may use.
    features : parts of the machine that the program is for (``NodeConfig.features``); instructions of others are mistakes.

    Raises
    ------
    AsmError
        With source, line, column, what was expected, and a caret, for every line that has a mistake.
    """
    if origin % 4 or not 0 <= origin < 1 << ADDRESS_BITS:
        raise ValueError(f"origin {origin:#x} is no word address of the node")
    assembler = _Assembler(features, names or {})
    assembler.first_pass(text, origin)
    program = Program(origin, labels=dict(assembler.names.labels))
    for line in assembler.lines:
        program.words.append(assembler.attempt(assembler.encode, line))
        program.lines.append((line.number, line.text.strip()))
    if mistakes := assembler.mistakes or broken_rules(assembler.placed):
        raise AsmError(source, mistakes)
    return program
