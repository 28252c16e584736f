"""The SIMD pipe's operations: what each computes, which operands it reads, and when its result appears.

One table for the instruction table, the issuer, the circuit and the instruction-set simulator. An operand is a vector
register of 512 bits: 16 lanes of 32 bits, lane i = bits 32i..32i+31; 16-bit element i = bits 16i..16i+15; byte i = bits
8i..8i+7. "For each lane" means for each 32-bit lane. Floating point is FP32 as docs/numerics.md defines it:
subnormals, round to nearest even, one NaN (0x7fc00000).

The rule that the timing keeps: every operation leaves through the last seven stages of one pipe (operand selection and
the six stages of the fused multiply-add), so two operations collide if and only if their results would appear in the
same cycle. An issuer that reserves the result port with a shift register of ``MAX_LATENCY`` bits, and keeps an
operation of the special class from following another one by less than its occupancy, has excluded every conflict.

Cycles: an operation presented in cycle t (``valid``, operands, immediate and tag together) shows its result in cycle
t + LATENCY[op].
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from golden.arch.formats import FORMAT_CODE_BITS, INT_FORMATS, NARROW_FORMATS, FloatFormat, IntFormat

SIMD_LANES = 16
"""32-bit lanes of a vector register."""

SIMD_OP_BITS = 8
"""Width of an operation code: four bits of class, four of operation."""

IMM_BITS = 5
"""Width of the immediate."""

TAG_BITS = 20
"""Width of the tag that travels with an operation unchanged."""


class SimdClass(IntEnum):
    """Which hardware computes; the upper four bits of the operation code."""

    FMA = 0
    COMPARE = 1
    LOGIC = 2
    INTEGER = 3
    PERMUTE = 4
    CONVERT = 5
    SPECIAL = 6
    NARROW = 7
    PACK = 8
    PACKED = 9
    MULTIPLY = 11
    SHIFT = 13
    FMA_BF16 = 14
    WIDE = 15


class SimdFlag(IntFlag):
    """Floating-point flags of one operation, ORed over its lanes; the bit order of the pipe's ``flags`` output."""

    INVALID = 1
    DENORMAL = 2
    OVERFLOW = 4
    UNDERFLOW = 8


