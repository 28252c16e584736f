"""The one packer of bits: records of named fields to words and back.

    HEADER = Layout.of("packet", kind=5, address=35, length=6)
    word = HEADER.pack({"kind": 2, "length": 8})         fields that are not named are 0
    HEADER.unpack(word)                                  {"kind": 2, "address": 0, "length": 8}

Fields lie from bit 0 in their order unless a description of a design's port (``Layout.described``) places them. A field may be signed, or
a record of its own; a record whose fields are numbered is an array, packed from a list (or a mapping) and unpacked to a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def limits(width: int, signed: bool = False) -> tuple[int, int]:
    """Smallest and largest number that so many bits hold."""
    return (-(1 << width - 1), (1 << width - 1) - 1) if signed and width else (0, (1 << width) - 1)


def encode(value: int, width: int, signed: bool, what: str) -> int:
    """The bits of a number, without those of its sign beyond ``width``; ValueError when it does not fit, naming ``what`` it is."""
    low, high = limits(width, signed)
    if not low <= value <= high:
        raise ValueError(f"{what} = {value} does not fit: {low} to {high}")
    return value & ((1 << width) - 1)


def decode(bits: int, width: int, signed: bool = False) -> int:
    """The number in the lowest ``width`` bits of a word; what lies above them does not matter."""
    bits &= (1 << width) - 1
    return bits - (1 << width) if signed and width and bits >> width - 1 else bits


@dataclass(frozen=True)
class Field:
    """One field: ``width`` bits from bit ``lo`` on; ``parts`` when it is a record of its own."""

    name: str
    width: int
    lo: int
    signed: bool = False
    parts: Layout | None = None

    @property
    def mask(self) -> int:
        """Ones where the field lies."""
        return ((1 << self.width) - 1) << self.lo

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest number that the field holds."""
        return limits(self.width, self.signed)


class Layout:
    """The fields of a record.

    Parameters
    ----------
    record : what it is, as sentences about a field that does not fit begin.
    fields : placed; none may overlap another.

    Raises
    ------
    ValueError
        When two fields overlap or have the same name.
    """

    def __init__(self, record: str, fields: Iterable[Field]) -> None:
        self.record, self.fields = record, tuple(fields)
        self.width = max((field.lo + field.width for field in self.fields), default=0)
        self._by_name = {field.name: field for field in self.fields}
        self._places = tuple((field.name, field.lo, (1 << field.width) - 1, field) for field in self.fields)
        self._plain = not any(field.signed or field.parts for field in self.fields)
        # Its fields are numbered.
        self.is_array = bool(self.fields) and all(field.name == str(number) for number, field in enumerate(self.fields))
        if len(self._by_name) != len(self.fields):
            raise ValueError(f"two fields of a {record} have one name: {', '.join(field.name for field in self.fields)}")
        taken = 0
        for field in self.fields:
            if taken & field.mask:
                raise ValueError(f"{record} field {field.name} overlaps another one")
            taken |= field.mask

    @staticmethod
    def of(record: str, **widths: int) -> Layout:
        """Fields one after another from bit 0; a negative width is that of a signed field."""
        fields, lo = [], 0
        for name, width in widths.items():
            fields.append(Field(name, abs(width), lo, width < 0))
            lo += abs(width)
        return Layout(record, fields)

    @staticmethod
    def described(record: str, entries: Sequence[Mapping[str, Any]]) -> Layout:
        """From a manifest's description of a port: entries with name, offset, width, signed and, of records, their own fields."""
        return Layout(
            record,
            (
                Field(
                    entry["name"],
                    entry["width"],
                    entry["offset"],
                    bool(entry.get("signed")),
                    Layout.described(f"{record} {entry['name']}", entry["fields"]) if entry.get("fields") else None,
                )
                for entry in entries
            ),
        )

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> Field:
        """The field of that name; ValueError with the names that exist."""
        if name not in self._by_name:
            raise ValueError(f"{self.record} has no field {name!r}: its fields are {', '.join(self._by_name)}")
        return self._by_name[name]

    def pack(self, values: Mapping[str | int, Any] | Sequence[Any]) -> int:
        """The word of the fields' values, 0 for those that are not named; ValueError when one does not fit or does not exist."""
        items = values.items() if isinstance(values, Mapping) else enumerate(values)
        word = 0
        for name, value in items:
            field = self._by_name.get(name) or self[str(name)]
            if field.parts and isinstance(value, (Mapping, Sequence)):
                bits = field.parts.pack(value)
            elif not field.signed and not value >> field.width:
                bits = int(value)
            else:
                bits = encode(int(value), field.width, field.signed, f"{self.record} field {field.name}")
            word |= bits << field.lo
        return word

    def unpack(self, word: int) -> Any:
        """Every field's value by name, of an array as a list; bits of no field do not matter."""
        if self._plain and not self.is_array:
            return {name: word >> lo & mask for name, lo, mask, _ in self._places}
        values = {name: self._value(field, word >> lo & mask) for name, lo, mask, field in self._places}
        return list(values.values()) if self.is_array else values

    @staticmethod
    def _value(field: Field, bits: int) -> Any:
        return field.parts.unpack(bits) if field.parts else decode(bits, field.width, field.signed)
