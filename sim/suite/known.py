"""What past regressions taught: how long each test takes, which seeds failed, the figures of each run.

Three files in build/regress-known, each whole or not there; one that cannot be read is taken for one that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sim.views.report import write_json

FOLDER = Path("build/regress-known")
MOST_RUNS = 200  # of which the figures are kept
WEIGHT = 0.5  # of the newest time against what was known


class Known:
    """times: seconds by test; failing: (test, seed) pairs, newest first; history: figures of past runs, oldest first."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        times, failing, history = (self._read(name) for name in ("times", "failing", "history"))
        self.times = {str(name): float(spent) for name, spent in times.items()} if isinstance(times, dict) else {}
        self.failing = [(str(name), int(seed)) for name, seed in failing] if isinstance(failing, list) else []
        self.history: list[dict[str, Any]] = history if isinstance(history, list) else []

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / f"{name}.json").read_text())[name]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def learn(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in what tests did: a test that passes under a seed is no longer tried first under it."""
        failing = dict.fromkeys(self.failing)
        for row in rows:
            name, place = row["name"], (row["name"], row["seed"])
            before = self.times.get(name, row["wall_s"])
            self.times[name] = round(before + WEIGHT * (row["wall_s"] - before), 3)
            failing.pop(place, None)
            if not row["passed"]:
                failing = {place: None, **failing}
        self.failing = list(failing)

    def save(self, figures: Mapping[str, Any] | None = None) -> None:
        """Write all; ``figures`` of a run join the history."""
        if figures:
            self.history = [*self.history, dict(figures)][-MOST_RUNS:]
        for name in ("times", "failing", "history"):
            write_json(self.folder / f"{name}.json", {name: getattr(self, name)})
