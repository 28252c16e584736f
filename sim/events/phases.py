"""The cycles of a step as it runs, by the phase of the program that they belong to: kernels overlap, and each cycle is one phase's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sim.events.causes import CAUSES
from sim.events.file import About
from sim.events.hotspots import spots
from sim.events.instructions import Course

BETWEEN = "between"
"""Cycles of instructions that belong to no phase: calls, and the end."""


def phase_of(label: str, phases: Iterable[str]) -> str:
    """The phase that a label is in: its own name, or one that it goes on with (``layer_1`` of ``layer``); BETWEEN for others."""
    return max((name for name in phases if label == name or label.startswith(f"{name}_")), key=len, default=BETWEEN)


def by_phase(course: Course, about: About, phases: Iterable[str]) -> list[dict[str, Any]]:
    """Rows {name, cycles, causes} in the order of the phases; they add up to the cycles of the window in which a thread runs."""
    names = [*phases, BETWEEN]
    cycles: dict[str, Counter[str]] = {name: Counter() for name in names}
    found, nobody = spots(course)
    for spot in found.values():
        cycles[phase_of(about.region(spot.pc), names[:-1])].update(spot.cycles)
    cycles[BETWEEN].update(nobody)
    return [
        {"name": name, "cycles": spent.total(), "causes": {cause: spent[cause] for cause in CAUSES}}
        for name, spent in cycles.items()
        if spent.total()
    ]
