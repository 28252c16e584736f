"""What SIMD operations compute on integers of 8, 16, 32 and 64 bits (meanings: golden.arch.simd_ops).

``RESULTS`` has a function of two registers, as 32-bit lanes of shape (..., 16), and of the immediate for each operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.simd_ops import SimdOp

Result = Callable[[Any, Any, int], NDArray[Any]]


def _elements(register: Any, dtype: str) -> NDArray[Any]:
    return np.ascontiguousarray(register).view(dtype)


def _both(dtype: str, function: Callable[[Any, Any], Any]) -> Result:
    """An operation on equal elements of two registers."""
    return lambda a, b, imm: function(_elements(a, dtype), _elements(b, dtype))


def _shift(dtype: str, function: Callable[[Any, Any], Any]) -> Result:
    """A shift by the immediate, modulo the element's size."""
    return lambda a, b, imm: function(_elements(a, dtype), np.array(imm % _bits(dtype), dtype))


def _shift_each(dtype: str, function: Callable[[Any, Any], Any]) -> Result:
    """A shift of each element of a by that of b, modulo the element's size."""
    unsigned = dtype.replace("i", "u")
    return lambda a, b, imm: function(_elements(a, dtype), (_elements(b, unsigned) % np.array(_bits(dtype), unsigned)).view(dtype))


def _bits(dtype: str) -> int:
    return 8 * np.dtype(dtype).itemsize


def _mask(width: int, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """All ones where true, in elements of so many bytes."""
    return lambda a, b: -function(a, b).astype(f"<i{width}")


def _half(width: int, signed: bool, high: bool) -> Result:
    """One half of the products of elements of so many bytes. 64 bits hold a whole one."""
    kind = "i" if signed else "u"

    def function(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        whole = a.astype(f"<{kind}8") * b.astype(f"<{kind}8")
        return (whole >> np.array(8 * width if high else 0, whole.dtype)).astype(a.dtype)

    return _both(f"<{kind}{width}", function)


def _of_size(width: int) -> dict[str, Result]:
    """Every operation on elements of so many bytes, by name without their size, whether the machine has it or not."""
    unsigned, signed = f"<u{width}", f"<i{width}"
    return {
        "IADD": _both(unsigned, np.add),
        "ISUB": _both(unsigned, np.subtract),
        "ISHL": _shift(unsigned, np.left_shift),
        "ISHR": _shift(unsigned, np.right_shift),
        "ISAR": _shift(signed, np.right_shift),
        "ISHLV": _shift_each(unsigned, np.left_shift),
        "ISHRV": _shift_each(unsigned, np.right_shift),
        "ISARV": _shift_each(signed, np.right_shift),
        "IEQ": _both(unsigned, _mask(width, np.equal)),
        "ILT": _both(signed, _mask(width, np.less)),
        "ILTU": _both(unsigned, _mask(width, np.less)),
        "IMIN": _both(signed, np.minimum),
        "IMAX": _both(signed, np.maximum),
        "IMINU": _both(unsigned, np.minimum),
        "IMAXU": _both(unsigned, np.maximum),
        "IMUL": _half(width, signed=False, high=False),
        "IMULH": _half(width, signed=True, high=True),
        "IMULHU": _half(width, signed=False, high=True),
    }


def _op(name: str, bits: int) -> SimdOp | None:
    """The operation of that name and size; the name of one on 32-bit lanes may say no size."""
    sized = SimdOp.__members__.get(f"{name}{bits}")
    return SimdOp.__members__.get(name) if sized is None and bits == 32 else sized


RESULTS: dict[SimdOp, Result] = {
    op: function for width in (1, 2, 4, 8) for name, function in _of_size(width).items() if (op := _op(name, 8 * width)) is not None
}
