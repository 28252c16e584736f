"""The full suite under many seeds: every test, once per seed, with one line that reruns each."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from golden.arch.config import CONFIGS
from sim.suite import coverage

JOBS = 2


class RegressError(RuntimeError):
    """Nothing was tested; one sentence."""


def regress(folder: Path, seeds: int, first: int = 0, say: Callable[[str], None] = print, select: str = "") -> dict[str, Any]:
    """Run ``pytest`` once per seed, slow tests included; the report's fields, failures with their rerun commands.

    ``folder``, an empty one, gets a log and an outcome for each seed, and ``coverage/``, what the tests counted.
    """
    if seeds < 1:
        raise ValueError(f"{seeds} seeds test nothing: at least 1")
    if select and not Path(select.split("::")[0]).exists():  # pytest would load no conftest.py, and not know its own options
        raise ValueError(f"there is no {select.split('::')[0]} to select tests below")
    counted = folder / "coverage"
    counted.mkdir()
    tests: list[dict[str, Any]] = []
    started = time.perf_counter()
    for number, seed in enumerate(range(first, first + seeds), 1):
        outcome, log = folder / f"seed{seed}.xml", folder / f"seed{seed}.log"
        with log.open("w") as said:
            code = subprocess.run(command(seed, outcome, counted, select), stdout=said, stderr=subprocess.STDOUT, check=False).returncode
        rows = _read(outcome, seed) if outcome.exists() else []
        if not rows:
            below = f" below {select}" if select else ""
            raise RegressError(f"no test{below} ran, pytest ended with {code}: {_reason(log)}")
        tests += rows
        failed = sum(not row["passed"] for row in rows)
        spent = time.perf_counter() - started
        say(f"seed {seed} ({number}/{seeds}): {len(rows) - failed} passed, {failed} failed, {spent / number * (seeds - number):.0f} s left")
    return {
        "seeds": seeds,
        "first_seed": first,
        "tests": tests,
        "coverage": coverage.report(counted, CONFIGS["tiny"].features),
        "buckets": _buckets(tests),
    }


def command(seed: int, outcome: Path, counted: Path, select: str) -> list[str]:
    """One run of pytest. Values stand behind a "=": pytest takes a folder that stands alone for the one with the conftest.py."""
    run = [sys.executable, "-m", "pytest", "-q", "-n", str(JOBS), "--dist", "worksteal", f"--junitxml={outcome}"]
    return [*run, f"--seed={seed}", f"--coverage={counted.resolve()}", *([select] if select else [])]


def _reason(log: Path) -> str:
    """The line in which pytest says why, else its last one."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in reversed(lines) if line.startswith(("ERROR", "E "))), lines[-1])


def _read(path: Path, seed: int) -> list[dict[str, Any]]:
    rows = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        module, name = case.get("classname", "").replace(".", "/"), case.get("name", "")
        problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        rows.append(
            {
                "name": f"{module}.py::{name}",
                "seed": seed,
                "passed": problem is None,
                "wall_s": float(case.get("time", 0)),
                "rerun": f'.venv/bin/python -m pytest "{module}.py::{name}" --seed {seed}',
                **({"message": (problem.get("message") or "").splitlines()[0][:200]} if problem is not None else {}),
            }
        )
    return rows


def _buckets(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Failures with the same first line together, most frequent first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in tests:
        if not row["passed"]:
            groups.setdefault(row["message"], []).append(row)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return [{"message": message, "count": len(rows), "rerun": rows[0]["rerun"]} for message, rows in ordered]
