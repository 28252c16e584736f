"""Scalar memory, descriptors, vector memory and drains: opcodes 0x0a0 to 0x0ff."""

from __future__ import annotations

from golden.arch.classes import DescriptorUse, Format, Port
from golden.arch.encoding import F0, F1, F2, F3, Insn, Operand, OperandKind
from golden.arch.isa.operands import IMM10S, RA, RB, RD, STEP, TILE, accumulator, descriptor, flag, scalar, vector
from golden.arch.simd_ops import SimdOp

_FAULTS = ("MISALIGNED", "RANGE", "ECC")
_MOVED = scalar("ra", F1, True, True)
_DATA = scalar("rs", F0)

# --- scalar ------------------------------------------------------------------------------------------------------------------


def _load(i: int, name: str, size: int, signed: bool) -> list[Insn]:
    extended = "" if size == 3 else ("sext " if signed else "zext ")
    memory = f"{extended}M{8 << size}"
    return [
        Insn(
            f"ld.{name}",
            0x0A0 + i,
            Port.SLOAD,
            (RD, RA, IMM10S),
            f"x[rd] = {memory}[x[ra] + sext(imm)]",
            "scalar memory",
            faults=_FAULTS,
            size=size,
            signed=signed,
        ),
        Insn(
            f"ldp.{name}",
            0x0A8 + i,
            Port.SLOAD,
            (RD, _MOVED, IMM10S),
            f"a = x[ra]; x[ra] = a + sext(imm); x[rd] = {memory}[a]; rd = ra is illegal",
            "scalar memory",
            faults=(*_FAULTS, "ILLEGAL"),
            size=size,
            signed=signed,
            post=True,
        ),
    ]


def _store(size: int, name: str) -> list[Insn]:
    memory = f"M{8 << size}"
    faults = _FAULTS if size < 3 else _FAULTS[:2]  # a whole word is written without being read
    return [
        Insn(
            f"st.{name}",
            0x0B0 + size,
            Port.SSTORE,
            (_DATA, RA, IMM10S),
            f"{memory}[x[ra] + sext(imm)] = x[rs]",
            "scalar memory",
            faults=faults,
            size=size,
        ),
        Insn(
            f"stp.{name}",
            0x0B4 + size,
            Port.SSTORE,
            (_DATA, _MOVED, IMM10S),
            f"a = x[ra]; {memory}[a] = x[rs]; x[ra] = a + sext(imm)",
            "scalar memory",
            faults=faults,
            size=size,
            post=True,
        ),
    ]


_LOADS = (("b", 0, True), ("h", 1, True), ("w", 2, True), ("d", 3, False), ("bu", 0, False), ("hu", 1, False), ("wu", 2, False))
SCALAR_MEMORY = [insn for i, load in enumerate(_LOADS) for insn in _load(i, *load)]
SCALAR_MEMORY += [insn for size, name in enumerate("bhwd") for insn in _store(size, name)]

# --- descriptors -------------------------------------------------------------------------------------------------------------

DESCRIPTOR = [
    Insn(
        "setd",
        0x0C0,
        Port.DESC,
        (descriptor(F0), RA, RB),
        "d[d] = image {x[rb], x[ra]}, inner position = outer position",
        "descriptor",
        faults=("DESCRIPTOR",),
        descriptor=DescriptorUse.SET,
    ),
    Insn(
        "getd",
        0x0C1,
        Port.DESC,
        (RD, descriptor(F1), Operand("half", OperandKind.UINT, F2, 1)),
        "x[rd] = half of the image of d[d] (0 low, 1 high)",
        "descriptor",
        descriptor=DescriptorUse.GET,
    ),
    Insn(
        "dstep",
        0x0C2,
        Port.DESC,
        (descriptor(F0), Operand("which", OperandKind.CHOICE, F1, 2, choices=("inner", "outer", "restart"))),
        "inner: inner position moves by the inner step; outer: outer position moves by the outer step, inner = outer; "
        "restart: inner = outer",
        "descriptor",
        descriptor=DescriptorUse.STEP,
    ),
]

