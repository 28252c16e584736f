"""Data among the instructions: numbers, floats, padding, and descriptors by the names of their fields."""

from __future__ import annotations

import math
import re
import struct
from fractions import Fraction

from golden.arch.descriptor import IMAGE, Descriptor, step_code
from golden.arch.memmap import ADDRESS_BITS
from golden.asm.operands import Names
from golden.asm.text import Line, Piece, mistake

_STEP = re.compile(r"([xy])\s*([+-]\s*[0-9]+)")
_INF, _LARGEST = 0x7F800000, 3.4028234e38
_UNIT = 8  # bytes: what base and distances of a descriptor count
_COUNTS = tuple(1 << n for n in range(8))
_SIZES = (1, 2, 4, 8)  # what elem and width stand for


def expand(names: Names, line: Line) -> list[Line]:
    """A line for each word of a directive; Mistake when it makes no sense.

    The words are ``.word`` and a number, but the first of a descriptor is ``.desc``, its base and what else is in it: the base may be a
    label, and labels have addresses in the second pass only.
    """
    name, pieces = line.mnemonic.text, line.operands
    if not pieces:
        raise mistake(line, line.mnemonic, f"{name} needs {'field=number' if name == '.desc' else 'a number'}")
    match name:
        case ".float":
            words = [[_constant(_float(line, piece, dropped=0), piece)] for piece in pieces]
        case ".bf16":
            words = _pairs([_float(line, piece, dropped=16) for piece in pieces], line)
        case ".half":
            words = _pairs([_fitting(names.number(line, piece, labels=False), line, piece, 16) for piece in pieces], line)
        case ".fill":
            words = _fill(names, line)
        case ".align":
            words = [[_constant(0, line.mnemonic)]] * _padding(names, line)
        case ".desc":
            words = _descriptor(names, line)
        case _:
            words = [[piece] for piece in pieces]
    kinds = [name if name == ".desc" and not i else ".word" for i in range(len(words))]
    return [
        Line(line.number, line.text, line.address + 4 * i, None, Piece(kind, line.mnemonic.column), operands)
        for i, (kind, operands) in enumerate(zip(kinds, words, strict=True))
    ]


def word(names: Names, line: Line) -> int:
    """The word of a line that ``expand`` made; Mistake when there is none."""
    piece, *rest = line.operands
    value = names.number(line, piece)
    if line.mnemonic.text == ".word":
        return _fitting(value, line, piece, 32)
    if value % _UNIT or not 0 <= value // _UNIT <= IMAGE["base"].limits[1]:
        raise mistake(line, piece, f"base = {value:#x} is no address that is a multiple of {_UNIT}")
    return int(rest[0].text) | value // _UNIT


def _constant(value: int, piece: Piece) -> Piece:
    return Piece(str(value), piece.column)


def _pairs(halves: list[int], line: Line) -> list[list[Piece]]:
    """Two a word, the first in its lower half; a last one alone is followed by 0."""
    halves = [*halves, *[0] * (len(halves) % 2)]
    return [[_constant(low | high << 16, line.mnemonic)] for low, high in zip(halves[::2], halves[1::2], strict=True)]


def _fitting(value: int, line: Line, piece: Piece, width: int) -> int:
    if not -(1 << width - 1) <= value < 1 << width:
        what = "a word of 32 bits" if width == 32 else f"{width} bits"
        raise mistake(line, piece, f"{value} does not fit {what}")
    return value & (1 << width) - 1


def _fill(names: Names, line: Line) -> list[list[Piece]]:
    if len(line.operands) > 2:
        raise mistake(line, line.operands[2], ".fill takes a count of words, and the word")
    count, *value = line.operands
    words, most = names.number(line, count, labels=False), 1 << ADDRESS_BITS - 2
    if not 0 <= words <= most:
        raise mistake(line, count, f"{words} is no count of words: 0 to {most}")
    return [[value[0] if value else _constant(0, count)]] * words