class SimdOp(IntEnum):
    """Operation codes. The low four bits of the FMA class are fields: see ``FMA_*`` below."""

    # FMA class: bits 1:0 shape (0 a*b+c, 1 a*1+b, 2 a*b-0, 3 a*b-c), bit 2 negates, bit 3 rounds to odd.
    FMA = 0x00
    FADD = 0x01
    FMUL = 0x02
    FMS = 0x03
    FNMA = 0x04
    FSUB = 0x05
    FMA_ODD = 0x08
    FADD_ODD = 0x09
    FMUL_ODD = 0x0A
    FMS_ODD = 0x0B
    FNMA_ODD = 0x0C
    FSUB_ODD = 0x0D
    # Comparison class.
    FMIN = 0x10
    FMAX = 0x11
    FEQ = 0x12
    FNE = 0x13
    FLT = 0x14
    FLE = 0x15
    # Logic class.
    COPY = 0x20
    SELECT = 0x21
    AND = 0x22
    OR = 0x23
    XOR = 0x24
    ANDNOT = 0x25
    FABS = 0x26
    FNEG = 0x27
    # Integer class.
    IADD32 = 0x30
    ISUB32 = 0x31
    IADD16 = 0x32
    ISUB16 = 0x33
    IADD8 = 0x34
    ISUB8 = 0x35
    ISHL = 0x36
    ISHR = 0x37
    ISAR = 0x38
    IEQ = 0x39
    ILT = 0x3A
    ILTU = 0x3B
    IMIN = 0x3C
    IMAX = 0x3D
    # Permutation class.
    SPLAT = 0x40
    ROTATE = 0x41
    ZIP32_LO = 0x42
    ZIP32_HI = 0x43
    ZIP16_LO = 0x44
    ZIP16_HI = 0x45
    DUP_LO = 0x46
    DUP_HI = 0x47
    ZIP8_LO = 0x48
    ZIP8_HI = 0x49
    CAT_LO = 0x4A
    CAT_HI = 0x4B
    SHUFFLE32 = 0x4C
    SHUFFLE8 = 0x4D
    # Conversion class: WIDEN_* of a float format has the format's code in bits 2:0; bit 1 of UTOF and FTOU says unsigned.
    WIDEN_BF16 = 0x51
    WIDEN_FP16 = 0x53
    WIDEN_C143 = 0x54
    WIDEN_C152 = 0x55
    WIDEN_SHP = 0x56
    WIDEN_UHP = 0x57
    ITOF = 0x58
    FTOI = 0x59
    UTOF = 0x5A
    FTOU = 0x5B
    WIDEN_I8 = 0x5C
    WIDEN_U8 = 0x5D
    WIDEN_I16 = 0x5E
    WIDEN_U16 = 0x5F
    # Special class.
    RECIP = 0x60
    RSQRT = 0x61
    EXP2 = 0x62
    LOG2 = 0x63
    # Narrowing class: bits 2:0 the format's code, bit 3 rounds stochastically.
    NARROW_BF16 = 0x71
    NARROW_FP16 = 0x73
    NARROW_C143 = 0x74
    NARROW_C152 = 0x75
    NARROW_SHP = 0x76
    NARROW_UHP = 0x77
    NARROW_BF16_SR = 0x79
    NARROW_FP16_SR = 0x7B
    NARROW_C143_SR = 0x7C
    NARROW_C152_SR = 0x7D
    NARROW_SHP_SR = 0x7E
    NARROW_UHP_SR = 0x7F
    # Packing class: low two bits as in WIDEN_I8 to WIDEN_U16.
    PACK_I8 = 0x88
    PACK_U8 = 0x89
    PACK_I16 = 0x8A
    PACK_U16 = 0x8B
    # Packed integers: bit 3 is set for bytes, else elements have 16 bits.
    ISHL16 = 0x90
    ISHR16 = 0x91
    ISAR16 = 0x92
    IEQ16 = 0x93
    ILT16 = 0x94
    ILTU16 = 0x95
    IMIN16 = 0x96
    IMAX16 = 0x97
    ISHL8 = 0x98
    ISHR8 = 0x99
    ISAR8 = 0x9A
    IEQ8 = 0x9B
    ILT8 = 0x9C
    ILTU8 = 0x9D
    IMIN8 = 0x9E
    IMAX8 = 0x9F
    # Integers of every size: bits 1:0 are the logarithm of the bytes. Products: bits 3:2 low half, high half signed, high half unsigned.
    IMUL8 = 0xB0
    IMUL16 = 0xB1
    IMUL32 = 0xB2
    IMULH8 = 0xB4
    IMULH16 = 0xB5
    IMULH32 = 0xB6
    IMULHU8 = 0xB8
    IMULHU16 = 0xB9
    IMULHU32 = 0xBA
    # Shifts of every element by a distance of its own.
    ISHLV8 = 0xD0
    ISHLV16 = 0xD1
    ISHLV32 = 0xD2
    ISHLV64 = 0xD3
    ISHRV8 = 0xD4
    ISHRV16 = 0xD5
    ISHRV32 = 0xD6
    ISHRV64 = 0xD7
    ISARV8 = 0xD8
    ISARV16 = 0xD9
    ISARV32 = 0xDA
    ISARV64 = 0xDB
    # Multiply-add of BF16: bits 1:0 shape (0 fma of part 0, 1 a*1+b, 2 a*b-0, 3 fma of part 1), bit 2 negates, bit 3 rounds to odd.
    FMA_ODD_BF16_LO = 0xE8
    FADD_ODD_BF16 = 0xE9
    FMUL_ODD_BF16 = 0xEA
    FMA_ODD_BF16_HI = 0xEB
    FNMA_ODD_BF16_LO = 0xEC
    FSUB_ODD_BF16 = 0xED
    FNMA_ODD_BF16_HI = 0xEF
    # Unsigned minimum and maximum of every size, then what the other classes have for smaller elements only.
    IMINU8 = 0xF0
    IMINU16 = 0xF1
    IMINU32 = 0xF2
    IMINU64 = 0xF3
    IMAXU8 = 0xF4
    IMAXU16 = 0xF5
    IMAXU32 = 0xF6
    IMAXU64 = 0xF7
    IADD64 = 0xF8
    ISUB64 = 0xF9
    IEQ64 = 0xFA
    ILT64 = 0xFB
    ILTU64 = 0xFC
    IMIN64 = 0xFD
    IMAX64 = 0xFE


