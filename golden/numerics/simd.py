"""What one operation of the SIMD pipe computes on whole vector registers (meanings: golden.arch.simd_ops).

    result = execute(SimdOp.FADD, a, b)         # arrays of 64 bytes, or of (n, 64) for n operations at once
    flags = execute_flags(SimdOp.FADD, a, b)    # SimdFlag, ORed over the lanes; an array of them for n operations

Registers are bytes in memory order (little-endian), as the register file and the SRAM hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.formats import BF16
from golden.arch.simd_ops import SIMD_OPS, SimdFlag, SimdOp
from golden.numerics import compare, convert, fma, special
from golden.numerics.convert import Flags, bits_f32, f32_bits

Words = NDArray[np.uint32]

_SIGN = np.uint32(0x80000000)
_ONES = np.uint32(0xFFFFFFFF)
_LOW_BF16, _HIGH_BF16 = slice(0, 16), slice(16, 32)


def execute(op: SimdOp, a: Any, b: Any = None, c: Any = None, imm: int = 0) -> NDArray[np.uint8]:
    """The 64 bytes that ``op`` writes; arrays of shape (..., 64) give as many results.

    ``a``, ``b``, ``c``: uint8 arrays of shape (..., 64); operands that the operation does not read may be None.
    ``imm``: 0..31. ValueError for a missing operand or a wrong length.
    """
    return np.ascontiguousarray(_RESULTS[op](*_registers(op, a, b, c), imm)).view(np.uint8)


def execute_flags(op: SimdOp, a: Any, b: Any = None, c: Any = None) -> NDArray[np.int64]:
    """The flags that ``op`` raises (``SimdFlag`` bits), shape of the operands without the last axis."""
    words = _registers(op, a, b, c)
    if op not in _FLAGS:
        return np.zeros(words[0].shape[:-1], dtype=np.int64)
    return _ored(_FLAGS[op](*words), axis=-1)


def combine_flags(flags: Flags, where: Any) -> int:
    """``SimdFlag`` bits of those elements for which ``where`` (broadcast) is true."""
    return int(_ored(Flags(*(flag & where for flag in flags)), axis=None))


def _ored(flags: Flags, axis: int | None) -> NDArray[np.int64]:
    bits = zip((SimdFlag.INVALID, SimdFlag.DENORMAL, SimdFlag.OVERFLOW, SimdFlag.UNDERFLOW), flags, strict=True)
    return sum(np.asarray(lane).any(axis=axis).astype(np.int64) * int(flag) for flag, lane in bits)


def any_lane(register: Any) -> NDArray[np.bool_]:
    """True where some 32-bit lane is not zero."""
    return _words(register).any(axis=-1)


def all_lanes(register: Any) -> NDArray[np.bool_]:
    """True where every 32-bit lane is not zero."""
    return _words(register).all(axis=-1)


def _words(register: Any) -> Words:
    array = np.ascontiguousarray(register, dtype=np.uint8)
    if array.shape[-1:] != (64,):
        raise ValueError(f"a vector register is 64 bytes, not an array of shape {array.shape}")
    return array.view("<u4")


def _registers(op: SimdOp, a: Any, b: Any, c: Any) -> tuple[Words, Words, Words]:
    """The operands as lanes; one that is not read counts as zeros."""
    for name, value in zip("abc", (a, b, c), strict=True):
        if name in SIMD_OPS[op].operands and value is None:
            raise ValueError(f"{op.name} reads operand {name}, which is missing")
    first = _words(a)
    return first, *(np.zeros_like(first) if value is None else _words(value) for value in (b, c))


def _mask(true: NDArray[np.bool_]) -> Words:
    return np.where(true, _ONES, np.uint32(0))


def _pieces(words: Words, dtype: str) -> NDArray[Any]:
    return np.ascontiguousarray(words).view(dtype)


def _itof(a: Words) -> Words:
    # NumPy rounds integers to float32 to nearest even, in one step.
    return f32_bits(a.view("<i4").astype(np.float32))


def _ftoi(a: Words) -> Words:
    with np.errstate(invalid="ignore"):
        nearest = np.rint(bits_f32(a).astype(np.float64))
    nearest = np.where(np.isnan(nearest), 0.0, np.clip(nearest, -(2.0**31), 2.0**31 - 1))
    return nearest.astype(np.int64).astype(np.int32).view(np.uint32)


def _ftoi_flags(a: Words) -> Flags:
    # Exact bounds: between 2^31 - 1 and 2^31 lies no FP32 number.
    value = bits_f32(a)
    never = np.zeros(a.shape, dtype=bool)
    return Flags(~((value >= -(2.0**31)) & (value < 2.0**31)), never, never, never)


def _halves(a: Words, width: int, high: bool) -> NDArray[Any]:
    elements = _pieces(a, f"<u{width}")
    half = elements.shape[-1] // 2
    return elements[..., half:] if high else elements[..., :half]


def _zip(a: Words, b: Words, width: int, high: bool) -> NDArray[Any]:
    pair = np.stack([_halves(a, width, high), _halves(b, width, high)], axis=-1)
    return pair.reshape(*pair.shape[:-2], -1)


def _narrow(a: Words, b: Words) -> NDArray[np.uint16]:
    return np.concatenate([convert.narrow(BF16, a), convert.narrow(BF16, b)], axis=-1)


def _narrow_flags(a: Words, b: Words) -> Flags:
    pairs = zip(convert.narrow_flags(BF16, a), convert.narrow_flags(BF16, b), strict=True)
    return Flags(*(np.concatenate(pair, axis=-1) for pair in pairs))


def _quiet(a: Words, b: Words) -> Flags:
    never = np.zeros(a.shape, dtype=bool)
    return Flags(compare.quiet_invalid(a, b), never, never, never)


def _ordered(a: Words, b: Words) -> Flags:
    never = np.zeros(a.shape, dtype=bool)
    return Flags(compare.ordered_invalid(a, b), never, never, never)


def _elements(dtype: str, function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """An operation on equal pieces of two registers."""
    return lambda a, b, c, imm: function(_pieces(a, dtype), _pieces(b, dtype))


def _fma_class(shape: Callable[..., tuple[Words, Words, Words]], odd: bool) -> tuple[Callable, Callable]:
    """Result and flags of an operation whose multiply-add operands ``shape`` makes of a, b and c."""
    return (
        lambda a, b, c, imm: fma.fma32(*shape(a, b, c), odd),
        lambda a, b, c: fma.fma_flags(*shape(a, b, c), odd),
    )


_FMA_SHAPES: dict[str, Callable[..., tuple[Words, Words, Words]]] = {
    "FMA": lambda a, b, c: (a, b, c),
    "FADD": lambda a, b, c: (a, np.full_like(a, fma.ONE), b),
    "FMUL": lambda a, b, c: (a, b, np.full_like(a, fma.NEGATIVE_ZERO)),
    "FMS": lambda a, b, c: (a, b, c ^ _SIGN),
    "FNMA": lambda a, b, c: (a ^ _SIGN, b, c),
    "FSUB": lambda a, b, c: (a, np.full_like(a, fma.ONE), b ^ _SIGN),
}

_RESULTS: dict[SimdOp, Callable[..., Any]] = {
    SimdOp.FMIN: lambda a, b, c, imm: compare.min32(a, b),
    SimdOp.FMAX: lambda a, b, c, imm: compare.max32(a, b),
    SimdOp.FEQ: lambda a, b, c, imm: _mask(compare.eq(a, b)),
    SimdOp.FNE: lambda a, b, c, imm: _mask(~compare.eq(a, b)),
    SimdOp.FLT: lambda a, b, c, imm: _mask(compare.lt(a, b)),
    SimdOp.FLE: lambda a, b, c, imm: _mask(compare.le(a, b)),
    SimdOp.COPY: lambda a, b, c, imm: a,
    SimdOp.SELECT: lambda a, b, c, imm: (c & a) | (~c & b),
    SimdOp.AND: lambda a, b, c, imm: a & b,
    SimdOp.OR: lambda a, b, c, imm: a | b,
    SimdOp.XOR: lambda a, b, c, imm: a ^ b,
    SimdOp.ANDNOT: lambda a, b, c, imm: a & ~b,
    SimdOp.FABS: lambda a, b, c, imm: a & ~_SIGN,
    SimdOp.FNEG: lambda a, b, c, imm: a ^ _SIGN,
    SimdOp.IADD32: _elements("<u4", np.add),
    SimdOp.ISUB32: _elements("<u4", np.subtract),
    SimdOp.IADD16: _elements("<u2", np.add),
    SimdOp.ISUB16: _elements("<u2", np.subtract),
    SimdOp.IADD8: _elements("<u1", np.add),
    SimdOp.ISUB8: _elements("<u1", np.subtract),
    SimdOp.ISHL: lambda a, b, c, imm: a << np.uint32(imm),
    SimdOp.ISHR: lambda a, b, c, imm: a >> np.uint32(imm),
    SimdOp.ISAR: lambda a, b, c, imm: a.view("<i4") >> np.int32(imm),
    SimdOp.IEQ: lambda a, b, c, imm: _mask(a == b),
    SimdOp.ILT: lambda a, b, c, imm: _mask(a.view("<i4") < b.view("<i4")),
    SimdOp.ILTU: lambda a, b, c, imm: _mask(a < b),
    SimdOp.IMIN: _elements("<i4", np.minimum),
    SimdOp.IMAX: _elements("<i4", np.maximum),
    SimdOp.SPLAT: lambda a, b, c, imm: np.repeat(a[..., imm % 16, None], 16, axis=-1),
    SimdOp.ROTATE: lambda a, b, c, imm: np.roll(a, -(imm % 16), axis=-1),
    SimdOp.ZIP32_LO: lambda a, b, c, imm: _zip(a, b, 4, high=False),
    SimdOp.ZIP32_HI: lambda a, b, c, imm: _zip(a, b, 4, high=True),
    SimdOp.ZIP16_LO: lambda a, b, c, imm: _zip(a, b, 2, high=False),
    SimdOp.ZIP16_HI: lambda a, b, c, imm: _zip(a, b, 2, high=True),
    SimdOp.DUP_LO: lambda a, b, c, imm: np.concatenate([a[..., :8], a[..., :8]], axis=-1),
    SimdOp.DUP_HI: lambda a, b, c, imm: np.concatenate([a[..., 8:], a[..., 8:]], axis=-1),
    SimdOp.WIDEN_BF16_LO: lambda a, b, c, imm: convert.widen(BF16, _pieces(a, "<u2")[..., _LOW_BF16]),
    SimdOp.WIDEN_BF16_HI: lambda a, b, c, imm: convert.widen(BF16, _pieces(a, "<u2")[..., _HIGH_BF16]),
    SimdOp.NARROW_BF16: lambda a, b, c, imm: _narrow(a, b),
    SimdOp.ITOF: lambda a, b, c, imm: _itof(a),
    SimdOp.FTOI: lambda a, b, c, imm: _ftoi(a),
    SimdOp.RECIP: lambda a, b, c, imm: special.recip(a),
    SimdOp.RSQRT: lambda a, b, c, imm: special.rsqrt(a),
    SimdOp.EXP2: lambda a, b, c, imm: special.exp2(a),
    SimdOp.LOG2: lambda a, b, c, imm: special.log2(a),
}

_FLAGS: dict[SimdOp, Callable[..., Flags]] = {
    SimdOp.FMIN: lambda a, b, c: _quiet(a, b),
    SimdOp.FMAX: lambda a, b, c: _quiet(a, b),
    SimdOp.FEQ: lambda a, b, c: _quiet(a, b),
    SimdOp.FNE: lambda a, b, c: _quiet(a, b),
    SimdOp.FLT: lambda a, b, c: _ordered(a, b),
    SimdOp.FLE: lambda a, b, c: _ordered(a, b),
    SimdOp.WIDEN_BF16_LO: lambda a, b, c: convert.widen_flags(BF16, _pieces(a, "<u2")[..., _LOW_BF16]),
    SimdOp.WIDEN_BF16_HI: lambda a, b, c: convert.widen_flags(BF16, _pieces(a, "<u2")[..., _HIGH_BF16]),
    SimdOp.NARROW_BF16: lambda a, b, c: _narrow_flags(a, b),
    SimdOp.FTOI: lambda a, b, c: _ftoi_flags(a),
    SimdOp.RECIP: lambda a, b, c: special.special_flags("recip", a),
    SimdOp.RSQRT: lambda a, b, c: special.special_flags("rsqrt", a),
    SimdOp.EXP2: lambda a, b, c: special.special_flags("exp2", a),
    SimdOp.LOG2: lambda a, b, c: special.special_flags("log2", a),
}

for _name, _shape in _FMA_SHAPES.items():
    for _odd in (False, True):
        _op = SimdOp[_name + ("_ODD" if _odd else "")]
        _RESULTS[_op], _FLAGS[_op] = _fma_class(_shape, _odd)
