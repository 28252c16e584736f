"""Lines of assembly text and what is wrong with them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NAMING = (".equ", ".def")
"""Directives that give names."""
DATA = (".word", ".half", ".float", ".bf16", ".fill", ".align", ".desc")
"""Directives that become words."""
MOST_MISTAKES = 20
"""Mistakes that one error shows."""

_BYTE_ORDER_MARK = "\ufeff"
_TYPED_INSTEAD = {"SPACE": "a space", "DASH": "-", "HYPHEN": "-", "MINUS": "-", "COMMA": ",", "COLON": ":", "SEMICOLON": ";"}


@dataclass(frozen=True)
class Piece:
    """A piece of a line with the column where it begins."""

    text: str
    column: int


@dataclass
class Line:
    """An instruction or directive: where it stands, where its word lies, and its pieces."""

    number: int
    text: str
    address: int
    pred: Piece | None
    mnemonic: Piece
    operands: list[Piece]


class Mistake(Exception):
    """One mistake: the number and text of its line, the column from 0, and what is wrong."""

    def __init__(self, message: str, line: int, text: str, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.text, self.column = message, line, text, column

    def shown(self, source: str) -> str:
        """Place and sentence, the line, and a caret under the place."""
        caret = "".join("\t" if char == "\t" else " " for char in self.text[: self.column]) + "^"
        return f"{source}:{self.line}:{self.column + 1}: {self.message}\n    {self.text}\n    {caret}"


def mistake(line: Line, piece: Piece, message: str) -> Mistake:
    """A mistake at a piece of a line."""
    return Mistake(message, line.number, line.text, piece.column)


class AsmError(ValueError):
    """Mistakes of a program, in the order of its lines: where each stands and what was expected, with a caret under it.

    ``line``, ``column`` (from 0) and ``message`` are those of the first.
    """

    def __init__(self, source: str, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda m: (m.line, m.column))
        first, left = self.mistakes[0], len(self.mistakes) - MOST_MISTAKES
        more = [f"{source}: {left} more mistakes"] if left > 0 else []
        super().__init__("\n".join([*(m.shown(source) for m in self.mistakes[:MOST_MISTAKES]), *more]))
        self.line, self.column, self.message = first.line, first.column, first.message


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines, whatever ends them; a byte order mark is not part of the first."""
    return enumerate(re.split(r"\r\n|\r|\n", text.removeprefix(_BYTE_ORDER_MARK)), 1)


def code_of(text: str) -> str:
    """A line without its comment."""
    return text.split(";")[0].split("#")[0]


def check_characters(number: int, text: str) -> None:
    """Mistake at the first character outside comments that no assembly text has: it may look like one that has a meaning."""
    for column, char in enumerate(code_of(text)):
        if char != "\t" and not " " <= char <= "~":
            name = unicodedata.name(char, "a control character")
            instead = next((typed for word, typed in _TYPED_INSTEAD.items() if word in name), "")
            hint = "; remove it" if unicodedata.category(char) == "Cf" else f"; type {instead} instead" if instead else ""
            raise Mistake(f"the character U+{ord(char):04X} ({name}) has no meaning here{hint}", number, text, column)


def split(body: str, start: int) -> list[Piece]:
    """Operands after ``start``, split at commas outside brackets."""
    pieces, depth, begin = [], 0, start
    for i in range(start, len(body) + 1):
        char = body[i] if i < len(body) else ","
        depth += (char in "[(") - (char in "])")
        if char == "," and (depth <= 0 or i == len(body)):
            text = body[begin:i]
            pieces.append(Piece(text.strip(), begin + len(text) - len(text.lstrip())))
            begin = i + 1
    return [] if len(pieces) == 1 and not pieces[0].text else pieces
