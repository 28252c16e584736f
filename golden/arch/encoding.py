"""How an instruction word is built: fields, operands, and the record that describes one instruction.

Word (32 bits, little-endian in memory)::

    31      27 26      22 21      17 16      12 11   9 8        0
    [   f3    |    f2    |    f1    |    f0    | pred | opcode  ]

``imm10`` = f3:f2 (bits 22..31), ``imm15`` = f3:f2:f1 (bits 17..31), ``imm20`` = all four fields (bits 12..31).
The all-zero word is illegal, so a jump into cleared memory faults at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from golden.arch import bits
from golden.arch.classes import (
    QUEUES,
    STORE_PORTS,
    Alu,
    Compare,
    DescriptorUse,
    Flow,
    Format,
    Logic,
    Matrix,
    Port,
    Queue,
    Reduce,
)
from golden.arch.simd_ops import SimdClass, SimdOp

WORD_BITS = 32
OPCODE_LO, OPCODE_BITS = 0, 9
PRED_LO, PRED_BITS = 9, 3
FIELD_BITS = 5
F0, F1, F2, F3 = 12, 17, 22, 27


class OperandKind(IntEnum):
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


REGISTER_KINDS = frozenset({OperandKind.X, OperandKind.V, OperandKind.C, OperandKind.P, OperandKind.D})


@dataclass(frozen=True)
class Operand:
    """One operand: its name in the meaning text, kind, and the bits of the word that hold it."""

    name: str
    kind: OperandKind
    lo: int
    width: int
    writes: bool = False  # a destination
    reads: bool = True  # a source
    choices: tuple[str, ...] = ()  # for OperandKind.CHOICE, index = encoded value
    least: int | None = None  # what a program may say, where the field holds more
    most: int | None = None

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.lo

    @property
    def signed(self) -> bool:
        return self.kind in (OperandKind.SINT, OperandKind.LABEL)

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest value that a program may give."""
        low, high = bits.limits(self.width, self.signed)
        if self.kind is OperandKind.CHOICE:
            high = len(self.choices) - 1
        return low if self.least is None else self.least, high if self.most is None else self.most

    def put(self, value: int) -> int:
        """The word bits for ``value``; ValueError when it does not fit."""
        low, high = self.limits
        if not low <= value <= high:
            raise ValueError(f"{self.name} = {value} does not fit: {low} to {high}")
        return bits.encode(value, self.width, self.signed, self.name) << self.lo

    def get(self, word: int) -> int:
        return bits.decode(word >> self.lo, self.width, self.signed)


@dataclass(frozen=True)
class Insn:
    """One instruction: encoding, assembly operands in order, meaning, and its class in every respect that a reader asks for.

    ``meaning`` is one line; ``group`` orders the ISA page; ``feature`` names the part of the machine that a configuration may lack
    (``base`` is always there): an instruction whose feature is missing is illegal there.
    """

    mnemonic: str
    opcode: int
    port: Port
    operands: tuple[Operand, ...]
    meaning: str
    group: str
    flow: Flow = Flow.PLAIN
    feature: str = "base"
    faults: tuple[str, ...] = ()
    # Scalar: what the arithmetic unit computes, what a predicate compares, predicate logic.
    alu: Alu = Alu.ADD
    compare: Compare = Compare.EQ
    invert: bool = False  # of the comparison
    logic: Logic = Logic.AND
    # Accesses: log2 of the bytes of a scalar one, whether a load extends the sign, whether the base moves by the immediate afterwards.
    size: int = 0
    signed: bool = False
    post: bool = False
    # Descriptors, and vector accesses: pieces, and bytes of one.
    descriptor: DescriptorUse = DescriptorUse.NONE
    pieces: int = 0
    piece: int = 0
    # A drain's result, or a step's operands A and B.
    format: Format | None = None
    a_format: Format | None = None
    b_format: Format | None = None
    # SIMD: the operation (golden.arch.simd_ops.SimdOp), also what a load does with the register it meets; the predicate made of it.
    simd_op: int | None = None
    reduce: Reduce = Reduce.NONE
    matrix: Matrix = Matrix.NONE

    # --- class ---------------------------------------------------------------------------------------------------------------

    @property
    def queue(self) -> Queue:
        """The queue that it goes to from decode."""
        return QUEUES[self.port]

    @property
    def store(self) -> bool:
        """Enters the store queue."""
        return self.port in STORE_PORTS

    @property
    def slow(self) -> bool:
        """Its scalar result comes some cycles later, from the unit that mul and csrr share."""
        return self.port in (Port.SLOW, Port.CSR) and bool(self.writes)

    @property
    def special(self) -> bool:
        """Uses the front end of the special functions: longer latency, two cycles of occupancy."""
        return self.port is Port.SIMD and SimdOp(self.simd_op) >> 4 == SimdClass.SPECIAL

    @property
    def beats(self) -> int:
        """Store beats that it sends; a raise sends one, too, that writes nothing."""
        return self.format.beats if self.format is not None else int(self.store)

    # --- registers -----------------------------------------------------------------------------------------------------------

    @property
    def reads(self) -> tuple[Operand, ...]:
        """Register operands that are read."""
        return tuple(op for op in self.operands if op.kind in REGISTER_KINDS and op.reads)

    @property
    def writes(self) -> tuple[Operand, ...]:
        """Register operands that are written (a descriptor also by ``descriptor``)."""
        return tuple(op for op in self.operands if op.kind in REGISTER_KINDS and op.writes)

    def reading(self, kind: OperandKind, lo: int) -> bool:
        """Whether the register of that kind in the field at ``lo`` is read."""
        return any(op.kind is kind and op.lo == lo for op in self.reads)

    def writing(self, kind: OperandKind, lo: int) -> bool:
        """Whether the register of that kind in the field at ``lo`` is written."""
        return any(op.kind is kind and op.lo == lo for op in self.writes)

    @property
    def sources(self) -> tuple[Operand | None, Operand | None]:
        """Scalar registers that are operands a and b. The data of a store is b, whatever its place; a third one has no name."""
        x = sorted((op for op in self.reads if op.kind is OperandKind.X), key=lambda op: self.port is Port.SSTORE and op.lo == F0)
        a, b, *_ = (*x, None, None)
        return a, b

    @property
    def distinct(self) -> tuple[Operand, Operand] | None:
        """The two scalar registers that it writes, which must differ; None for an instruction that writes fewer."""
        x = [op for op in self.writes if op.kind is OperandKind.X]
        return (x[0], x[1]) if len(x) == 2 else None

    @property
    def immediate(self) -> Operand | None:
        """The number that takes the place of operand b: in f1 and up, or in f2 and up."""
        numbers = (OperandKind.SINT, OperandKind.UINT, OperandKind.LABEL)
        return next((op for op in self.operands if op.kind in numbers and op.lo in (F1, F2)), None)

    def of_kind(self, kind: OperandKind) -> Operand | None:
        """The first operand of a kind."""
        return next((op for op in self.operands if op.kind is kind), None)

    # --- words ---------------------------------------------------------------------------------------------------------------

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
            if operand.name not in values and operand.kind not in (OperandKind.FLAG, OperandKind.CHOICE, OperandKind.TILE):
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
