"""What every reader must know of an instruction: one row, made from its record in golden.arch.isa where it leaves decode.

Each reader has a part of the row: ``front`` acts in dispatch, ``names`` in the decoder, which finds registers and descriptor of scalar
instructions in their words; ``scalar`` and ``vector`` travel with the instruction through their queue.
A row exists only for what the machine can do: an instruction that its unit does not implement is illegal here, whatever features the
configuration names.
"""

from amaranth.hdl import Value, unsigned
from amaranth.lib import data, enum

from golden.arch.classes import (
    MATRIX_LOADS,
    TAKES_OPERAND,
    Alu,
    Compare,
    DescriptorUse,
    Flow,
    Format,
    Matrix,
    Port,
    Queue,
    Reduce,
    Step,
)
from golden.arch.encoding import F0, F1, F2, F3, PRED_BITS, PRED_LO, Insn, Operand, OperandKind
from golden.arch.formats import FloatFormat
from golden.arch.simd_ops import SIMD_OP_BITS, SIMD_OPS, SimdOp
from rtl.fp.operand import OperandFormat

FIELDS_LO = PRED_LO + PRED_BITS
"""Bits from here on belong to operands, or are reserved."""


class Field(enum.IntEnum, shape=unsigned(3)):
    """Which 5-bit field of the word names a register."""

    NONE = 0  # x0
    F0 = 1
    F1 = 2
    F2 = 3
    F3 = 4


FIELDS = {F0: Field.F0, F1: Field.F1, F2: Field.F2, F3: Field.F3}


class FrontRow(data.Struct):
    """What dispatch acts on."""

    legal: 1
    reserved: 32 - FIELDS_LO  # bits from FIELDS_LO on that must be zero
    choice_f1: 1  # a choice of three stands at F1 + 3
    choice_d: 1  # a choice of three stands at F1
    differ: 1  # F0 and F1 must differ
    scalar: 1  # goes to the scalar queue
    vector: 1  # goes to the vector queue
    flow: Flow
    writes_p: 1  # the predicate in F0 is written by the back end
    reads_va: 1  # vector registers in F1, F2, F3
    reads_vb: 1
    reads_vc: 1
    writes_v: 1  # the vector register in F0
    reads_v0: 1  # the vector register in F0 (stores)
    names_c: 1  # the accumulator in F0
    store: 1  # enters the store queue
    sets: 1  # writes a control register
    uses_mode: 1  # its result depends on FP_MODE, which it takes along


class NamesRow(data.Struct):
    """Where the word of a scalar instruction says what it names."""

    field_a: Field  # register of operand a
    field_b: Field  # register of operand b, and the data of a scalar store
    d_f0: 1  # the descriptor is in f0; else in f1
    set: 1  # a new descriptor
    step_f1: 1  # how the descriptor moves stands at F1, without "stay"
    step_f1_3: 1  # it stands at F1 + 3


class Names(data.Struct):
    """What the word of a scalar instruction names."""

    a: 5  # register of operand a
    b: 5
    d: 3  # descriptor
    step: Step  # how the descriptor moves
    changes_d: 1  # writes the descriptor


class ScalarRow(data.Struct):
    """What the scalar unit and the address units act on."""

    alu: Alu
    compare: Compare
    invert: 1  # of the comparison
    reads_a: 1  # operand a must not be pending
    reads_b: 1
    b_imm: 1  # operand b of the arithmetic unit is the immediate
    imm15: 1  # of 15 bits from f1 on; else 10 bits from f2 on; always sign-extended
    writes_rd: 1  # the register in f0 is written: by the arithmetic unit unless sload or slow
    writes_ra: 1  # post-increment: the register in f1 is written by the arithmetic unit
    writes_p: 1  # the predicate in f0 is written
    slow: 1  # the result comes some cycles later
    csr: 1  # reads or writes a control register
    operand: 1  # the front end waits for operand a
    sload: 1
    sstore: 1
    vload: 1
    vstore: 1
    drain: 1
    sync: 1
    net: 1
    setd: 1
    getd: 1
    store: 1  # enters the store queue
    uses_d: 1
    size: 2  # log2 of the bytes of a scalar access
    signed: 1
    post: 1  # the address is operand a alone
    pieces: 2  # log2 of the pieces of a gather
    drain_format: 3  # of a drain: DrainFormat
    stochastic: 1  # it rounds with random words
    takes_mode: 1  # its result depends on FP_MODE or SEED, which it reads in X


