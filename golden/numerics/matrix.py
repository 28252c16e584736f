"""The matrix step: wide accumulators that are never normalised in the loop (docs/numerics.md section 7).

An accumulator element is a signed significand S, a coarse exponent E and two sticky bits P, of value
S * 2^(8E - 284).  A step adds four products; the only rounding to FP32 is at the drain.

Products of BF16 numbers and everything done to them here are exact in float64, so that ``rint`` of a scaled product
is the rule's rounding of an integer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.formats import CANONICAL_NAN, FP32, FloatFormat
from golden.numerics.convert import Bias, Flags, bits_f32, narrow, narrow_flags
from golden.numerics.fma import round_odd

STEP_TERMS = 4
"""Products that one step adds to an element."""

SIGNIFICAND_BITS = 56
UNIT_EXPONENT = -284  # S counts 2^(8E - 284)
POSITIVE_INF, NEGATIVE_INF, NAN = 1, 2, 3  # values of P

_LIMIT = np.int64(1) << 54
_ABSENT = -4096  # exponent of an operand whose products take no part
_SCALE = np.ldexp(1.0, -UNIT_EXPONENT - 8 * np.arange(64))  # 1 / unit of S, by E


@dataclass(frozen=True)
class Accumulators:
    """Elements of any common shape: S (int64, -2^55..2^55-1), E (int64, 0..63), P (uint8; bit 0 +Inf, bit 1 -Inf)."""

    s: NDArray[np.int64]
    e: NDArray[np.int64]
    p: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the elements; the last two axes are row and column."""
        return self.s.shape

    def raw(self) -> NDArray[np.uint64]:
        """Raw words: P << 62 | E << 56 | S mod 2^56; ``from_raw`` is the exact inverse."""
        low = self.s.astype(np.uint64) & np.uint64((1 << SIGNIFICAND_BITS) - 1)
        return self.p.astype(np.uint64) << np.uint64(62) | self.e.astype(np.uint64) << np.uint64(56) | low

    def __getitem__(self, key: Any) -> Accumulators:
        """The elements at a NumPy index."""
        return Accumulators(self.s[key], self.e[key], self.p[key])


def clear(shape: tuple[int, ...]) -> Accumulators:
    """Elements of value +0: S = E = P = 0."""
    return Accumulators(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.uint8))


def from_raw(words: Any) -> Accumulators:
    """Elements of raw words (uint64, any shape)."""
    words = np.asarray(words, dtype=np.uint64)
    s = (words << np.uint64(8)).view(np.int64) >> 8
    e = ((words >> np.uint64(56)) & np.uint64(63)).astype(np.int64)
    return Accumulators(s, e, (words >> np.uint64(62)).astype(np.uint8))


def step(acc: Accumulators, a: Any, b: Any, first: bool = False) -> Accumulators:
    """One matrix step: acc + a @ b.

    ``a``: BF16 bits (..., M, 4), ``b``: BF16 bits (..., 4, N); fewer than four terms are padded with zeros.
    ``first`` takes the accumulators as +0.  ValueError for more than four terms or unequal ones.
    """
    a, b = np.asarray(a, dtype=np.uint16), np.asarray(b, dtype=np.uint16)
    if a.shape[-1] != b.shape[-2] or a.shape[-1] > STEP_TERMS:
        raise ValueError(f"a step multiplies up to {STEP_TERMS} terms, not {a.shape} by {b.shape}")
    if first:
        acc = clear(acc.shape)
    with np.errstate(all="ignore"):
        return _step(acc, _operand(a), _operand(b))