def _padding(names: Names, line: Line) -> int:
    piece = line.operands[0]
    size = names.number(line, piece, labels=False)
    if len(line.operands) > 1 or size < 4 or size & size - 1 or size > 1 << ADDRESS_BITS:
        raise mistake(line, piece, ".align takes one power of two, 4 or more: what the address behind it is a multiple of")
    return -line.address % size // 4


def _float(line: Line, piece: Piece, dropped: int) -> int:
    """The code nearest to a decimal number, ties to even, of FP32 or of a format that has ``dropped`` bits less."""
    try:
        near = float(piece.text)
    except ValueError:
        raise mistake(line, piece, f"expected a number such as -2.5e3, inf or nan, found {piece.text or 'nothing'}") from None
    if math.isnan(near):
        return 0x7FC00000 >> dropped
    sign = 1 << 31 if math.copysign(1, near) < 0 else 0
    if math.isinf(near) and "inf" in piece.text.lower():
        return (sign | _INF) >> dropped
    exact, step = abs(Fraction(piece.text.replace("_", ""))), 1 << dropped
    about = int.from_bytes(struct.pack(">f", min(abs(near), _LARGEST)), "big") & -step
    code = min((max(0, about - step), about, about + step), key=lambda code: (abs(_value(code) - exact), code & step))
    if code == _INF:
        raise mistake(line, piece, f"{piece.text} is too large for {'BF16' if dropped else 'FP32'}")
    return (sign | code) >> dropped


def _value(code: int) -> Fraction:
    """What a code without sign stands for; Inf counts as the number behind the largest."""
    exponent, fraction = code >> 23, code & 0x7FFFFF
    return Fraction((fraction | (1 << 23 if exponent else 0)) * 2 ** max(exponent, 1), 2**150)


def _descriptor(names: Names, line: Line) -> list[list[Piece]]:
    given: dict[str, Piece] = {}
    for piece in line.operands:
        field, equals, text = piece.text.partition("=")
        field = field.strip()
        if not equals or field not in vars(Descriptor()):
            raise mistake(line, piece, f"expected field=number, the field one of {', '.join(vars(Descriptor()))}, found {piece.text}")
        if field in given:
            raise mistake(line, piece, f"{field} is given twice")
        given[field] = Piece(text.strip(), piece.column + piece.text.index("=") + 1 + len(text) - len(text.lstrip()))
    base = given.pop("base", Piece("0", line.mnemonic.column))
    values = {field: _field(names, line, field, piece) for field, piece in given.items()}
    low, high = Descriptor(**values).pack()
    parts = [low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high >> 32]
    first, *others = (_constant(part, line.mnemonic) for part in parts)
    return [[base, first], *([other] for other in others)]


def _field(names: Names, line: Line, field: str, piece: Piece) -> int:
    if field in ("inner", "outer"):
        match = _STEP.fullmatch(piece.text)
        if not match or abs(count := int(match[2].replace(" ", ""))) not in _COUNTS:
            raise mistake(line, piece, f"expected a step: x or y and a power of two up to 128, as in x+1 or y-8, found {piece.text}")
        return step_code(match[1], count)
    value = names.number(line, piece, labels=False)
    if field in ("elem", "width"):
        if value not in _SIZES:
            raise mistake(line, piece, f"{field} = {value} is none of {', '.join(map(str, _SIZES))}")
        return _SIZES.index(value)
    if field in ("row_pitch", "pixel"):
        if value % _UNIT:
            raise mistake(line, piece, f"{field} = {value} bytes is no multiple of {_UNIT}")
        value //= _UNIT
    low, high = IMAGE[field].limits
    if not low <= value <= high:
        unit = _UNIT if field in ("row_pitch", "pixel") else 1
        raise mistake(line, piece, f"{field} = {value * unit} does not fit: {low * unit} to {high * unit}")
    return value
