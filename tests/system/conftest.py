"""Whole nodes in the C++ engine. All of them are one model, ``tiny`` with its trace, so that one build serves them."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from sim.engine import binding
from sim.engine.binding import Engine
from sim.jobs import machine


@pytest.fixture(autouse=True)
def recorded(request: pytest.FixtureRequest, artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under --waves every engine of the test writes its own, in the format of which a window can be cut."""
    if not request.config.getoption("waves"):
        return
    make: Callable[..., Engine] = machine.engine
    numbers = count()

    def record(config: str = "d1", trace: bool = False, waves: Path | None = None, waved: bool = False) -> Engine:
        return make(config, trace, waves or artifacts / f"node{next(numbers)}.vcd")

    monkeypatch.setattr(machine, "engine", record)
    monkeypatch.setattr(binding, "wave_format", lambda: "vcd")


@pytest.fixture
def engine(recorded: None):
    """A fresh node."""
    with machine.engine("tiny", trace=True) as engine:
        yield engine