def gemm_acc(a: Any, b: Any, acc: Accumulators | None = None) -> Accumulators:
    """acc + a @ b with k ascending in steps of four, a ragged k padded with zeros.

    ``a``: BF16 bits (..., M, K), ``b``: BF16 bits (..., K, N); ``acc`` None starts from clear.
    """
    a, b = np.asarray(a, dtype=np.uint16), np.asarray(b, dtype=np.uint16)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"inner dimensions differ: {a.shape} by {b.shape}")
    if acc is None:
        acc = clear(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + (a.shape[-2], b.shape[-1]))
    left, right = _operand(a), _operand(b)
    with np.errstate(all="ignore"):
        for k in range(0, a.shape[-1], STEP_TERMS):
            acc = _step(acc, left.columns(k), right.rows(k))
    return acc


def load_f32(bits: Any) -> Accumulators:
    """Elements of FP32 bits; exact for every finite number (-0 becomes +0)."""
    bits = np.asarray(bits, dtype=np.uint32).astype(np.int64)
    exponent, fraction, negative = (bits >> 23) & 0xFF, bits & 0x7FFFFF, bits >> 31
    significand = fraction + ((exponent > 0).astype(np.int64) << 23)
    y = np.maximum(exponent, 1) + 118
    special = exponent == 255
    nonzero = (significand != 0) & ~special
    s = np.where(nonzero, significand << ((y & 7) + 16), 0)
    p = np.where(special, np.where(fraction != 0, NAN, np.where(negative == 1, NEGATIVE_INF, POSITIVE_INF)), 0)
    return Accumulators(np.where(negative == 1, -s, s), np.where(nonzero, y >> 3, 0), p.astype(np.uint8))


def drain_f32(acc: Accumulators, odd: bool = False) -> NDArray[np.uint32]:
    """FP32 bits of the elements, rounded once: to nearest even, or to odd for a conversion that follows."""
    with np.errstate(all="ignore"):
        value = _value(acc)
        bits = round_odd(value) if odd else np.asarray(value.astype(np.float32)).view(np.uint32)
    if acc.p.any():
        special = np.array([0, 0x7F800000, 0xFF800000, CANONICAL_NAN], dtype=np.uint32)[acc.p]
        bits = np.where(acc.p != 0, special, bits)
    return bits


def drain(
    acc: Accumulators, fmt: FloatFormat = FP32, bias: Bias = None, random: Any = None, relu: bool = False
) -> NDArray[Any]:
    """Codes of ``fmt``: one rounding in all, to nearest even or stochastic (``random``: 24-bit words).

    ``relu``: every element with its sign set that is not NaN becomes +0; NaN stays.
    """
    return narrow(fmt, _drain_bits(acc, fmt, relu), bias, random)


def drain_flags(
    acc: Accumulators, fmt: FloatFormat = FP32, bias: Bias = None, random: Any = None, relu: bool = False
) -> Flags:
    """Flags of ``drain``: never Denormal; Overflow from either stage; Underflow of the format stored."""
    bits = _drain_bits(acc, fmt, relu)
    flags = narrow_flags(fmt, bits, bias, random)
    overflow = flags.overflow | ((acc.p == 0) & ((bits & 0x7FFFFFFF) == 0x7F800000))
    underflow = flags.underflow
    if fmt is FP32:
        with np.errstate(all="ignore"):
            inexact = bits_f32(bits).astype(np.float64) != _value(acc)
        replaced = relu & (acc.s < 0)
        underflow = (acc.p == 0) & inexact & ((bits & 0x7F800000) == 0) & ~replaced
    return Flags(flags.invalid, np.zeros(bits.shape, dtype=bool), overflow, underflow)


