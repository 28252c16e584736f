"""What one operation of the SIMD pipe computes on whole vector registers (meanings: golden.arch.simd_ops).

    result = execute(SimdOp.FADD, a, b)         # arrays of 64 bytes, or of (n, 64) for n operations at once
    flags = execute_flags(SimdOp.FADD, a, b)    # SimdFlag, ORed over the lanes; an array of them for n operations
    result = execute(SimdOp.NARROW_C143_SR, a, b, c, fp=FpState(bias_result=7, seed=1))

Registers are bytes in memory order (little-endian), as the register file and the SRAM hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.arch.formats import FloatFormat, IntFormat
from golden.arch.simd_ops import SIMD_OPS, SimdClass, SimdFlag, SimdOp, SimdOpInfo
from golden.numerics import compare, convert, fma, integers, special
from golden.numerics.convert import Flags, bits_f32, f32_bits
from golden.numerics.random import random_words

Words = NDArray[np.uint32]

_SIGN = np.uint32(0x80000000)
_ONES = np.uint32(0xFFFFFFFF)


class FpState(NamedTuple):
    """What conversions take from their thread: biases (0..63) of operand a and of results, and the random words' seed (64 bits)."""

    bias_a: int = 0
    bias_result: int = 0
    seed: int = 0


_ZERO_STATE = FpState()


def execute(op: SimdOp, a: Any, b: Any = None, c: Any = None, imm: int = 0, fp: FpState = _ZERO_STATE) -> NDArray[np.uint8]:
    """The 64 bytes that ``op`` writes; arrays of shape (..., 64) give as many results.

    ``a``, ``b``, ``c``: uint8 arrays of shape (..., 64); operands that the operation does not read may be None.
    ``imm``: 0..31. ``fp``: counts in conversions of floating-point formats. ValueError for a missing operand or a wrong length.
    """
    info = SIMD_OPS[op]
    words = _sources(info, _registers(op, a, b, c), imm)
    if isinstance(info.format, FloatFormat):
        return _bytes(_converted(info, words, imm, fp))
    return _bytes(_RESULTS[op](*words, imm))


def execute_flags(op: SimdOp, a: Any, b: Any = None, c: Any = None, imm: int = 0, fp: FpState = _ZERO_STATE) -> NDArray[np.int64]:
    """The flags that ``op`` raises (``SimdFlag`` bits), shape of the operands without the last axis."""
    info = SIMD_OPS[op]
    words = _sources(info, _registers(op, a, b, c), imm)
    if isinstance(info.format, FloatFormat):
        return _ored(_conversion_flags(info, words, imm, fp), axis=-1)
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


def _bytes(result: Any) -> NDArray[np.uint8]:
    return np.ascontiguousarray(result).view(np.uint8)


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


def _sources(info: SimdOpInfo, words: tuple[Words, Words, Words], imm: int) -> tuple[Words, Words, Words]:
    """The lanes that are computed on: of BF16 arithmetic, sixteen elements of each register with zeros below them."""
    if info.simd_class is not SimdClass.FMA_BF16:
        return words
    part = imm % 2 if info.imm else int(info.op.name.endswith("_HI"))
    return tuple(_pieces(word, "<u2")[..., 16 * part : 16 * part + 16].astype("<u4") << np.uint32(16) for word in words)


def _mask(true: NDArray[np.bool_]) -> Words:
    return np.where(true, _ONES, np.uint32(0))


def _pieces(words: Words, dtype: str) -> NDArray[Any]:
    return np.ascontiguousarray(words).view(dtype)


def _itof(a: Words, dtype: str) -> Words:
    # NumPy rounds integers to float32 to nearest even, in one step.
    return f32_bits(a.view(dtype).astype(np.float32))


def _nearest(a: Words) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.rint(bits_f32(a).astype(np.float64))


def _ftoi(a: Words, dtype: str) -> Words:
    """Numbers outside the 32-bit integers of the type as the nearer end, NaN as 0."""
    ends, nearest = np.iinfo(dtype), _nearest(a)
    nearest = np.where(np.isnan(nearest), 0.0, np.clip(nearest, ends.min, ends.max))
    return nearest.astype(np.int64).astype(dtype).view(np.uint32)