@dataclass(frozen=True)
class SimdOpInfo:
    """One row of the table.

    ``operands`` names the registers read, a subset of "abc"; ``imm`` is the number of immediate bits that count (0:
    ignored); ``flags`` which flags it can raise; ``meaning`` the operation, exact in every bit; ``feature`` the part of the
    machine that has it; ``format`` the record of a conversion's narrow side; ``stochastic`` whether random words round it.
    """

    op: SimdOp
    operands: str
    imm: int
    flags: SimdFlag
    meaning: str
    feature: str = "base"
    format: FloatFormat | IntFormat | None = None
    stochastic: bool = False

    @property
    def simd_class(self) -> SimdClass:
        """The hardware class."""
        return SimdClass(self.op >> 4)


_NONE = SimdFlag(0)
_ARITH = SimdFlag.INVALID | SimdFlag.DENORMAL | SimdFlag.OVERFLOW | SimdFlag.UNDERFLOW
_INVALID = SimdFlag.INVALID
_MASK = "mask: all ones where true, else zero"
_ODD = "rounded to odd (docs/numerics.md): for a result that a conversion to a narrow format rounds next"

_ROWS = (
    SimdOpInfo(SimdOp.FMA, "abc", 0, _ARITH, "for each lane a*b + c, rounded once"),
    SimdOpInfo(SimdOp.FADD, "ab", 0, _ARITH, "for each lane a + b = fma(a, 1.0, b)"),
    SimdOpInfo(SimdOp.FMUL, "ab", 0, _ARITH, "for each lane a * b = fma(a, b, -0.0)"),
    SimdOpInfo(SimdOp.FMS, "abc", 0, _ARITH, "for each lane a*b - c = fma(a, b, c with its sign bit inverted)"),
    SimdOpInfo(SimdOp.FNMA, "abc", 0, _ARITH, "for each lane c - a*b = fma(a with its sign bit inverted, b, c)"),
    SimdOpInfo(SimdOp.FSUB, "ab", 0, _ARITH, "for each lane a - b = fma(a, 1.0, b with its sign bit inverted)"),
    SimdOpInfo(SimdOp.FMA_ODD, "abc", 0, _ARITH, "as FMA, " + _ODD),
    SimdOpInfo(SimdOp.FADD_ODD, "ab", 0, _ARITH, "as FADD, " + _ODD),
    SimdOpInfo(SimdOp.FMUL_ODD, "ab", 0, _ARITH, "as FMUL, " + _ODD),
    SimdOpInfo(SimdOp.FMS_ODD, "abc", 0, _ARITH, "as FMS, " + _ODD),
    SimdOpInfo(SimdOp.FNMA_ODD, "abc", 0, _ARITH, "as FNMA, " + _ODD),
    SimdOpInfo(SimdOp.FSUB_ODD, "ab", 0, _ARITH, "as FSUB, " + _ODD),
    SimdOpInfo(SimdOp.FMIN, "ab", 0, _INVALID, "for each lane IEEE 754-2019 minimum: NaN if either is NaN, -0 < +0"),
    SimdOpInfo(SimdOp.FMAX, "ab", 0, _INVALID, "for each lane IEEE 754-2019 maximum: NaN if either is NaN, -0 < +0"),
    SimdOpInfo(SimdOp.FEQ, "ab", 0, _INVALID, "for each lane a == b (-0 == +0, NaN false), " + _MASK),
    SimdOpInfo(SimdOp.FNE, "ab", 0, _INVALID, "for each lane not a == b (NaN true), " + _MASK),
    SimdOpInfo(SimdOp.FLT, "ab", 0, _INVALID, "for each lane a < b (NaN false), " + _MASK),
    SimdOpInfo(SimdOp.FLE, "ab", 0, _INVALID, "for each lane a <= b (NaN false), " + _MASK),
    SimdOpInfo(SimdOp.COPY, "a", 0, _NONE, "a"),
    SimdOpInfo(SimdOp.SELECT, "abc", 0, _NONE, "(c & a) | (~c & b), bit by bit"),
    SimdOpInfo(SimdOp.AND, "ab", 0, _NONE, "a & b"),
    SimdOpInfo(SimdOp.OR, "ab", 0, _NONE, "a | b"),
    SimdOpInfo(SimdOp.XOR, "ab", 0, _NONE, "a ^ b"),
    SimdOpInfo(SimdOp.ANDNOT, "ab", 0, _NONE, "a & ~b"),
    SimdOpInfo(SimdOp.FABS, "a", 0, _NONE, "for each lane a with bit 31 cleared (NaN codes too)"),
    SimdOpInfo(SimdOp.FNEG, "a", 0, _NONE, "for each lane a with bit 31 inverted (NaN codes too)"),
    SimdOpInfo(SimdOp.IADD32, "ab", 0, _NONE, "for each lane (a + b) mod 2^32"),
    SimdOpInfo(SimdOp.ISUB32, "ab", 0, _NONE, "for each lane (a - b) mod 2^32"),
    SimdOpInfo(SimdOp.IADD16, "ab", 0, _NONE, "for each of 32 sixteen-bit elements (a + b) mod 2^16"),
    SimdOpInfo(SimdOp.ISUB16, "ab", 0, _NONE, "for each of 32 sixteen-bit elements (a - b) mod 2^16"),
    SimdOpInfo(SimdOp.IADD8, "ab", 0, _NONE, "for each of 64 bytes (a + b) mod 2^8"),
    SimdOpInfo(SimdOp.ISUB8, "ab", 0, _NONE, "for each of 64 bytes (a - b) mod 2^8"),
    SimdOpInfo(SimdOp.ISHL, "a", 5, _NONE, "for each lane (a << imm) mod 2^32"),
    SimdOpInfo(SimdOp.ISHR, "a", 5, _NONE, "for each lane a >> imm, zeros enter"),
    SimdOpInfo(SimdOp.ISAR, "a", 5, _NONE, "for each lane a >> imm, copies of bit 31 enter"),
    SimdOpInfo(SimdOp.IEQ, "ab", 0, _NONE, "for each lane a == b as integers, " + _MASK),
    SimdOpInfo(SimdOp.ILT, "ab", 0, _NONE, "for each lane a < b as signed integers, " + _MASK),
    SimdOpInfo(SimdOp.ILTU, "ab", 0, _NONE, "for each lane a < b as unsigned integers, " + _MASK),
    SimdOpInfo(SimdOp.IMIN, "ab", 0, _NONE, "for each lane the lesser of a and b as signed integers"),
    SimdOpInfo(SimdOp.IMAX, "ab", 0, _NONE, "for each lane the greater of a and b as signed integers"),
    SimdOpInfo(SimdOp.SPLAT, "a", 4, _NONE, "every lane = lane (imm mod 16) of a"),
    SimdOpInfo(SimdOp.ROTATE, "a", 4, _NONE, "lane i = lane ((i + imm) mod 16) of a"),
    SimdOpInfo(SimdOp.ZIP32_LO, "ab", 0, _NONE, "lane 2i = lane i of a, lane 2i+1 = lane i of b, i = 0..7"),
    SimdOpInfo(SimdOp.ZIP32_HI, "ab", 0, _NONE, "lane 2i = lane 8+i of a, lane 2i+1 = lane 8+i of b, i = 0..7"),
    SimdOpInfo(SimdOp.ZIP16_LO, "ab", 0, _NONE, "16-bit element 2i = element i of a, 2i+1 = element i of b, i = 0..15"),
    SimdOpInfo(SimdOp.ZIP16_HI, "ab", 0, _NONE, "16-bit element 2i = element 16+i of a, 2i+1 = 16+i of b, i = 0..15"),
    SimdOpInfo(SimdOp.DUP_LO, "a", 0, _NONE, "lanes i and i+8 = lane i of a, i = 0..7"),
    SimdOpInfo(SimdOp.DUP_HI, "a", 0, _NONE, "lanes i and i+8 = lane i+8 of a, i = 0..7"),
    SimdOpInfo(SimdOp.ZIP8_LO, "ab", 0, _NONE, "byte 2i = byte i of a, byte 2i+1 = byte i of b, i = 0..31", "packed"),
    SimdOpInfo(SimdOp.ZIP8_HI, "ab", 0, _NONE, "byte 2i = byte 32+i of a, byte 2i+1 = byte 32+i of b, i = 0..31", "packed"),
    SimdOpInfo(SimdOp.CAT_LO, "ab", 0, _NONE, "lane i = lane i of a, lane 8+i = lane i of b, i = 0..7", "packed"),
    SimdOpInfo(SimdOp.CAT_HI, "ab", 0, _NONE, "lane i = lane 8+i of a, lane 8+i = lane 8+i of b, i = 0..7", "packed"),
    SimdOpInfo(SimdOp.SHUFFLE32, "ab", 0, _NONE, "lane i = lane ((lane i of b) mod 16) of a", "packed"),
    SimdOpInfo(SimdOp.SHUFFLE8, "ab", 0, _NONE, "byte i = byte 16 floor(i / 16) + ((byte i of b) mod 16) of a", "packed"),
    SimdOpInfo(SimdOp.ITOF, "a", 0, _NONE, "for each lane the signed integer a as FP32, nearest even"),
    SimdOpInfo(
        SimdOp.FTOI,
        "a",
        0,
        _INVALID,
        "for each lane FP32 a as signed integer, nearest even; too large gives -2^31 or 2^31-1, NaN 0, both Invalid",
    ),
    SimdOpInfo(SimdOp.UTOF, "a", 0, _NONE, "for each lane the unsigned integer a as FP32, nearest even"),
    SimdOpInfo(
        SimdOp.FTOU,
        "a",
        0,
        _INVALID,
        "for each lane FP32 a as unsigned integer, nearest even; too large gives 2^32-1, below zero and NaN 0, all Invalid",
    ),
    SimdOpInfo(SimdOp.RECIP, "a", 0, _ARITH, "for each lane 1/a, error at most 1.03 ulp (docs/numerics.md)"),
    SimdOpInfo(SimdOp.RSQRT, "a", 0, _ARITH, "for each lane 1/sqrt(a), error at most 0.71 ulp (docs/numerics.md)"),
    SimdOpInfo(SimdOp.EXP2, "a", 0, _ARITH, "for each lane 2^a, error at most 1.33 ulp (docs/numerics.md)"),
    SimdOpInfo(SimdOp.LOG2, "a", 0, _ARITH, "for each lane log2(a), error at most 1.56 ulp (docs/numerics.md)"),
)


