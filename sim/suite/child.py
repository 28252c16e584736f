"""What the process of one order does: runs its tests, and tells of each one when it begins and when it has ended.

``<folder>/rows.jsonl`` gets a line for each: {"begins": name}, then the row of the report: name, seed, passed, wall_s, rerun, and of a
failure message (its first line), text (all that pytest tells), signature (sim.suite.buckets) and testcase (the first that failed of a
cocotb file). Whoever reads the file of a process that died knows what had passed, and during which test it died.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from sim.compile.cache import ROOT
from sim.suite.buckets import signature
from sim.suite.catalog import PROOF, SEEDED, TAGS
from sim.suite.golden_faults import plant
from sim.suite.journal import TESTS, Rows

LONGEST_TEXT = 20_000  # characters of a failure that the report keeps


class Recorder:
    """A plugin of pytest that writes the rows of tests and of files that cannot be read; ``waved``: tests that can write waves."""

    def __init__(self, rows: Rows, seed: int, waved: Collection[str], drawn: bool) -> None:
        self._rows, self._seed, self._waved, self._drawn = rows, seed, waved, drawn
        self._rerun_line: Callable[..., str] | None = None
        self._spent = 0.0
        self._problem: pytest.TestReport | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        """The tests' own conftest.py knows how a failure is repeated."""
        self._rerun_line = next(plugin.rerun_line for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "rerun_line"))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._spent, self._problem = 0.0, None
        self._rows.begins(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._spent += report.duration
        if not report.passed and self._problem is None:
            self._problem = report
        if report.when == "teardown":
            self._ended(report.nodeid, self._problem)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._ended(report.nodeid, report)

    def _ended(self, name: str, problem: pytest.TestReport | pytest.CollectReport | None) -> None:
        testcase = dict(getattr(problem, "user_properties", ())).get("testcase", "")
        rerun = self._rerun_line(name, self._seed, testcase, bool(problem) and name in self._waved, self._drawn)
        row = {"name": name, "seed": self._seed, "passed": not problem, "wall_s": round(self._spent, 3), "rerun": rerun}
        self._rows.ended({**row, **({**_told(problem), "testcase": testcase} if problem else {})})


def _told(report: pytest.TestReport | pytest.CollectReport) -> dict[str, str]:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = report.longreprtext or "it did not run"
    message = crash.message if crash else text.strip().splitlines()[-1]
    lines = [line for line in message.splitlines() if line.strip()] or ["it says nothing"]
    return {"message": lines[0][:200], "text": text[-LONGEST_TEXT:], "signature": signature(message)}


# A worker imports it before pytest, which would rewrite its asserts: nobody reads them.
EARLY = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"


def _pytest(arguments: Sequence[str], plugin: Any) -> int:
    return int(pytest.main(["-p", "no:cacheprovider", "-p", "no:xdist", "-W", EARLY, *arguments], plugins=[plugin]))


def run(order: dict[str, Any]) -> int:
    """Runs what an order names: tests, seed, folder; coverage (a folder), waves, testcase, waved where it has them, fault (a file of
    golden and the place of a planted fault), random_state, first (end with the first failure; no slow test). The exit status.
    """
    folder, seed, tests = Path(order["folder"]), order["seed"], order["tests"]
    rows = Rows(folder)
    if tests[0].startswith(PROOF):
        for name in tests:
            rows.begins(name)
            rows.ended(_prove(name, seed))
        return 0
    if "fault" in order:
        plant(*order["fault"], ROOT)
    options = ["-q", f"--seed={seed}", f"--artifacts={folder / 'artifacts'}"]
    options += [f"--coverage={order['coverage']}"] if order.get("coverage") else []
    options += ["-x", "-m", "not slow"] if order.get("first") else []
    options += ["--random-state"] if order.get("random_state") else []
    options += ["--waves"] if order.get("waves") else []
    options += [f"--testcase={order['testcase']}"] if order.get("testcase") else []
    return _pytest([*options, *tests], Recorder(rows, seed, order.get("waved", ()), "random_state" in order))


def _prove(name: str, seed: int) -> dict[str, Any]:
    """The row of a part's proofs and planted faults."""
    from sim.suite.formal import formal

    part, start = name.removeprefix(PROOF), time.perf_counter()
    rerun = f".venv/bin/python -m sim formal --parts '{part}'"
    report = formal([part])
    wrong = [f"{row['name']} does not hold" for row in report["properties"] if not row["passed"]]
    wrong += [f"{row['property']} holds with the planted fault {row['name']}" for row in report["planted"] if not row["caught"]]
    row = {"name": name, "seed": seed, "passed": not wrong, "wall_s": round(time.perf_counter() - start, 3), "rerun": rerun}
    told = {"message": wrong[0], "text": "\n".join(wrong), "signature": wrong[0]} if wrong else {}
    return {**row, **told}


class _Collected:
    """A plugin that writes every test's name and tags; a file that cannot be read is a test, which fails when it runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unread: list[tuple[str, list[str]]] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._unread.append((report.nodeid, []))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        known = [[item.nodeid, sorted({mark.name for mark in item.iter_markers()} & set(TAGS) | _seeded(item))] for item in session.items]
        (self._folder / TESTS).write_text(json.dumps([*known, *self._unread]))


def _seeded(item: pytest.Item) -> set[str]:
    return {SEEDED} if {"seed", "rng"} & set(getattr(item, "fixturenames", ())) else set()


def collect(order: dict[str, Any]) -> int:
    """Writes names and tags of the tests in an order's files."""
    return _pytest(["-q", "--collect-only", *order["files"]], _Collected(Path(order["folder"])))
