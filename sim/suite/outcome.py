"""What came of a regression: the fields of its report, and the files that go with it."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.arch.config import CONFIGS
from sim.suite import coverage, trend
from sim.suite.buckets import buckets
from sim.suite.journal import COUNTED

if TYPE_CHECKING:
    from sim.suite.regress import Run


def report(run: Run, interrupted: bool, left_out: list[tuple[str, int]]) -> dict[str, Any]:
    wall = time.monotonic() - run.started
    groups = buckets(run.rows)
    for group in groups:
        group["waves"] = run.waves.get(group["signature"], [])
    seeds = sorted({row["seed"] for row in run.rows})
    return {
        **{key: value for key, value in asdict(run.wish).items() if key not in ("first", "seeds")},
        "when": time.strftime("%Y-%m-%d %H:%M:%S"),
        "seeds": len(seeds),
        "first_seed": run.wish.first,
        "interrupted": interrupted,
        "left_out": [{"name": name, "seed": seed} for name, seed in left_out],
        "wall_s": round(wall, 1),
        "busy": round(sum(row["wall_s"] for row in run.rows) / (wall * run.places), 3),
        "tests": run.rows,
        "coverage": coverage.report(run.folder / COUNTED, CONFIGS["tiny"].features),
        "buckets": groups,
        "machine": trend.machine(run.farm.root),
    }


def keep(run: Run, told: dict[str, Any], folder: Path) -> None:
    """Copies logs and waves of failures into the results, and turns their paths there."""
    for bucket in told["buckets"]:
        bucket["waves"] = [_kept(Path(path), run.folder, folder) for path in bucket["waves"]]
    for row in told["tests"]:
        if "log" in row:
            row["log"] = _kept(Path(row["log"]), run.folder, folder)


def _kept(path: Path, base: Path, folder: Path) -> str:
    """The file's name in the results."""
    name = Path("failures") / path.relative_to(base)
    if path.exists() and not (folder / name).exists():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    return os.fspath(name)


def figures(told: dict[str, Any]) -> dict[str, Any]:
    """What of a run is kept for the trend."""
    failed = sum(not row["passed"] for row in told["tests"])
    shares = {kind: told["coverage"][kind] for kind in ("functional", "line", "toggle")}
    tests = {"when": told["when"], "tests": len(told["tests"]), "failed": failed, "wall_s": told["wall_s"]}
    return {**tests, **shares, **told["machine"]}