def _part(bits: int) -> tuple[int, str]:
    """Immediate bits that say which sixteen elements of so many bits are meant, and how a meaning names them."""
    return (2, "16 (imm mod 4) + i") if bits == 8 else (1, "16 (imm mod 2) + i")


def _places(bits: int) -> str:
    return "bytes 32..63 are 0" if bits == 8 else "which fill the register"


def _widen(fmt: FloatFormat) -> SimdOpInfo:
    imm, place = _part(fmt.bits)
    bias = " with the bias of A" if fmt.has_bias else ""
    return SimdOpInfo(
        SimdOp[f"WIDEN_{fmt.short.upper()}"],
        "a",
        imm,
        SimdFlag.INVALID | SimdFlag.DENORMAL,
        f"lane i = FP32 value of {fmt.name} element {place} of a{bias} (exact; NaN becomes 0x7fc00000)",
        "base" if fmt.short == "bf16" else "narrow",
        fmt,
    )


def _narrow(fmt: FloatFormat, stochastic: bool) -> SimdOpInfo:
    bias = " with the bias of results" if fmt.has_bias else ""
    how = "stochastically, counter in lanes 0 (low) and 1 of c" if stochastic else "nearest even"
    return SimdOpInfo(
        SimdOp[f"NARROW_{fmt.short.upper()}" + ("_SR" if stochastic else "")],
        "abc" if stochastic else "ab",
        0,
        _ARITH,
        f"{fmt.name} element i = lane i of a, element 16+i = lane i of b, i = 0..15, {_places(fmt.bits)}: from FP32{bias}, {how}",
        "stochastic" if stochastic else "base" if fmt.short == "bf16" else "narrow",
        fmt,
        stochastic,
    )


