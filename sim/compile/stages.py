"""How long the stages of a build take, measured where they happen.

    with measured() as stages:
        with stage("elaboration"): ...
    stages["elaboration"].seconds

A stage counts for every ``measured`` around it: a build that needs another one takes as long as both.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

REST = "rest"  # what no stage names


@dataclass(frozen=True)
class Spent:
    """Seconds that passed, and seconds that processors worked, those of ended child processes too."""

    seconds: float = 0.0
    processor: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.seconds + other.seconds, self.processor + other.processor)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(max(0.0, self.seconds - other.seconds), max(0.0, self.processor - other.processor))


Stages = dict[str, Spent]
_around: ContextVar[tuple[Stages, ...]] = ContextVar("around", default=())


def total(stages: Stages | Iterable[Spent]) -> Spent:
    """All of them together."""
    return sum(stages.values() if isinstance(stages, dict) else stages, Spent())


def _clock() -> Spent:
    return Spent(time.monotonic(), sum(os.times()[:4]))


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A named part of what is measured around it."""
    began = _clock()
    yield
    spent = _clock() - began
    for stages in _around.get():
        stages[name] = stages.get(name, Spent()) + spent


@contextmanager
def measured() -> Iterator[Stages]:
    """The stages of the body, in their order, complete when it has ended."""
    stages: Stages = {}
    began, outer = _clock(), _around.set((*_around.get(), stages))
    try:
        yield stages
    finally:
        _around.reset(outer)
    stages[REST] = _clock() - began - total(stages)
