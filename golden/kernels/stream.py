"""Text for kernels that stream through memory on the SIMD pipe: unrolled, operations of several elements interleaved.

Vector instructions issue in order within a thread and a result takes several cycles, so dependent operations of one element are
separated by the same operation of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

LONGEST_IMMEDIATE, LONGEST_LOOP = 1023, 16383


def loop(end: str, times: int) -> list[str]:
    """The beginning of a loop of any count up to 16,383; a large one goes through x30."""
    if times <= LONGEST_IMMEDIATE:
        return [f"        loopi {end}, {times}"]
    if times > LONGEST_LOOP:
        raise ValueError(f"a loop of {times} passes cannot be written, {LONGEST_LOOP} can: take a smaller shape")
    return [f"        li x30, {times}", f"        loop {end}, x30"]


def repeated(label: str, times: int, lines: list[str]) -> list[str]:
    """``lines`` run ``times`` times; what comes after them must be another instruction."""
    return [*loop(f"{label}_end", times), *lines, f"{label}_end:"] if times > 1 else lines


def unrolled(label: str, times: int, unroll: int, body: Callable[[int], list[str]]) -> list[str]:
    """``body(n)`` is the text of n neighbouring elements; ``times`` elements in all: a loop of ``unroll`` at a time, then the rest."""
    passes, rest = divmod(times, unroll)
    lines = repeated(label, passes, _indent(body(unroll))) if passes else []
    return lines + (_indent(body(rest)) if rest else [])


def _indent(lines: list[str]) -> list[str]:
    return [f"        {line}" for line in lines]
