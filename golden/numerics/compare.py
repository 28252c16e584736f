"""FP32 minimum, maximum and compares on bit patterns (docs/numerics.md section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.formats import CANONICAL_NAN
from golden.numerics.convert import bits_f32
from golden.numerics.fma import is_signalling


def min32(a: Any, b: Any) -> NDArray[np.uint32]:
    """IEEE 754-2019 minimum: NaN if either operand is one, -0 below +0."""
    return _choose(a, b, smaller=True)


def max32(a: Any, b: Any) -> NDArray[np.uint32]:
    """IEEE 754-2019 maximum: NaN if either operand is one, +0 above -0."""
    return _choose(a, b, smaller=False)


def eq(a: Any, b: Any) -> NDArray[np.bool_]:
    """a = b; -0 equals +0, false for any NaN (its negation "ne" is then true)."""
    return np.asarray(bits_f32(a) == bits_f32(b))


def lt(a: Any, b: Any) -> NDArray[np.bool_]:
    """a < b; false for any NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(bits_f32(a) < bits_f32(b))


def le(a: Any, b: Any) -> NDArray[np.bool_]:
    """a <= b; false for any NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(bits_f32(a) <= bits_f32(b))


def quiet_invalid(a: Any, b: Any) -> NDArray[np.bool_]:
    """Invalid flag of eq, ne, min32 and max32: an operand is a signalling NaN."""
    return is_signalling(a) | is_signalling(b)


def ordered_invalid(a: Any, b: Any) -> NDArray[np.bool_]:
    """Invalid flag of lt and le: an operand is any NaN."""
    return _is_nan(a) | _is_nan(b)


def _is_nan(bits: Any) -> NDArray[np.bool_]:
    return (np.asarray(bits, dtype=np.uint32) & 0x7FFFFFFF) > 0x7F800000


def _choose(a: Any, b: Any, smaller: bool) -> NDArray[np.uint32]:
    a, b = np.asarray(a, dtype=np.uint32), np.asarray(b, dtype=np.uint32)
    take_a = (_key(a) < _key(b)) == smaller
    return np.where(_is_nan(a) | _is_nan(b), np.uint32(CANONICAL_NAN), np.where(take_a, a, b))


def _key(bits: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Signed integers in the order of the numbers, -0 just below +0."""
    signed = bits.view(np.int32)
    return signed ^ ((signed >> 31) & 0x7FFFFFFF)
