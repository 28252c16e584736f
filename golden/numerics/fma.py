"""FP32 fused multiply-add, add, subtract and multiply on bit patterns (docs/numerics.md section 2).

IEEE 754 with subnormals, to nearest even or to odd, one canonical NaN.  The product of two FP32 numbers is exact in
float64; the sum is made exact enough by rounding it to odd in float64, after which one rounding to FP32 is the
correct one because float64 has more than two bits beyond FP32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.formats import CANONICAL_NAN
from golden.numerics.convert import Flags, bits_f32

ONE = np.uint32(0x3F800000)
NEGATIVE_ZERO = np.uint32(0x80000000)

_DROPPED = np.int64(0x1FFFFFFF)  # the 29 low bits that float64 has beyond FP32
_TIE = np.int64(0x10000000)
_SMALLEST_NORMAL = 2.0**-126


def fma32(a: Any, b: Any, c: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of a * b + c with one rounding; ``odd`` rounds to odd for a narrow destination."""
    with np.errstate(all="ignore"):
        s, err = _sum(a, b, c)
        if odd:
            return round_odd(_to_odd(s, err))
        bits = s.view(np.int64)
        # Only a float64 that looks like an FP32 tie, or a subnormal result, can be rounded wrongly by the cast.
        doubtful = ((bits & _DROPPED) == _TIE) | (np.abs(s) < _SMALLEST_NORMAL)
        if doubtful.any():
            s = np.where(doubtful, _to_odd(s, err), s)
        return canonical(s.astype(np.float32).view(np.uint32))


def add32(a: Any, b: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of a + b, which is a * 1 + b."""
    if odd:
        return fma32(a, ONE, b, odd=True)
    with np.errstate(all="ignore"):
        return canonical(np.asarray(bits_f32(a) + bits_f32(b)).view(np.uint32))


def sub32(a: Any, b: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of a - b, which is a * 1 + (-b)."""
    return add32(a, np.asarray(b, dtype=np.uint32) ^ NEGATIVE_ZERO, odd)


def mul32(a: Any, b: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of a * b, which is a * b + (-0)."""
    if odd:
        return fma32(a, b, NEGATIVE_ZERO, odd=True)
    with np.errstate(all="ignore"):
        return canonical(np.asarray(bits_f32(a) * bits_f32(b)).view(np.uint32))


def fma_flags(a: Any, b: Any, c: Any, odd: bool = False) -> Flags:
    """Flags of ``fma32`` with the same arguments.

    In mode odd Underflow is left to the converter that follows, and Overflow is to be ORed with the converter's.
    """
    a, b, c = np.broadcast_arrays(*(np.asarray(x, dtype=np.uint32) for x in (a, b, c)))
    result = fma32(a, b, c, odd)
    with np.errstate(all="ignore"):
        s, err = _sum(a, b, c)
        exact = _to_odd(s, err)
        inexact = bits_f32(result).astype(np.float64) != exact
        x, y, z = bits_f32(a), bits_f32(b), bits_f32(c)
        product = x.astype(np.float64) * y.astype(np.float64)
    any_nan = np.isnan(x) | np.isnan(y) | np.isnan(z)
    signalling = is_signalling(a) | is_signalling(b) | is_signalling(c)
    zero_times_inf = (np.isinf(x) & (y == 0)) | ((x == 0) & np.isinf(y))
    inf_minus_inf = np.isinf(product) & np.isinf(z) & (np.signbit(product) != np.signbit(z)) & ~any_nan
    finite = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    overflow = finite & ((result & 0x7FFFFFFF) == 0x7F800000)
    underflow = finite & inexact & ((result & 0x7F800000) == 0) & (not odd)
    denormal = is_subnormal(a) | is_subnormal(b) | is_subnormal(c)
    return Flags(signalling | zero_times_inf | inf_minus_inf, denormal, overflow, underflow)


def canonical(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The same FP32 bits with every NaN replaced by 0x7fc00000."""
    nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return np.where(nan, np.uint32(CANONICAL_NAN), bits)


def is_signalling(bits: Any) -> NDArray[np.bool_]:
    """True for FP32 NaNs whose quiet bit is clear."""
    magnitude = np.asarray(bits, dtype=np.uint32) & 0x7FFFFFFF
    return (magnitude > 0x7F800000) & (magnitude < 0x7FC00000)


def is_subnormal(bits: Any) -> NDArray[np.bool_]:
    """True for non-zero FP32 numbers below 2^-126."""
    magnitude = np.asarray(bits, dtype=np.uint32) & 0x7FFFFFFF
    return (magnitude > 0) & (magnitude < 0x00800000)


def round_odd(s: NDArray[np.float64]) -> NDArray[np.uint32]:
    """FP32 bits of float64 values rounded to odd.

    The magnitude is cut to 24 bits (below 2^-126 to a multiple of 2^-149) and the last bit is set if anything was
    lost; from 2^128 on Inf.  The values must be exact, or themselves rounded to odd.
    """
    with np.errstate(all="ignore"):
        magnitude = np.abs(np.asarray(s, dtype=np.float64))
        bits = magnitude.view(np.int64)
        normal = ((bits >> 29) - ((1023 - 127) << 23)) | ((bits & _DROPPED) != 0)
        units = np.where(magnitude < _SMALLEST_NORMAL, magnitude, 0.0) * 2.0**149
        floor = units.astype(np.int64)
        small = floor | (floor != units)
        out = np.where(magnitude < _SMALLEST_NORMAL, small, normal)
        out = np.where(magnitude >= 2.0**128, 0x7F800000, out)
        out = out | np.signbit(s).astype(np.int64) << 31
        return np.where(np.isnan(s), CANONICAL_NAN, out).astype(np.uint32)


def _sum(a: Any, b: Any, c: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """a * b + c in float64, and the exact error of that sum (Knuth's two-sum)."""
    p = bits_f32(a).astype(np.float64) * bits_f32(b).astype(np.float64)
    addend = bits_f32(c).astype(np.float64)
    s = np.asarray(p + addend)
    part = s - p
    return s, np.asarray((p - (s - part)) + (addend - part))


def _to_odd(s: NDArray[np.float64], err: NDArray[np.float64]) -> NDArray[np.float64]:
    """s + err rounded to odd in float64, where s is s + err to nearest."""
    bits = s.view(np.int64)
    change = (err != 0) & np.isfinite(s) & ((bits & 1) == 0)
    # One step away from zero if the error has the sign of s, else one towards zero.
    step = np.where((err > 0) == (s > 0), 1, -1)
    return np.where(change, bits + step, bits).view(np.float64)