class DrainFormat(enum.Enum, shape=unsigned(3)):
    """How elements can leave an accumulator."""

    FP32 = Format.FP32.value
    BF16 = Format.BF16.value
    RAW = Format.RAW.value
    FP16 = Format.FP16.value
    CFLOAT8_1_4_3 = Format.CFLOAT8_1_4_3.value
    CFLOAT8_1_5_2 = Format.CFLOAT8_1_5_2.value
    SHP = Format.SHP.value
    UHP = Format.UHP.value


def drains_bytes(drain_format: Value, count: int) -> Value:
    """Whether an element leaves with so many bytes."""
    return Value.cast(drain_format).matches(*(kind.value for kind in DrainFormat if Format[kind.name].bytes == count))


class LoadKind(enum.IntEnum, shape=unsigned(2)):
    """What a register brings into an accumulator."""

    QUARTER = 0
    ROW = 1
    RAW = 2


class VectorRow(data.Struct):
    """What vector issue and the register file act on."""

    simd: 1  # a SIMD operation, or else a step or an accumulator load
    reads_a: 1  # vector registers in f1, f2, f3
    reads_b: 1
    reads_c: 1
    writes_v: 1  # the vector register in f0
    # SIMD: operation, special function, result is a predicate, and that of all lanes instead of any.
    op: SIMD_OP_BITS
    special: 1
    is_predicate: 1
    all: 1
    # Matrix: a step, or else what a load brings.
    step: 1
    load_kind: LoadKind
    format_a: OperandFormat  # of a step
    format_b: OperandFormat


Row = data.StructLayout({"front": FrontRow, "names": NamesRow, "scalar": ScalarRow, "vector": VectorRow})
"""All of it."""

_OPERAND_FORMATS = {
    Format.BF16: OperandFormat.BF16,
    Format.CFLOAT8_1_4_3: OperandFormat.CF143,
    Format.CFLOAT8_1_5_2: OperandFormat.CF152,
}
_LOAD_KINDS = {Matrix.LOAD_QUARTER: LoadKind.QUARTER, Matrix.LOAD_ROW: LoadKind.ROW, Matrix.LOAD_RAW: LoadKind.RAW}


def implemented(insn: Insn) -> bool:
    """Whether the unit that the record names can do it."""
    match insn.port:
        case Port.VLOAD:  # a load brings what it finds, and computes nothing
            return insn.simd_op is None
        case Port.DRAIN:
            return insn.format.name in DrainFormat.__members__
        case Port.MATRIX:
            return insn.matrix is not Matrix.STEP or {insn.a_format, insn.b_format} <= set(_OPERAND_FORMATS)
        case _:
            return True


def queued_store(insn: Insn) -> bool:
    """Whether it enters the store queue: stores, and what waits for older stores there."""
    return insn.store or insn.port is Port.NET


def uses_mode(insn: Insn) -> bool:
    """Whether a vector instruction has operands or a result whose bias software sets, or takes random words."""
    if insn.port is Port.SIMD:
        info = SIMD_OPS[SimdOp(insn.simd_op)]
        return info.stochastic or isinstance(info.format, FloatFormat) and info.format.has_bias
    return insn.matrix is Matrix.STEP and any(fmt.float.has_bias for fmt in (insn.a_format, insn.b_format))


def front_row(insn: Insn) -> dict[str, object]:
    """The part of dispatch, as initial values of a FrontRow."""
    choices = {op.lo for op in insn.operands if op.kind is OperandKind.CHOICE}
    return {
        "legal": 1,
        "reserved": insn.reserved_mask >> FIELDS_LO,
        "choice_f1": int(F1 + 3 in choices),
        "choice_d": int(F1 in choices),
        "differ": int(insn.distinct is not None),
        "scalar": int(insn.queue is Queue.SCALAR),
        "vector": int(insn.queue is Queue.VECTOR),
        "flow": insn.flow,
        "writes_p": int(insn.writing(OperandKind.P, F0) and insn.queue is not Queue.NONE),
        "reads_va": int(insn.reading(OperandKind.V, F1)),
        "reads_vb": int(insn.reading(OperandKind.V, F2)),
        "reads_vc": int(insn.reading(OperandKind.V, F3)),
        "writes_v": int(insn.writing(OperandKind.V, F0)),
        "reads_v0": int(insn.reading(OperandKind.V, F0)),
        "names_c": int(insn.of_kind(OperandKind.C) is not None),
        "store": int(queued_store(insn)),
        "sets": int(insn.port is Port.CSR and not insn.slow),
        "uses_mode": int(uses_mode(insn)),
    }


