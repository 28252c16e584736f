"""Text for kernels that stream through memory on the SIMD pipe: unrolled, operations of several elements interleaved.

Vector instructions issue in order within a thread and a result takes several cycles, so dependent operations of one element are
separated by the same operation of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable


def unrolled(label: str, times: int, unroll: int, body: Callable[[int], list[str]]) -> list[str]:
    """``body(n)`` is the text of n neighbouring elements; ``times`` elements in all: a loop of ``unroll`` at a time, then the rest."""
    passes, rest = divmod(times, unroll)
    lines: list[str] = []
    if passes > 1:
        lines += [f"        loopi {label}_end, {passes}", *_indent(body(unroll)), f"{label}_end:"]
    elif passes == 1:
        lines += _indent(body(unroll))
    return lines + (_indent(body(rest)) if rest else [])


def _indent(lines: list[str]) -> list[str]:
    return [f"        {line}" for line in lines]
