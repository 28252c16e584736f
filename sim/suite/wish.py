"""What a regression is asked to do."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sim.suite.catalog import SEEDED, tagged


@dataclass(frozen=True)
class Wish:
    """What to run: patterns of names and an expression of tags (all without), so many seeds from the first on, for at most a budget.

    ``seeds`` None: one without a budget (seconds), else as many as it has time for. ``counted``: lines and bits of the units' models, too.
    ``scheduler``: address of the Dask cluster that runs the tests; without one ``jobs`` processes of this machine do.
    ``random_state``: registers and memories of the units' models begin with what is drawn (sim.compile.random_state).
    """

    patterns: tuple[str, ...] = ()
    tags: str = ""
    first: int = 0
    seeds: int | None = None
    budget: float | None = None
    jobs: int = 2
    resume: bool = False
    counted: bool = True
    scheduler: str = ""
    random_state: bool = False

    def __post_init__(self) -> None:
        if self.seeds is not None and self.seeds < 1:
            raise ValueError(f"{self.seeds} seeds test nothing: at least 1")
        if self.jobs < 1:
            raise ValueError(f"{self.jobs} jobs run nothing: at least 1")
        if self.budget is not None and self.budget <= 0:
            raise ValueError(f"a budget of {self.budget / 60:g} minutes is none: more than 0")
        tagged(self.tags or SEEDED, frozenset())

    def range(self) -> Iterable[int]:
        """The seeds; without end when only the time ends them."""
        if self.seeds is None and self.budget is not None:
            return itertools.count(self.first)
        return range(self.first, self.first + (self.seeds or 1))

    def same(self) -> dict[str, Any]:
        """What a run that goes on must have in common with the one that began."""
        same = {"patterns": list(self.patterns), "tags": self.tags, "first": self.first}
        return {**same, "counted": self.counted, "random_state": self.random_state}