def names_row(insn: Insn) -> dict[str, object]:
    """Where a scalar instruction names what, as initial values of a NamesRow; no field is set for what does not go there."""
    if insn.queue is not Queue.SCALAR:
        return {}
    descriptor = insn.of_kind(OperandKind.D)
    return {
        **{f"field_{letter}": _field(operand) for letter, operand in zip("ab", insn.sources, strict=True)},
        "d_f0": int(descriptor is not None and descriptor.lo == F0),
        "set": int(insn.descriptor is DescriptorUse.SET),
        "step_f1": int(insn.descriptor is DescriptorUse.STEP),
        "step_f1_3": int(insn.descriptor is DescriptorUse.ACCESS),
    }


def scalar_row(insn: Insn) -> dict[str, object]:
    """The part of the scalar unit, as initial values of a ScalarRow; no field is set for what does not go there."""
    if insn.queue is not Queue.SCALAR:
        return {}
    row: dict[str, object] = {
        name: int(insn.port is getattr(Port, name.upper()))
        for name in ("sload", "sstore", "vload", "vstore", "drain", "sync", "net", "csr")
    }
    # The words of a transfer are no operand.
    immediate = None if insn.port is Port.NET else insn.immediate
    return row | {
        **{f"reads_{letter}": int(operand is not None) for letter, operand in zip("ab", insn.sources, strict=True)},
        "alu": insn.alu,
        "compare": insn.compare,
        "invert": int(insn.invert),
        "b_imm": int(immediate is not None),
        "imm15": int(immediate is not None and immediate.lo == F1),
        "writes_rd": int(insn.writing(OperandKind.X, F0)),
        "writes_ra": int(insn.post),
        "writes_p": int(insn.writing(OperandKind.P, F0)),
        "slow": int(insn.slow),
        "operand": int(insn.flow in TAKES_OPERAND),
        "setd": int(insn.descriptor is DescriptorUse.SET),
        "getd": int(insn.descriptor is DescriptorUse.GET),
        "store": int(queued_store(insn)),
        "uses_d": int(insn.of_kind(OperandKind.D) is not None),
        "size": insn.size,
        "signed": int(insn.signed),
        "post": int(insn.post),
        "pieces": max(insn.pieces, 1).bit_length() - 1,
        "drain_format": int(insn.format or 0),
        "stochastic": int(stochastic(insn)),
        "takes_mode": int(insn.port is Port.DRAIN and (stochastic(insn) or insn.format.float is not None and insn.format.float.has_bias)),
    }


def stochastic(insn: Insn) -> bool:
    """Whether a drain names a counter."""
    return insn.port is Port.DRAIN and insn.sources[0] is not None


def _field(operand: Operand | None) -> Field:
    return Field.NONE if operand is None else FIELDS[operand.lo]


def vector_row(insn: Insn) -> dict[str, object]:
    """The part of the vector unit, as initial values of a VectorRow; no field is set for what does not go there."""
    if insn.queue is not Queue.VECTOR:
        return {}
    return {
        "simd": int(insn.port is Port.SIMD),
        "reads_a": int(insn.reading(OperandKind.V, F1)),
        "reads_b": int(insn.reading(OperandKind.V, F2)),
        "reads_c": int(insn.reading(OperandKind.V, F3)),
        "writes_v": int(insn.writing(OperandKind.V, F0)),
        "op": insn.simd_op or 0,
        "special": int(insn.special),
        "is_predicate": int(insn.reduce is not Reduce.NONE),
        "all": int(insn.reduce is Reduce.ALL),
        "step": int(insn.matrix is Matrix.STEP),
        "load_kind": _LOAD_KINDS[insn.matrix] if insn.matrix in MATRIX_LOADS else LoadKind.QUARTER,
        "format_a": _OPERAND_FORMATS.get(insn.a_format, OperandFormat.BF16),
        "format_b": _OPERAND_FORMATS.get(insn.b_format, OperandFormat.BF16),
    }


def row(insn: Insn | None, features: frozenset[str]) -> dict[str, dict[str, object]]:
    """The row of a record on a machine of these features, as initial values of a Row; of nothing for what is illegal there."""
    if insn is None or insn.feature not in features or not implemented(insn):
        return {"front": {}, "names": {}, "scalar": {}, "vector": {}}
    return {"front": front_row(insn), "names": names_row(insn), "scalar": scalar_row(insn), "vector": vector_row(insn)}
