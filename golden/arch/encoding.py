"""How an instruction word is built: fields, operands, and the record that describes one instruction.

Word (32 bits, little-endian in memory)::

    31      27 26      22 21      17 16      12 11   9 8        0
    [   f3    |    f2    |    f1    |    f0    | pred | opcode  ]

``imm10`` = f3:f2 (bits 22..31), ``imm15`` = f3:f2:f1 (bits 17..31), ``imm20`` = all four fields (bits 12..31).
The all-zero word is illegal, so a jump into cleared memory faults at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

WORD_BITS = 32
OPCODE_LO, OPCODE_BITS = 0, 9
PRED_LO, PRED_BITS = 9, 3
FIELD_BITS = 5
F0, F1, F2, F3 = 12, 17, 22, 27


class Kind(IntEnum):
    """What an operand names; decides its spelling in assembly and its range."""

    X = 0  # scalar register x0..x31
    V = 1  # vector register v0..v31
    C = 2  # accumulator c0..c7
    P = 3  # predicate p0..p7
    D = 4  # address descriptor d0..d7
    UINT = 5  # unsigned immediate
    SINT = 6  # two's-complement immediate
    LABEL = 7  # signed distance in words from this instruction (a label in assembly)
    FLAG = 8  # one bit, written as a trailing word when set
    CHOICE = 9  # one of a few named values, written as a trailing word unless it is the first
    TILE = 10  # tile offset inside a descriptor: written d2[row,column]


class Unit(IntEnum):
    """Where an instruction ends its life; the values are used by dispatch."""

    FRONT = 0  # ends in the front end, or at its redirect
    ALU = 1  # scalar queue, arithmetic unit
    SLOAD = 2  # scalar queue, address unit, 8-byte load port
    SSTORE = 3  # scalar queue, address unit, store queue
    DESC = 4  # scalar queue, descriptor file
    VLOAD = 5  # scalar queue, address unit, 64-byte load port
    VSTORE = 6  # scalar queue, address unit, store queue
    DRAIN = 7  # scalar queue, address unit, store queue, accumulator read port
    SYNC = 8  # scalar queue, store queue: takes effect after older loads and stores
    SIMD = 9  # vector queue, SIMD pipe
    MATRIX = 10  # vector queue, matrix pipe
    NET = 11  # scalar queue, network interface


SCALAR_QUEUE_UNITS = frozenset({Unit.ALU, Unit.SLOAD, Unit.SSTORE, Unit.DESC, Unit.VLOAD, Unit.VSTORE, Unit.DRAIN, Unit.SYNC, Unit.NET})
VECTOR_QUEUE_UNITS = frozenset({Unit.SIMD, Unit.MATRIX})


@dataclass(frozen=True)
class Operand:
    """One operand: its name in the meaning text, kind, and the bits of the word that hold it."""

    name: str
    kind: Kind
    lo: int
    width: int
    writes: bool = False  # a destination
    reads: bool = True  # a source
    choices: tuple[str, ...] = ()  # for Kind.CHOICE, index = encoded value

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.lo

    @property
    def signed(self) -> bool:
        return self.kind in (Kind.SINT, Kind.LABEL)

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest value that the field holds."""
        if self.kind is Kind.CHOICE:
            return 0, len(self.choices) - 1
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return 0, (1 << self.width) - 1

    def put(self, value: int) -> int:
        """The word bits for ``value``; ValueError when it does not fit."""
        low, high = self.limits
        if not low <= value <= high:
            raise ValueError(f"{self.name} = {value} does not fit: {low} to {high}")
        return (value & ((1 << self.width) - 1)) << self.lo

    def get(self, word: int) -> int:
        value = (word >> self.lo) & ((1 << self.width) - 1)
        if self.signed and value >> (self.width - 1):
            value -= 1 << self.width
        return value


@dataclass(frozen=True)
class Insn:
    """One instruction: encoding, assembly operands in order, meaning.

    ``meaning`` is one line; ``group`` orders the ISA page; ``feature`` names the part of the machine that a configuration may lack
    (``base`` is always there): an instruction whose feature is missing is illegal there.
    """

    mnemonic: str
    opcode: int
    unit: Unit
    operands: tuple[Operand, ...]
    meaning: str
    group: str
    feature: str = "base"
    faults: tuple[str, ...] = ()
    simd_op: int | None = None  # for Unit.SIMD: value of golden.arch.simd_ops.SimdOp
    attrs: dict[str, int | str] = field(default_factory=dict, hash=False)  # constants that the units need (sizes, formats)

    @property
    def used_mask(self) -> int:
        mask = ((1 << OPCODE_BITS) - 1) << OPCODE_LO | ((1 << PRED_BITS) - 1) << PRED_LO
        for operand in self.operands:
            mask |= operand.mask
        return mask

    @property
    def reserved_mask(self) -> int:
        """Bits that must be zero; a one there is an illegal instruction."""
        return ((1 << WORD_BITS) - 1) & ~self.used_mask

    def encode(self, pred: int = 0, **values: int) -> int:
        """The word for operand values by name (missing flags and choices are 0)."""
        if not 0 <= pred < 1 << PRED_BITS:
            raise ValueError(f"predicate p{pred} does not exist: p0 to p7")
        word = self.opcode << OPCODE_LO | pred << PRED_LO
        known = {operand.name for operand in self.operands}
        for name in values:
            if name not in known:
                raise ValueError(f"{self.mnemonic} has no operand {name}")
        for operand in self.operands:
            if operand.name not in values and operand.kind not in (Kind.FLAG, Kind.CHOICE, Kind.TILE):
                raise ValueError(f"{self.mnemonic} needs operand {operand.name}")
            word |= operand.put(values.get(operand.name, 0))
        return word

    def decode(self, word: int) -> dict[str, int]:
        return {operand.name: operand.get(word) for operand in self.operands}

    def operand(self, name: str) -> Operand:
        for operand in self.operands:
            if operand.name == name:
                return operand
        raise KeyError(f"{self.mnemonic} has no operand {name}")


def pred_of(word: int) -> int:
    return (word >> PRED_LO) & ((1 << PRED_BITS) - 1)


def opcode_of(word: int) -> int:
    return (word >> OPCODE_LO) & ((1 << OPCODE_BITS) - 1)


def check_table(table: list[Insn]) -> None:
    """Raise when two records share an opcode or mnemonic, operands overlap, or a field leaves the word."""
    opcodes: dict[int, str] = {}
    names: set[str] = set()
    for insn in table:
        if not 0 < insn.opcode < 1 << OPCODE_BITS:
            raise ValueError(f"{insn.mnemonic}: opcode {insn.opcode} does not fit {OPCODE_BITS} bits, or is 0")
        if insn.opcode in opcodes:
            raise ValueError(f"{insn.mnemonic} and {opcodes[insn.opcode]} share opcode {insn.opcode:#x}")
        if insn.mnemonic in names:
            raise ValueError(f"mnemonic {insn.mnemonic} appears twice")
        opcodes[insn.opcode] = insn.mnemonic
        names.add(insn.mnemonic)
        taken = ((1 << (OPCODE_BITS + PRED_BITS)) - 1) << OPCODE_LO
        for operand in insn.operands:
            if operand.mask & taken or operand.lo + operand.width > WORD_BITS:
                raise ValueError(f"{insn.mnemonic}: operand {operand.name} overlaps another field")
            taken |= operand.mask
