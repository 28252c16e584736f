"""Reciprocal, reciprocal square root, 2^x and log2 of FP32 (docs/numerics.md section 5).

A quadratic from integer tables gives 24 bits Y in [1, 2]; one fused multiply-add places, rounds and handles
subnormals.  Powers of two (and integers, for exp2) are exact; the error elsewhere is at most 1.56 ulp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch import special_tables
from golden.arch.formats import CANONICAL_NAN
from golden.numerics.convert import Flags, f32_bits
from golden.numerics.fma import NEGATIVE_ZERO, fma32, fma_flags, is_signalling, is_subnormal

POSITIVE_INF, NEGATIVE_INF, ONE = np.uint32(0x7F800000), np.uint32(0xFF800000), np.uint32(0x3F800000)

_RECIP, _RSQRT, _EXP2, _LOG2 = (
    np.array(table, dtype=np.int64).T
    for table in (special_tables.RECIP, special_tables.RSQRT, special_tables.EXP2, special_tables.LOG2)
)


def recip(x: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of 1 / x; at most 1.03 ulp."""
    return _finish("recip", x, odd)


def rsqrt(x: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of 1 / sqrt(x); at most 0.71 ulp.  NaN below zero, -Inf at -0."""
    return _finish("rsqrt", x, odd)


def exp2(x: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of 2^x; at most 1.33 ulp."""
    return _finish("exp2", x, odd)


def log2(x: Any, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of log2(x); at most 1.56 ulp.  NaN below zero, -Inf at either zero."""
    return _finish("log2", x, odd)


def special_flags(name: str, x: Any, odd: bool = False) -> Flags:
    """Flags of the function ``name`` ("recip", "rsqrt", "exp2", "log2") at ``x``, ``odd`` as given to it."""
    x = np.asarray(x, dtype=np.uint32)
    operands, fixed, chosen = _FUNCTIONS[name](x)
    magnitude = x & 0x7FFFFFFF
    finite = magnitude < 0x7F800000
    nan_made = (magnitude <= 0x7F800000) & fixed & (chosen == CANONICAL_NAN)
    inner = fma_flags(*operands, odd)
    cut = fixed & finite & (magnitude != 0)
    overflow = np.where(fixed, cut & ((chosen & 0x7FFFFFFF) == POSITIVE_INF), inner.overflow)
    underflow = np.where(fixed, cut & (chosen == 0) & (not odd), inner.underflow)
    return Flags(is_signalling(x) | nan_made, is_subnormal(x), overflow, underflow)


def core(table: NDArray[np.int64], index: NDArray[np.int64], d: NDArray[np.int64]) -> NDArray[np.int64]:
    """y = 2^23 * (C0 + C1 t + C2 t^2) of segment ``index`` at t = d / 2^18; 2^23..2^24."""
    c0, c1, c2 = table[:, index]
    q = (d >> 5) ** 2 >> 12
    return ((c0 << 18) + c1 * d + ((c2 * q) << 4) + (1 << 20)) >> 21


Parts = tuple[tuple[Any, Any, Any], NDArray[np.bool_], NDArray[np.uint32]]
"""Operands of the closing FMA; where the result is fixed instead; the fixed result there."""


def _finish(name: str, x: Any, odd: bool) -> NDArray[np.uint32]:
    operands, fixed, chosen = _FUNCTIONS[name](np.asarray(x, dtype=np.uint32))
    return np.where(fixed, chosen, fma32(*operands, odd))


def _unpack(x: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """F and E of |x| = (1 + F 2^-23) 2^E for finite non-zero x, subnormals normalised; anything elsewhere."""
    magnitude = (x & 0x7FFFFFFF).astype(np.int64)
    exponent = magnitude >> 23
    # Converting an integer of at most 23 bits to float64 finds its leading one.
    _, length = np.frexp((magnitude & 0x7FFFFF).astype(np.float64))
    shift = np.where(exponent == 0, 24 - length.astype(np.int64), 0)
    fraction = (magnitude << shift) & 0x7FFFFF
    return fraction, np.where(exponent == 0, -126 - shift, exponent - 127)


def _power(exponent: NDArray[np.int64]) -> NDArray[np.uint32]:
    """FP32 bits of 2^exponent, where that exists (-149..127)."""
    return f32_bits(np.ldexp(1.0, np.clip(exponent, -149, 127).astype(np.int32)))


def _y(y: NDArray[np.int64]) -> NDArray[np.uint32]:
    """FP32 bits of y * 2^-23."""
    return f32_bits(y.astype(np.float64) * 2.0**-23)


def _select(x: NDArray[np.uint32], *cases: tuple[Any, Any]) -> tuple[NDArray[np.bool_], NDArray[np.uint32]]:
    """Union of the conditions and the result of the first that holds; NaN operands come before all."""
    nan = (x & 0x7FFFFFFF) > 0x7F800000
    conditions = [nan, *(c for c, _ in cases)]
    results = [np.uint32(CANONICAL_NAN), *(r for _, r in cases)]
    return np.any(conditions, axis=0), np.select(conditions, results, np.uint32(0)).astype(np.uint32)


def _recip(x: NDArray[np.uint32]) -> Parts:
    fraction, exponent = _unpack(x)
    sign = x & NEGATIVE_ZERO
    magnitude = x & 0x7FFFFFFF
    y = _y(core(_RECIP, fraction >> 16, (fraction & 0xFFFF) << 2))
    fixed = _select(
        x,
        (magnitude == 0, sign | POSITIVE_INF),
        (magnitude == POSITIVE_INF, sign),
        (-exponent - 1 > 127, sign | POSITIVE_INF),
    )
    return (y | sign, _power(-exponent - 1), sign), *fixed


def _rsqrt(x: NDArray[np.uint32]) -> Parts:
    fraction, exponent = _unpack(x)
    k = exponent & 1
    y = _y(core(_RSQRT, (fraction >> 16) + 128 * k, (fraction & 0xFFFF) << 2))
    fixed = _select(
        x,
        ((x & 0x7FFFFFFF) == 0, (x & NEGATIVE_ZERO) | POSITIVE_INF),
        (x >= NEGATIVE_ZERO, np.uint32(CANONICAL_NAN)),
        (x == POSITIVE_INF, np.uint32(0)),
    )
    return (y, _power(-((exponent - k) >> 1) - 1), NEGATIVE_ZERO), *fixed


def _exp2(x: NDArray[np.uint32]) -> Parts:
    fraction, exponent = _unpack(x)
    negative = x >= NEGATIVE_ZERO
    zero = (x & 0x7FFFFFFF) == 0
    # |x| 2^24 = (2^23 + F) 2^(E + 1), rounded half up; below 2^-26 it rounds to zero.
    shift = np.clip(exponent + 1, -26, 8)
    significand = fraction + (1 << 23)
    v = np.where(
        shift >= 0, significand << np.maximum(shift, 0), ((significand << 1 >> np.maximum(-shift, 0)) + 1) >> 1
    )
    v = np.where(negative, -v, v)
    n = v >> 24
    y = _y(core(_EXP2, (v >> 18) & 63, v & 0x3FFFF))
    fixed = _select(
        x,
        (zero, ONE),
        (((exponent >= 8) | (n < -151)) & negative, np.uint32(0)),
        ((exponent >= 8) | (n >= 128), POSITIVE_INF),
    )
    far = n < -100
    y = np.where(far, y - np.uint32(60 << 23), y)
    return (y, _power(np.where(far, n + 60, n)), NEGATIVE_ZERO), *fixed


def _log2(x: NDArray[np.uint32]) -> Parts:
    fraction, exponent = _unpack(x)
    u = fraction >> 22
    f = np.where(u == 1, (fraction - (1 << 23)) * 2.0**-24, fraction * 2.0**-23)
    y = _y(core(_LOG2, fraction >> 16, (fraction & 0xFFFF) << 2))
    fixed = _select(
        x,
        ((x & 0x7FFFFFFF) == 0, NEGATIVE_INF),
        (x >= NEGATIVE_ZERO, np.uint32(CANONICAL_NAN)),
        (x == POSITIVE_INF, POSITIVE_INF),
    )
    return (f32_bits(f), y, f32_bits(exponent + u)), *fixed


_FUNCTIONS: dict[str, Callable[[NDArray[np.uint32]], Parts]] = {
    "recip": _recip,
    "rsqrt": _rsqrt,
    "exp2": _exp2,
    "log2": _log2,
}
