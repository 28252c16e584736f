"""Conversions between FP32 and the narrow formats (docs/numerics.md section 3).

Widening is exact.  Narrowing rounds the magnitude once, to nearest even or by adding a 24-bit random word; the sign
stands apart.  Formats without infinities clamp.  Bit patterns in, bit patterns out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.arch.formats import BF16, BIAS_MAX, CANONICAL_NAN, RANDOM_BITS, FloatFormat

Bias = Any
"""None for a format with a fixed bias, else an integer or an integer array in 0..63 that broadcasts."""


class Flags(NamedTuple):
    """Exception flags per element (boolean arrays).  There is no inexact and no divide-by-zero flag."""

    invalid: NDArray[np.bool_]
    denormal: NDArray[np.bool_]
    overflow: NDArray[np.bool_]
    underflow: NDArray[np.bool_]


def storage_dtype(fmt: FloatFormat) -> type[np.unsignedinteger]:
    """The unsigned type that holds codes of ``fmt``."""
    return {8: np.uint8, 16: np.uint16, 32: np.uint32}[fmt.bits]


def f32_bits(values: Any) -> NDArray[np.uint32]:
    """Bits of float32 values (other numbers are first rounded to float32 to nearest even)."""
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).reshape(np.shape(values))


def bits_f32(bits: Any) -> NDArray[np.float32]:
    """Float32 values of bit patterns."""
    return np.ascontiguousarray(bits, dtype=np.uint32).view(np.float32).reshape(np.shape(bits))


def widen(fmt: FloatFormat, bits: Any, bias: Bias = None) -> NDArray[np.uint32]:
    """FP32 bits of the same value; exact.  Any NaN becomes 0x7fc00000.

    ``bits``: codes of ``fmt``, any shape.  ValueError for a bias outside 0..63 or a missing one.
    """
    code = np.asarray(bits).astype(np.int64)
    if fmt.fixed_bias == 127:
        _bias_array(fmt, bias)
        out = code << (23 - fmt.mantissa_bits)
        return np.where((out & 0x7FFFFFFF) > 0x7F800000, CANONICAL_NAN, out).astype(np.uint32)
    b = _bias_array(fmt, bias)
    m = fmt.mantissa_bits
    exponent = (code >> m) & fmt.exponent_max
    fraction = code & fmt.mantissa_mask
    denormal_exponent = 0 if fmt.literal_denormals else 1
    significand = np.where(exponent > 0, fraction + (1 << m), fraction)
    scale = np.where(exponent > 0, exponent, denormal_exponent) - b - m
    # At most 11 bits within 2^-72..2^33: exact in float32, never subnormal.
    magnitude = np.ldexp(significand.astype(np.float64), scale).astype(np.float32).view(np.uint32).astype(np.int64)
    if fmt.ieee_specials:
        top = exponent == fmt.exponent_max
        magnitude = np.where(top, np.where(fraction > 0, CANONICAL_NAN, 0x7F800000), magnitude)
        nan = top & (fraction > 0)
    else:
        nan = np.zeros(np.shape(code), dtype=bool)
    sign = ((code & fmt.sign_mask) != 0) & ~nan
    return (magnitude | sign.astype(np.int64) << 31).astype(np.uint32)


def widen_flags(fmt: FloatFormat, bits: Any) -> Flags:
    """Flags of widening: Invalid for a signalling NaN, Denormal for a denormal code; never the others."""
    code = np.asarray(bits).astype(np.int64)
    exponent = (code >> fmt.mantissa_bits) & fmt.exponent_max
    fraction = code & fmt.mantissa_mask
    quiet = fraction >> (fmt.mantissa_bits - 1)
    signalling = (exponent == fmt.exponent_max) & (fraction > 0) & (quiet == 0) & fmt.ieee_specials
    never = np.zeros(code.shape, dtype=bool)
    return Flags(signalling, (exponent == 0) & (fraction > 0), never, never)


def widen_bf16(fmt: FloatFormat, bits: Any, bias: Bias = None) -> NDArray[np.uint16]:
    """BF16 bits of the same value, for a format whose every value is a BF16 value (both CFloat8, and BF16 itself).

    BF16 codes pass unchanged, NaN payloads included.  ValueError for formats with more than 7 mantissa bits.
    """
    if fmt.mantissa_bits > BF16.mantissa_bits:
        raise ValueError(f"{fmt.name} does not widen to BF16 exactly")
    if fmt.fixed_bias == 127:
        return np.asarray(bits).astype(np.uint16)
    return (widen(fmt, bits, bias) >> 16).astype(np.uint16)


def narrow(fmt: FloatFormat, f32: Any, bias: Bias = None, random: Any = None) -> NDArray[Any]:
    """Codes of ``fmt`` nearest to FP32 bits; one rounding.

    ``random`` None: to nearest, ties to even.  Else 24-bit random words (they broadcast): stochastic.  Overflow gives
    Inf in BF16, FP16 and FP32 and the largest code elsewhere; see docs/numerics.md section 3 for specials.
    """
    return _narrow(fmt, f32, bias, random)[0]


def narrow_flags(fmt: FloatFormat, f32: Any, bias: Bias = None, random: Any = None) -> Flags:
    """Flags that ``narrow`` raises with the same arguments."""
    return _narrow(fmt, f32, bias, random)[1]


def bf16_to_f32(bits: Any) -> NDArray[np.uint32]:
    """FP32 bits of BF16 bits."""
    return widen(BF16, bits)


def f32_to_bf16(f32: Any) -> NDArray[np.uint16]:
    """BF16 bits of FP32 bits, to nearest even."""
    return narrow(BF16, f32)


def i32_to_f32(values: Any) -> NDArray[np.uint32]:
    """FP32 bits of signed 32-bit integers, to nearest even."""
    return f32_bits(np.asarray(values).astype(np.int32))


def f32_to_i32(f32: Any) -> NDArray[np.int32]:
    """Signed 32-bit integers nearest to FP32 bits, ties to even; clamped beyond the range, 0 for NaN."""
    with np.errstate(invalid="ignore"):
        rounded = np.rint(bits_f32(f32).astype(np.float64))
    return np.clip(np.nan_to_num(rounded, nan=0.0), -(2.0**31), 2.0**31 - 1).astype(np.int32)


def f32_to_i32_invalid(f32: Any) -> NDArray[np.bool_]:
    """Invalid flag of ``f32_to_i32``: a NaN, or a rounded value outside -2^31..2^31-1."""
    with np.errstate(invalid="ignore"):
        rounded = np.rint(bits_f32(f32).astype(np.float64))
    return np.asarray(~((rounded >= -(2.0**31)) & (rounded < 2.0**31)))


def carry(fraction: NDArray[np.int64], low_bit: NDArray[np.int64], random: Any) -> NDArray[np.int64]:
    """The 0 or 1 that rounding adds: ``fraction`` is the dropped part in units of 2^-24 of the last place."""
    addend = (1 << (RANDOM_BITS - 1)) - 1 + low_bit if random is None else random
    return (fraction + addend) >> RANDOM_BITS


def _bias_array(fmt: FloatFormat, bias: Bias) -> Any:
    """The bias as int64, checked; int for a fixed one."""
    if fmt.fixed_bias is not None or bias is None or np.ndim(bias) == 0:
        return fmt.bias_value(None if bias is None else int(bias))
    array = np.asarray(bias).astype(np.int64)
    if array.size and not (0 <= array.min() and array.max() <= BIAS_MAX):
        raise ValueError(f"{fmt.name} bias array leaves 0..{BIAS_MAX}")
    return array


def _narrow(fmt: FloatFormat, f32: Any, bias: Bias, random: Any) -> tuple[NDArray[Any], Flags]:
    b = _bias_array(fmt, bias)
    word = np.asarray(f32).astype(np.int64)
    if random is not None:
        random = np.asarray(random).astype(np.int64)
    sign = word >> 31
    exponent = (word >> 23) & 0xFF
    fraction = word & 0x7FFFFF
    m = fmt.mantissa_bits
    significand = fraction + ((exponent > 0).astype(np.int64) << 23)
    t = np.maximum(exponent, 1) - 127 + b
    # Beyond 60 every dropped bit is already zero: the significand has 24 bits and is shifted by at most 24 first.
    dropped = np.minimum(23 - m + np.maximum(1 - t, 0), 60)
    kept = significand >> dropped
    rest = ((significand << RANDOM_BITS) >> dropped) & ((1 << RANDOM_BITS) - 1)
    inexact = (rest != 0) | ((kept == 0) & (significand != 0))
    magnitude = ((np.maximum(t, 1) - 1) << m) + kept + carry(rest, kept & 1, random)
    if fmt.literal_denormals:
        magnitude, inexact = _literal(fmt, significand, t, magnitude, inexact, random)
    is_nan = (exponent == 255) & (fraction != 0)
    is_inf = (exponent == 255) & (fraction == 0)
    over = (magnitude > fmt.max_code) & (exponent < 255)
    clamped = over | is_inf
    magnitude = np.where(clamped, fmt.inf_code, magnitude)
    magnitude = np.where(is_nan, fmt.nan_code, magnitude)
    invalid = is_nan
    denormal = (exponent == 0) & (fraction != 0)
    overflow = clamped if not fmt.ieee_specials else over
    underflow = inexact & ((magnitude >> m) == 0) & (exponent < 255)
    if fmt.signed:
        keep_sign = sign if not fmt.ieee_specials else np.where(is_nan, 0, sign)
        magnitude = magnitude | keep_sign << (fmt.bits - 1)
    else:
        negative = sign == 1
        invalid = np.where(negative, (exponent > 0) | (fraction > 0), invalid)
        magnitude = np.where(negative, 0, magnitude)
        overflow, underflow = overflow & ~negative, underflow & ~negative
    shape = magnitude.shape
    flags = Flags(*(np.broadcast_to(f, shape) for f in (invalid, denormal, overflow, underflow)))
    return magnitude.astype(storage_dtype(fmt)), flags


def _literal(fmt: FloatFormat, significand: Any, t: Any, magnitude: Any, inexact: Any, random: Any) -> tuple[Any, Any]:
    """Codes below the smallest normal when denormals count 2^(-bias - m): see docs/numerics.md section 3."""
    m = fmt.mantissa_bits
    below = t < 1
    # The value in units of the smallest denormal is significand / 2^dropped.
    dropped = np.minimum(23 - m + np.maximum(-t, 0), 60)
    kept = significand >> dropped
    rest = ((significand << RANDOM_BITS) >> dropped) & ((1 << RANDOM_BITS) - 1)
    code = kept + carry(rest, kept & 1, random)
    # In the hole between codes 2^m - 1 and 2^m (2^(m+1) units): the distance from the lower end, 2^m + 1 units long.
    hole = kept >= (1 << m) - 1
    distance = ((kept - ((1 << m) - 1)) << RANDOM_BITS) + rest
    length = (1 << m) + 1
    if random is None:
        up = 2 * distance >= length << RANDOM_BITS
    else:
        up = distance // length + random >= 1 << RANDOM_BITS
    code = np.where(hole, (1 << m) - 1 + up, code)
    exact = (rest == 0) & np.where(hole, distance == 0, (kept > 0) | (significand == 0))
    return np.where(below, code, magnitude), np.where(below, ~exact, inexact)
