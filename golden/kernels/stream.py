"""Text for kernels that stream through memory on the SIMD pipe: loads, operations and stores of several elements interleaved.

Instructions issue in order within a thread and a result takes several cycles, so what depends on it stands some elements later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

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


@dataclass(frozen=True)
class Stage:
    """What is done to an element ``behind`` steps after its first: its lines for a set of registers."""

    behind: int
    lines: Callable[[int], list[str]]


def streamed(label: str, times: int, sets: int, stages: Sequence[Stage]) -> list[str]:
    """``times`` elements, a step apart, each in one of so many sets of registers, their stages side by side: while an element is loaded,
    older ones are worked on and stored. A set may be begun anew when the last stage that reads it has been written: loads wait for the
    stores that read their registers, so some sets more keep them apart."""
    last = max(stage.behind for stage in stages)

    def step(number: int) -> list[str]:
        lines = []
        for stage in stages:
            if 0 <= (element := number - stage.behind) < times:
                lines += stage.lines(element % sets)
        return woven(lines)

    def straight(first: int, end: int) -> list[str]:
        return _indent([line for number in range(first, end) for line in step(number)])

    # Steps in which every stage has an element are alike after as many as there are sets.
    turns = max(0, times - last) // sets
    if turns < 2:
        return straight(0, times + last)
    end = last + turns * sets
    return straight(0, last) + repeated(label, turns, straight(last, last + sets)) + straight(end, times + last)


def woven(lines: list[str]) -> list[str]:
    """The same with loads before stores in turn, then the rest: a store leaves the scalar queue with the load before it, and alone else."""
    loads, stores = ([line for line in lines if line.startswith(what)] for what in ("vld", "vst"))
    rest = [line for line in lines if line not in loads and line not in stores]
    return [line for pair in zip_longest(loads, stores) for line in pair if line] + rest


def _indent(lines: list[str]) -> list[str]:
    return [f"        {line}" for line in lines]