def _widen_integer(fmt: IntFormat) -> SimdOpInfo:
    imm, place = _part(fmt.bits)
    extended = "copies of its sign enter" if fmt.signed else "zeros enter"
    return SimdOpInfo(SimdOp[f"WIDEN_{fmt.name}"], "a", imm, _NONE, f"lane i = {fmt.name} element {place} of a, {extended}", "packed", fmt)


def _pack(fmt: IntFormat) -> SimdOpInfo:
    return SimdOpInfo(
        SimdOp[f"PACK_{fmt.name}"],
        "ab",
        0,
        _NONE,
        f"{fmt.name} element i = lane i of a, element 16+i = lane i of b, i = 0..15, {_places(fmt.bits)}: "
        f"signed integers, those outside {fmt.min}..{fmt.max} become the nearer end",
        "packed",
        fmt,
    )


_PACKED = (
    ("ISHL", "a", "(a << imm), bits that leave the element are lost"),
    ("ISHR", "a", "a >> imm, zeros enter"),
    ("ISAR", "a", "a >> imm, copies of its top bit enter"),
    ("IEQ", "ab", "a == b, " + _MASK),
    ("ILT", "ab", "a < b as signed integers, " + _MASK),
    ("ILTU", "ab", "a < b as unsigned integers, " + _MASK),
    ("IMIN", "ab", "the lesser of a and b as signed integers"),
    ("IMAX", "ab", "the greater of a and b as signed integers"),
)


