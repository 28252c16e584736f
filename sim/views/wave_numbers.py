"""Words of waves as numbers of a format, element by element from the lowest bits on: for pictures, and as a filter that GTKWave starts.

    python -m sim.views.wave_numbers BF16          reads a word in hexadecimal digits a line, writes its numbers a line
"""

from __future__ import annotations

import sys

import numpy as np

from golden.arch.formats import FLOAT_FORMATS
from golden.numerics.convert import bits_f32, widen

MOST = 16
"""Elements of a word that are written; the rest is told by dots."""


def numbers(value: int, bits: int, form: str, bias: int | None = None) -> str:
    """The elements of a word of so many bits as decimal numbers; equal ones at the end are not repeated."""
    fmt = FLOAT_FORMATS[form]
    count = bits // fmt.bits
    elements = np.array([value >> fmt.bits * i & (1 << fmt.bits) - 1 for i in range(count)])
    shown = [f"{number:.6g}" for number in bits_f32(widen(fmt, elements, bias))]
    while len(shown) > 1 and shown[-1] == shown[-2]:
        shown.pop()
    more = "..." if len(shown) > MOST else f"x{count - len(shown) + 1}" if len(shown) < count else ""
    return " ".join([*shown[:MOST], *([more] if more else [])])


def main() -> None:
    form, bias = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None
    for line in iter(sys.stdin.readline, ""):
        digits = line.strip()
        try:
            told = numbers(int(digits, 16), 4 * len(digits), form, bias)
        except ValueError:  # unknown bits are letters
            told = digits
        print(told, flush=True)


if __name__ == "__main__":
    main()
