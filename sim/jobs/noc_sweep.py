"""The load at which a mesh of routers saturates, and the curve up to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from golden.noc.routes import Routes
from sim.jobs.noc import Load, Tell, holds, measure, source_routes

STEP, FINE = 0.0025, 0.0001
"""Distance of two loads that are told apart; the fine one is for patterns that fill one node."""


def step_of(pattern: str) -> float:
    return FINE if pattern == "hotspot" else STEP


def last_that_holds(probe: Callable[[int], bool], top: int, near: int | None = None) -> int:
    """The largest of 1..top at which `probe` holds, 0 when none does; all below one that holds are taken to hold.

    With `near` the search goes outwards from there in growing strides, then halves what is left.
    """
    low, high, stride = 0, top + 1, 1
    if near is not None:
        if probe(near):
            low = near
            while low + stride < high:
                if not probe(low + stride):
                    high = low + stride
                    break
                low, stride = low + stride, 2 * stride
        else:
            high = near
            while high - stride > low:
                if probe(high - stride):
                    low = high - stride
                    break
                high, stride = high - stride, 2 * stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if probe(middle) else (low, middle)
    return low


@dataclass
class Sweep:
    """Measurements of one pattern at several loads; `say` hears of each, `tell` of the cycles of the one that runs."""

    routes: Routes
    load: Load
    step: float
    threads: int = 1
    say: Callable[[dict[str, Any]], None] = lambda row: None
    tell: Tell | None = None
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = source_routes(self.routes)

    def at(self, count: int) -> dict[str, Any]:
        """The measurement at `count` steps."""
        if count not in self.rows:
            load = replace(self.load, rate=round(count * self.step, 10))
            self.rows[count] = measure(self.routes, self._known, load, self.threads, self.tell, hopeless=False)
            self.say(self.rows[count])
        return self.rows[count]

    def run(self, near: float | None = None, points: int = 8) -> dict[str, Any]:
        """Saturation, and the rows of the search and of `points` loads below it."""
        guess = None if near is None else max(1, round(near / self.step))
        count = last_that_holds(lambda count: holds(self.at(count)), round(1 / self.step), guess)
        for i in range(1, points + 1):
            if below := round(count * i / (points + 1)):
                self.at(below)
        rows = [self.rows[count] for count in sorted(self.rows)]
        return {"saturation": round(count * self.step, 10), "step": self.step, "rows": rows}