_MULTIPLY = (
    ("IMUL", "a * b, low half of the product"),
    ("IMULH", "a * b as signed integers, high half of the product"),
    ("IMULHU", "a * b as unsigned integers, high half of the product"),
)
_SHIFT = (
    ("ISHLV", "a << (b mod {bits}), bits that leave the element are lost"),
    ("ISHRV", "a >> (b mod {bits}), zeros enter"),
    ("ISARV", "a >> (b mod {bits}), copies of its top bit enter"),
)
_UNSIGNED = (
    ("IMINU", "the lesser of a and b as unsigned integers"),
    ("IMAXU", "the greater of a and b as unsigned integers"),
)
_SUMS = (("IADD", "(a + b) mod 2^64"), ("ISUB", "(a - b) mod 2^64"))


def _elements(bits: int, name: str, operands: str, meaning: str) -> SimdOpInfo:
    elements = {8: "64 bytes", 16: "32 sixteen-bit elements", 32: "16 lanes", 64: "8 elements of 64 bits"}[bits]
    imm = 0 if operands == "ab" else bits.bit_length() - 1
    return SimdOpInfo(SimdOp[f"{name}{bits}"], operands, imm, _NONE, f"for each of {elements} {meaning}", "packed")


def _of_bf16(name: str, half: str) -> SimdOpInfo:
    """An operation of the class FMA on sixteen BF16 elements of each operand; ``half`` names them where no immediate does."""
    wide = _WIDE_SUMS[SimdOp[name]]
    imm, place = _part(16) if not half else (0, "i" if half == "_LO" else "16 + i")
    meaning = f"as {name} on lanes that are the FP32 values of BF16 elements {place} of a, b{' and c' * ('c' in wide.operands)}"
    return SimdOpInfo(SimdOp[f"{name}_BF16{half}"], wide.operands, imm, _ARITH, meaning, "narrow")