# --- vectors -----------------------------------------------------------------------------------------------------------------

_ACCESS = "the inner position of d[d] moved by tile (row: the number of pieces; column: the bytes of a piece)"
_AFTER = "; then d[d] steps as named"
_GATHERS = (("c", 1, 64), ("g8", 8, 8), ("g16", 4, 16), ("g32", 2, 32))


def _gather(i: int, name: str, pieces: int, piece: int) -> list[Insn]:
    what = f"{pieces} piece{'s' if pieces > 1 else ''} of {piece} bytes"
    access = {"faults": ("RANGE", "ECC"), "descriptor": DescriptorUse.ACCESS, "pieces": pieces, "piece": piece}
    load = f"v[vd] = {what}, one per row, at {_ACCESS}; elements outside the extents are 0{_AFTER}"
    store = f"{what}, one per row, at {_ACCESS} = v[vs]; elements outside the extents are not written{_AFTER}"
    return [
        Insn(f"vld.{name}", 0x0C8 + i, Port.VLOAD, (vector("vd", F0, True), descriptor(), TILE, STEP), load, "vector memory", **access),
        Insn(f"vst.{name}", 0x0D0 + i, Port.VSTORE, (vector("vs", F0), descriptor(), TILE, STEP), store, "vector memory", **access),
    ]


def _load_execute(i: int, op: SimdOp) -> Insn:
    return Insn(
        f"vlx.{op.name[1:].lower()}",
        0x0CC + i,
        Port.VLOAD,
        (vector("vd", F0, True), descriptor(), TILE, STEP),
        f"v[vd] = v[vd] {op.name.lower()} (64 bytes at {_ACCESS}), FP32{_AFTER}",
        "vector memory",
        feature="load-execute",
        faults=("RANGE", "ECC"),
        descriptor=DescriptorUse.ACCESS,
        pieces=1,
        piece=64,
        simd_op=int(op),
    )


def _drain(number: Format, stochastic: bool = False) -> Insn:
    """A drain that rounds to nearest even, or stochastically with the counter in a scalar register."""
    how = ""
    operands: tuple[Operand, ...] = (accumulator(), descriptor(), TILE, STEP, flag("relu", F2 + 3))
    faults: tuple[str, ...] = ("RANGE", "ECC")
    if stochastic:
        operands, how = (accumulator(), descriptor(), TILE, scalar("rc", F3), *operands[3:]), " stochastically with the counter x[rc]"
    text = (
        "the 8x8 tile at the inner position of d[d] moved by tile (8 rows, 8 columns) = "
        f"c[c] rounded{how} to {number.name}, with relu negative elements become +0{_AFTER}"
    )
    if number is Format.RAW:
        operands, faults = (accumulator(), descriptor(), STEP), ("RANGE",)
        text = f"the 512 B at the inner position of d[d] = the raw words of c[c], row by row; extents do not matter{_AFTER}"
    return Insn(
        f"drain.{number.short}" + (".sr" if stochastic else ""),
        (0x0E0 if stochastic else 0x0D8) + number,
        Port.DRAIN,
        operands,
        text,
        "vector memory",
        feature="stochastic" if stochastic else "base" if number in _PLAIN_DRAINS else "narrow",
        faults=faults,
        descriptor=DescriptorUse.ACCESS,
        format=number,
    )


_PLAIN_DRAINS = frozenset({Format.FP32, Format.BF16, Format.RAW})
VECTOR_MEMORY = [insn for i, gather in enumerate(_GATHERS) for insn in _gather(i, *gather)]
VECTOR_MEMORY += [_load_execute(i, op) for i, op in enumerate((SimdOp.FADD, SimdOp.FMUL, SimdOp.FMAX))]
VECTOR_MEMORY += [_drain(number) for number in sorted(Format)]
VECTOR_MEMORY += [_drain(number, stochastic=True) for number in sorted(Format) if number not in (Format.FP32, Format.RAW)]

TABLE = [*SCALAR_MEMORY, *DESCRIPTOR, *VECTOR_MEMORY]