def relu_f32(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """FP32 bits with every number whose sign is set (-0 and -Inf too) replaced by +0; NaN stays."""
    negative = (bits >= 0x80000000) & (bits <= 0xFF800000)
    return np.where(negative, np.uint32(0), bits)


def digest(raw: Any) -> NDArray[np.uint64]:
    """Trace digest of tiles of raw words (..., 8, 8): sum of (2l + 1) * word_l mod 2^64, l = 8 * row + column."""
    raw = np.asarray(raw, dtype=np.uint64)
    weights = (2 * np.arange(64, dtype=np.uint64) + np.uint64(1)).reshape(8, 8)
    with np.errstate(over="ignore"):
        return (raw * weights).sum(axis=(-2, -1), dtype=np.uint64)


@dataclass(frozen=True)
class _Operand:
    """BF16 operands taken apart: value (0 for Inf, NaN), exponent or ``_ABSENT``, and the value with specials."""

    value: NDArray[np.float64]
    exponent: NDArray[np.int32]
    special: NDArray[np.float64] | None

    def columns(self, k: int) -> _Operand:
        part = np.s_[..., k : k + STEP_TERMS]
        return _Operand(self.value[part], self.exponent[part], None if self.special is None else self.special[part])

    def rows(self, k: int) -> _Operand:
        part = np.s_[..., k : k + STEP_TERMS, :]
        return _Operand(self.value[part], self.exponent[part], None if self.special is None else self.special[part])


def _operand(bits: NDArray[np.uint16]) -> _Operand:
    field = (bits >> 7).astype(np.int32) & 0xFF
    special = field == 255
    with np.errstate(invalid="ignore"):  # signalling NaNs
        value = (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    whole = value if special.any() else None
    value = np.where(special, 0.0, value)
    return _Operand(value, np.where(value == 0, _ABSENT, np.maximum(field, 1)), whole)


def _step(acc: Accumulators, a: _Operand, b: _Operand) -> Accumulators:
    y = None
    for j in range(a.value.shape[-1]):
        yj = a.exponent[..., :, j, None] + b.exponent[..., None, j, :]
        y = yj if y is None else np.maximum(y, yj, out=y)
    e = acc.e if y is None else np.maximum(acc.e, y >> 3)
    scale = _SCALE[e]
    total = None
    for j in range(a.value.shape[-1]):
        term = a.value[..., :, j, None] * b.value[..., None, j, :]
        term *= scale
        np.rint(term, out=term)
        total = term if total is None else np.add(total, term, out=total)
    t = 0 if total is None else total.astype(np.int64)
    grown = e != acc.e
    if grown.any():
        shift = np.minimum(8 * (e - acc.e), 62)
        sticky = (acc.s & ((np.int64(1) << shift) - 1)) != 0
        s = ((acc.s >> shift) + t) | sticky
    else:
        s = acc.s + t
    p = acc.p
    if a.special is not None or b.special is not None:
        p = p | _specials(a, b)
    if (np.abs(s) >= _LIMIT).any():
        p = p | (s >= _LIMIT).astype(np.uint8) | (s < -_LIMIT).astype(np.uint8) << 1
        s = (s << 8) >> 8
    return Accumulators(s, e, np.broadcast_to(p, s.shape))


def _specials(a: _Operand, b: _Operand) -> NDArray[np.uint8]:
    """P bits that the products of a step add: float64 follows the same rules for Inf and NaN."""
    left = a.value if a.special is None else a.special
    right = b.value if b.special is None else b.special
    product = left[..., :, :, None] * right[..., None, :, :]
    nan = np.isnan(product).any(axis=-2)
    positive = (product == np.inf).any(axis=-2) | nan
    negative = (product == -np.inf).any(axis=-2) | nan
    return positive.astype(np.uint8) | negative.astype(np.uint8) << 1


def _value(acc: Accumulators) -> NDArray[np.float64]:
    """S * 2^(8E - 284) in float64: exact up to 2^53 units, above rounded to odd with at least 51 bits."""
    wide = np.abs(acc.s) > 1 << 53
    s = np.where(wide, (acc.s >> 3 | ((acc.s & 7) != 0)) << 3, acc.s)
    return np.asarray(np.ldexp(s.astype(np.float64), (8 * acc.e + UNIT_EXPONENT).astype(np.int32)))


def _drain_bits(acc: Accumulators, fmt: FloatFormat, relu: bool) -> NDArray[np.uint32]:
    bits = drain_f32(acc, odd=fmt is not FP32)
    return relu_f32(bits) if relu else bits
