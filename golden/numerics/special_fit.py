"""Computes the tables of golden/arch/special_tables.py in 60-digit decimal arithmetic (docs/numerics.md section 5).

Each function is split into equal segments; in each, h(t) for t in 0..1 is fitted by C0 + C1 t + C2 t^2 with integer
coefficients in units of 2^-26.  Rewrite the tables with

    python -m golden.numerics.special_fit > golden/arch/special_tables.py
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

DIGITS = 60

Row = tuple[int, int, int]

_HEADER = '''"""Coefficients of the special functions: integers (C0, C1, C2) in units of 2^-26, one row per segment.

Facts only, shared by golden numerics and the RTL's ROMs; meaning and error in docs/numerics.md section 5.
Written by `python -m golden.numerics.special_fit`; a test computes them again and compares.
"""
'''


def recip_row(index: int) -> Row:
    """Row of 2 / (1 + z), z = (index + t) / 128."""
    return _fit(lambda t: 2 / (1 + (index + t) / 128))


def rsqrt_row(index: int) -> Row:
    """Row of 2 / sqrt((1 + z) 2^k), k = index div 128, z = (index mod 128 + t) / 128."""
    return _fit(lambda t: 2 / ((1 + (index % 128 + t) / 128) * 2 ** (index // 128)).sqrt())


def exp2_row(index: int) -> Row:
    """Row of 2^z, z = (index + t) / 64."""
    return _fit(lambda t: ((index + t) / 64 * Decimal(2).ln()).exp())


def log2_row(index: int) -> Row:
    """Row of log2(1 + z) / z below index 64, else of 2 log2((1 + z) / 2) / (z - 1); z = (index + t) / 128."""

    def target(t: Decimal) -> Decimal:
        z = (index + t) / 128
        ratio, distance = (1 + z, z) if index < 64 else ((1 + z) / 2, (z - 1) / 2)
        if distance == 0:
            return 1 / Decimal(2).ln()
        return ratio.ln() / Decimal(2).ln() / distance

    return _fit(target)


TABLES: dict[str, tuple[Callable[[int], Row], int]] = {
    "RECIP": (recip_row, 128),
    "RSQRT": (rsqrt_row, 256),
    "EXP2": (exp2_row, 64),
    "LOG2": (log2_row, 128),
}
"""Row function and number of rows of each table."""


def rows(name: str) -> tuple[Row, ...]:
    """All rows of the table ``name``."""
    row, count = TABLES[name]
    return tuple(row(index) for index in range(count))


def source() -> str:
    """Text of golden/arch/special_tables.py."""
    parts = [_HEADER]
    for name in TABLES:
        body = "".join(f"    {row},\n" for row in rows(name))
        parts.append(f"\n{name}: tuple[tuple[int, int, int], ...] = (\n{body})\n")
    return "".join(parts)


def _fit(target: Callable[[Decimal], Decimal]) -> Row:
    """Integer coefficients of ``target`` on 0..1; each is fitted to what the rounded ones before it leave."""
    with localcontext() as context:
        context.prec = DIGITS
        unit = Decimal(2) ** 26
        cubic = [(2 - Decimal(3).sqrt()) / 4, Decimal("0.5"), (2 + Decimal(3).sqrt()) / 4]
        square = [(2 - Decimal(2).sqrt()) / 4, (2 + Decimal(2).sqrt()) / 4]
        low, middle, high = (target(t) for t in cubic)
        first = (middle - low) / (cubic[1] - cubic[0])
        second = (high - middle) / (cubic[2] - cubic[1])
        c2 = _integer(unit * (second - first) / (cubic[2] - cubic[0]))
        low, high = (target(t) - c2 / unit * t * t for t in square)
        c1 = _integer(unit * (high - low) / (square[1] - square[0]))
        points = [Decimal(0), *cubic, Decimal(1)]
        rest = [target(t) - c2 / unit * t * t - c1 / unit * t for t in points]
        c0 = _integer(unit / 2 * (max(rest) + min(rest)))
        return int(c0), int(c1), int(c2)


def _integer(value: Decimal) -> Decimal:
    return value.to_integral_value(rounding=ROUND_HALF_EVEN)


if __name__ == "__main__":
    print(source(), end="")