def _ftoi_flags(a: Words, dtype: str) -> Flags:
    ends, nearest = np.iinfo(dtype), _nearest(a)
    never = np.zeros(a.shape, dtype=bool)
    return Flags(~((nearest >= ends.min) & (nearest <= ends.max)), never, never, never)


def _halves(a: Words, width: int, high: bool) -> NDArray[Any]:
    elements = _pieces(a, f"<u{width}")
    half = elements.shape[-1] // 2
    return elements[..., half:] if high else elements[..., :half]


def _zip(a: Words, b: Words, width: int, high: bool) -> NDArray[Any]:
    pair = np.stack([_halves(a, width, high), _halves(b, width, high)], axis=-1)
    return pair.reshape(*pair.shape[:-2], -1)


def _part(register: Words, fmt: FloatFormat | IntFormat, imm: int) -> NDArray[Any]:
    """Sixteen elements of a register: those that the immediate names."""
    elements = _pieces(register, f"<{'i' if isinstance(fmt, IntFormat) and fmt.signed else 'u'}{fmt.bytes}")
    first = 16 * (imm % (elements.shape[-1] // 16))
    return elements[..., first : first + 16]


def _filled(elements: NDArray[Any]) -> NDArray[Any]:
    """Elements, and zeros behind them to the register's end."""
    missing = 64 // elements.dtype.itemsize - elements.shape[-1]
    return np.concatenate([elements, np.zeros((*elements.shape[:-1], missing), elements.dtype)], axis=-1)


def _random(counter: Words, seed: int) -> NDArray[np.uint32]:
    """Words of the elements 0..31 of a narrowing whose counter lies in lanes 0 and 1."""
    first = counter[..., 0].astype(np.uint64) | counter[..., 1].astype(np.uint64) << np.uint64(32)
    with np.errstate(over="ignore"):
        return np.concatenate([random_words(seed, first), random_words(seed, first + np.uint64(1))], axis=-1)


def _narrowing(info: SimdOpInfo, words: tuple[Words, Words, Words], fp: FpState) -> tuple[FloatFormat, Words, int | None, Any]:
    """Format, values, bias and random words of a narrowing, as golden.numerics.convert wants them."""
    a, b, c = words
    random = _random(c, fp.seed) if info.stochastic else None
    return info.format, np.concatenate([a, b], axis=-1), fp.bias_result if info.format.has_bias else None, random


def _converted(info: SimdOpInfo, words: tuple[Words, Words, Words], imm: int, fp: FpState) -> NDArray[Any]:
    fmt = info.format
    if info.simd_class is SimdClass.NARROW:
        return _filled(convert.narrow(*_narrowing(info, words, fp)))
    return convert.widen(fmt, _part(words[0], fmt, imm), fp.bias_a if fmt.has_bias else None)


def _conversion_flags(info: SimdOpInfo, words: tuple[Words, Words, Words], imm: int, fp: FpState) -> Flags:
    if info.simd_class is SimdClass.NARROW:
        return convert.narrow_flags(*_narrowing(info, words, fp))
    return convert.widen_flags(info.format, _part(words[0], info.format, imm))


def _pack(fmt: IntFormat, a: Words, b: Words) -> NDArray[Any]:
    clamped = np.clip(np.concatenate([a, b], axis=-1).view("<i4"), fmt.min, fmt.max)
    return _filled(clamped.astype(f"<{'i' if fmt.signed else 'u'}{fmt.bytes}"))


def _shuffle_bytes(a: Words, b: Words) -> NDArray[np.uint8]:
    source, index = (_pieces(register, "u1").reshape(*register.shape[:-1], 4, 16) for register in (a, b))
    return np.take_along_axis(source, index.astype(np.int64) & 15, axis=-1).reshape(*a.shape[:-1], 64)


def _quiet(a: Words, b: Words) -> Flags:
    never = np.zeros(a.shape, dtype=bool)
    return Flags(compare.quiet_invalid(a, b), never, never, never)


def _ordered(a: Words, b: Words) -> Flags:
    never = np.zeros(a.shape, dtype=bool)
    return Flags(compare.ordered_invalid(a, b), never, never, never)


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
    SimdOp.SPLAT: lambda a, b, c, imm: np.repeat(a[..., imm % 16, None], 16, axis=-1),
    SimdOp.ROTATE: lambda a, b, c, imm: np.roll(a, -(imm % 16), axis=-1),
    SimdOp.ZIP32_LO: lambda a, b, c, imm: _zip(a, b, 4, high=False),
    SimdOp.ZIP32_HI: lambda a, b, c, imm: _zip(a, b, 4, high=True),
    SimdOp.ZIP16_LO: lambda a, b, c, imm: _zip(a, b, 2, high=False),
    SimdOp.ZIP16_HI: lambda a, b, c, imm: _zip(a, b, 2, high=True),
    SimdOp.DUP_LO: lambda a, b, c, imm: np.concatenate([a[..., :8], a[..., :8]], axis=-1),
    SimdOp.DUP_HI: lambda a, b, c, imm: np.concatenate([a[..., 8:], a[..., 8:]], axis=-1),
    SimdOp.ZIP8_LO: lambda a, b, c, imm: _zip(a, b, 1, high=False),
    SimdOp.ZIP8_HI: lambda a, b, c, imm: _zip(a, b, 1, high=True),
    SimdOp.CAT_LO: lambda a, b, c, imm: np.concatenate([a[..., :8], b[..., :8]], axis=-1),
    SimdOp.CAT_HI: lambda a, b, c, imm: np.concatenate([a[..., 8:], b[..., 8:]], axis=-1),
    SimdOp.SHUFFLE32: lambda a, b, c, imm: np.take_along_axis(a, b.astype(np.int64) & 15, axis=-1),
    SimdOp.SHUFFLE8: lambda a, b, c, imm: _shuffle_bytes(a, b),
    SimdOp.ITOF: lambda a, b, c, imm: _itof(a, "<i4"),
    SimdOp.FTOI: lambda a, b, c, imm: _ftoi(a, "<i4"),
    SimdOp.UTOF: lambda a, b, c, imm: _itof(a, "<u4"),
    SimdOp.FTOU: lambda a, b, c, imm: _ftoi(a, "<u4"),
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
    SimdOp.FTOI: lambda a, b, c: _ftoi_flags(a, "<i4"),
    SimdOp.FTOU: lambda a, b, c: _ftoi_flags(a, "<u4"),
    SimdOp.RECIP: lambda a, b, c: special.special_flags("recip", a),
    SimdOp.RSQRT: lambda a, b, c: special.special_flags("rsqrt", a),
    SimdOp.EXP2: lambda a, b, c: special.special_flags("exp2", a),
    SimdOp.LOG2: lambda a, b, c: special.special_flags("log2", a),
}

for _name, _shape in _FMA_SHAPES.items():
    for _odd in (False, True):
        _op = SimdOp[_name + ("_ODD" if _odd else "")]
        _RESULTS[_op], _FLAGS[_op] = _fma_class(_shape, _odd)
for _op, _info in SIMD_OPS.items():
    if _info.simd_class is SimdClass.FMA_BF16:
        _wide = SimdOp[_op.name.partition("_BF16")[0]]
        _RESULTS[_op], _FLAGS[_op] = _RESULTS[_wide], _FLAGS[_wide]


def _integer_conversion(fmt: IntFormat, packs: bool) -> Callable[..., Any]:
    if packs:
        return lambda a, b, c, imm: _pack(fmt, a, b)
    return lambda a, b, c, imm: _part(a, fmt, imm).astype("<i4")


for _info in SIMD_OPS.values():
    if isinstance(_info.format, IntFormat):
        _RESULTS[_info.op] = _integer_conversion(_info.format, _info.simd_class is SimdClass.PACK)
for _op, _function in integers.RESULTS.items():
    _RESULTS[_op] = lambda a, b, c, imm, function=_function: function(a, b, imm)