_WIDE_SUMS = {row.op: row for row in _ROWS if row.simd_class is SimdClass.FMA}
_SMALL_INTEGERS = tuple(INT_FORMATS[name] for name in ("I8", "U8", "I16", "U16"))
_ROWS += (
    *(_widen(fmt) for fmt in NARROW_FORMATS),
    *(_widen_integer(fmt) for fmt in _SMALL_INTEGERS),
    *(_narrow(fmt, stochastic) for stochastic in (False, True) for fmt in NARROW_FORMATS),
    *(_pack(fmt) for fmt in _SMALL_INTEGERS),
    *(_of_bf16(name, "") for name in ("FADD_ODD", "FSUB_ODD", "FMUL_ODD")),
    *(_of_bf16(name, half) for name in ("FMA_ODD", "FNMA_ODD") for half in ("_LO", "_HI")),
    *(_elements(bits, *row) for bits in (16, 8) for row in _PACKED),
    *(_elements(bits, name, "ab", meaning) for bits in (8, 16, 32) for name, meaning in _MULTIPLY),
    *(_elements(bits, name, "ab", meaning.format(bits=bits)) for bits in (8, 16, 32, 64) for name, meaning in _SHIFT),
    *(_elements(bits, name, "ab", meaning) for bits in (8, 16, 32, 64) for name, meaning in _UNSIGNED),
    *(_elements(64, name, "ab", meaning) for name, meaning in _SUMS),
    *(_elements(64, *row) for row in _PACKED if row[1] == "ab"),
)

SIMD_OPS: dict[SimdOp, SimdOpInfo] = {row.op: row for row in sorted(_ROWS, key=lambda row: row.op)}
"""The table: every operation with its operands, immediate, flags and meaning."""

PIPE_STAGES = 7
"""Operand selection and the six stages of the fused multiply-add lane, which every operation passes."""

SPECIAL_STAGES = 7
"""Stages of the special functions' front end before operand selection (the second half of the lanes enters a cycle
later and skips the wait, so that all sixteen lanes enter the multiply-add lanes together)."""


def _latency(op: SimdOp) -> int:
    return PIPE_STAGES + (SPECIAL_STAGES if SimdClass(op >> 4) is SimdClass.SPECIAL else 0)


LATENCY: dict[SimdOp, int] = {op: _latency(op) for op in SimdOp}
"""Cycles from operands presented to result visible."""

MAX_LATENCY = max(LATENCY.values())
"""Length of the result port's reservation register."""

OCCUPANCY: dict[SimdOp, int] = {op: 2 if SimdClass(op >> 4) is SimdClass.SPECIAL else 1 for op in SimdOp}
"""Cycles for which an operation keeps other operations of its own class from starting (specials: 8 lanes a cycle)."""

ENTERS_FMA_AT: dict[SimdOp, int] = {op: LATENCY[op] - PIPE_STAGES for op in SimdOp}
"""Cycle after the start in which an operation takes the pipe's operand selection: no other operation may start then.
As it is LATENCY less a constant, reserving the result port reserves this slot too."""


def _check() -> None:
    """Refuse a table with a missing row, a code out of range or an operand that does not exist."""
    missing = [op.name for op in SimdOp if op not in SIMD_OPS]
    if missing:
        raise ValueError(f"SIMD operations without a row in the table: {', '.join(missing)}")
    if max(SimdOp).bit_length() != SIMD_OP_BITS:
        raise ValueError(f"SIMD operation codes need {max(SimdOp).bit_length()} bits, SIMD_OP_BITS says {SIMD_OP_BITS}")
    for row in _ROWS:
        narrow = isinstance(row.format, FloatFormat)
        if narrow and (row.op ^ row.format.code) & ((1 << FORMAT_CODE_BITS) - 1):
            raise ValueError(f"{row.op.name} does not have the code {row.format.code} of its format")
        if not row.operands or any(name not in "abc" for name in row.operands):
            raise ValueError(f"{row.op.name} names operands {row.operands!r}, registers are a, b and c")


_check()
