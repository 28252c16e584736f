"""The regression: every test that is asked for, under every seed, on a farm; what came of it, also when it ends early.

    wish = Wish(patterns=("tests/golden/*",), seeds=3, budget=600)
    report = regress(run.folder, Path("build/regress.open"), wish, progress)

While it runs, a folder of its own holds each order's rows, log and artifacts (sim.suite.child): what a killed run leaves there is read by
the next one that resumes it. A test that fails and simulates the design runs again with waves, once for each kind of failure.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any, Protocol

from sim.compile import cache
from sim.suite import catalog, outcome
from sim.suite.buckets import signature
from sim.suite.catalog import Case
from sim.suite.farm import Farm, Local, Lost
from sim.suite.journal import COUNTED, TESTS, RegressError, Rows, opened, read_rows
from sim.suite.known import Known
from sim.suite.orders import Order, Plan
from sim.suite.wish import Wish
from sim.suite.worker import LOG

SIMULATING = frozenset({"rtl", "system"})  # tags of tests that can write waves
MOST_WAVES = 5  # kinds of failures whose first test runs again with waves
LIMIT = 3600.0  # seconds that one order may take at least
WAVED = "again-with-waves"  # a file in the folder of an order that counts no more
TICK = 0.5  # seconds between two looks at the clock


class Progress(Protocol):
    """Who shows how far a regression is."""

    def note(self, text: str) -> None: ...

    def state(self, done: int, failed: int, running: Sequence[str], left: float) -> None: ...


class Run:
    """One regression as it goes: hands out orders, takes in what they did."""

    def __init__(self, folder: Path, wish: Wish, farm: Farm, known: Known, progress: Progress) -> None:
        self.folder, self.wish, self.farm, self.known, self.progress = folder.absolute(), wish, farm, known, progress
        self.started = time.monotonic()
        self.places = farm.places()  # the most that there were
        self.rows: list[dict[str, Any]] = []
        self.waves: dict[str, list[str]] = {}  # by signature
        self.tests: dict[str, Case] = {}
        self._numbers = itertools.count(1 + max((int(path.name) for path in self.folder.glob("[0-9]*")), default=0))
        self._running: dict[Future[int], tuple[Order, Path]] = {}
        self._lost: set[Order] = set()

    def left(self) -> float:
        """Seconds of the budget that are left."""
        return float("inf") if self.wish.budget is None else self.wish.budget - (time.monotonic() - self.started)

    def collect(self) -> list[Case]:
        """The tests that are asked for. ValueError for a pattern that means none, RegressError when a file of tests cannot be read."""
        proofs = catalog.proofs()
        files = catalog.files(self.farm.root)
        groups = [*files, *(test.name for test in proofs)]
        chosen = catalog.select(self.wish.patterns, groups, catalog.reach)
        some = [name for name in chosen if name in set(files)]
        parts = [some[at :: self.places] for at in range(self.places)]
        tests = [test for test in proofs if test.name in chosen]
        for part, future, folder in [(part, *self._submit({"files": part})) for part in parts if part]:
            code = future.result()
            found = folder / TESTS
            if not found.exists():
                raise RegressError(f"the tests of {', '.join(part)} cannot be read, pytest ended with {code}: {_reason(folder / LOG)}")
            tests += [Case(name, frozenset(tags)) for name, tags in json.loads(found.read_text())]
            shutil.rmtree(folder)
        names = set(catalog.select(self.wish.patterns, [test.name for test in tests]))
        tests = [test for test in tests if test.name in names and (not self.wish.tags or catalog.tagged(self.wish.tags, test.tags))]
        if not tests:
            asked = [*self.wish.patterns, *([f"the tags {self.wish.tags}"] if self.wish.tags else [])]
            raise RegressError(f"no test fits {' and '.join(asked) or 'the wish'}")
        self.tests = {test.name: test for test in sorted(tests, key=lambda test: test.name)}
        return list(self.tests.values())

    def resume(self) -> None:
        """Take in the rows that an earlier run left in the folder."""
        for folder in sorted(self.folder.glob("[0-9]*")):
            for row in read_rows(folder)[0]:
                if not (folder / WAVED).exists():
                    self._enter(row, folder)

    def run(self) -> Plan:
        """Until the plan has nothing more that fits into the time; the plan."""
        done = {(row["name"], row["seed"]) for row in self.rows}
        tests = list(self.tests.values())
        plan = Plan(tests, self.wish.range(), self.known.times, self.known.failing, done)
        while True:
            self.places = max(self.places, places := self.farm.places())
            while len(self._running) < places and (order := plan.next(self.left())):
                future, folder = self._submit(self._sent(order))
                self._running[future] = order, folder
            if not self._running:
                return plan
            ended, _ = wait(self._running, TICK, FIRST_COMPLETED)
            for future in ended:
                self._take(future, plan)
            self._show(plan)

    def stopped(self) -> None:
        """Take in what the orders that ran had done when the farm was left."""
        for order, folder in self._running.values():
            for row in read_rows(folder)[0] if not order.waves else ():
                self._enter(row, folder)

    def _sent(self, order: Order) -> dict[str, Any]:
        sent = {"tests": list(order.tests), "seed": order.seed, "limit": max(LIMIT, 10 * order.seconds), "waves": order.waves}
        sent["waved"] = [name for name in order.tests if name in self.tests and SIMULATING & self.tests[name].tags]
        if self.wish.random_state:
            sent["random_state"] = True
        if self.wish.counted and not order.waves:
            sent["coverage"] = str(self.folder / COUNTED)
        if order.waves:
            row = next(row for row in self.rows if (row["name"], row["seed"]) == (order.tests[0], order.seed))
            sent["testcase"] = row.get("testcase", "")
        return sent

    def _submit(self, sent: dict[str, Any]) -> tuple[Future[int], Path]:
        folder = self.folder / f"{next(self._numbers):06}"
        folder.mkdir()
        if sent.get("waves"):
            (folder / WAVED).touch()
        return self.farm.submit({"limit": LIMIT, **sent, "folder": str(folder)}), folder

    def _take(self, future: Future[int], plan: Plan) -> None:
        order, folder = self._running.pop(future)
        rows, begun = read_rows(folder)
        try:
            code, why = future.result(), ""
        except Lost as error:
            code, why = -1, str(error)
        if order.waves:
            self._found_waves(order, folder)
            return
        missing = [name for name in order.tests if name not in {row["name"] for row in rows}]
        if missing and not any(row["name"] == order.tests[0].split("::")[0] for row in rows):  # else the file cannot be read
            if why and order not in self._lost:
                self.progress.note(f"{why}: what it had not done runs again")
                self._lost.add(again := Order(tuple(missing), order.seed, order.seconds))
                plan.add(again)
            else:
                culprit = begun or missing[0]
                rows.append(self._died(culprit, order.seed, why or f"its process {_ended(code)}", folder))
                if rest := tuple(name for name in missing if name != culprit):
                    plan.add(Order(rest, order.seed, order.seconds))
        for row in rows:
            self._enter(row, folder)
            if not row["passed"]:
                self.progress.note(f"failed: {row['name']} seed {row['seed']}: {row['message']}")
                self._again_with_waves(row, plan)
        if all(row["passed"] for row in rows):
            shutil.rmtree(folder / "artifacts", ignore_errors=True)

    def _died(self, name: str, seed: int, why: str, folder: Path) -> dict[str, Any]:
        rerun = f".venv/bin/python -m pytest '{name}' --seed {seed}"
        row = {"name": name, "seed": seed, "passed": False, "wall_s": 0.0, "rerun": rerun, "text": _tail(folder / LOG), "message": why}
        row["signature"] = signature(why)
        Rows(folder).ended(row)
        return row

    def _enter(self, row: dict[str, Any], folder: Path) -> None:
        test = self.tests.get(row["name"])
        row["tags"] = sorted(test.tags) if test else []
        if not row["passed"]:
            row["log"] = str(folder / LOG)
        self.rows.append(row)

    def _again_with_waves(self, row: dict[str, Any], plan: Plan) -> None:
        """The first test of a kind of failure, if it simulates the design."""
        new = row["signature"] not in self.waves and len(self.waves) < MOST_WAVES
        if new and SIMULATING & set(row["tags"]):
            self.waves[row["signature"]] = []
            plan.add(Order((row["name"],), row["seed"], 2 * row["wall_s"] + 60, waves=True))

    def _found_waves(self, order: Order, folder: Path) -> None:
        row = next(row for row in self.rows if (row["name"], row["seed"]) == (order.tests[0], order.seed))
        found = [str(path) for kind in ("*.fst", "*.vcd") for path in sorted(folder.rglob(kind))]
        self.waves[row["signature"]] = found
        for path in found:
            self.progress.note(f"waves of {row['name']}: {path}")

    def _show(self, plan: Plan) -> None:
        failed = sum(not row["passed"] for row in self.rows)
        orders = [order for order, _ in self._running.values()]
        running = [order.tests[0] + (f" and {len(order.tests) - 1} more" if order.tests[1:] else "") for order in orders]
        under_way = sum(order.seconds for order in orders)
        rest = (plan.seconds() + under_way / 2) / self.places
        self.progress.state(len(self.rows), failed, running, min(rest, self.left()))


def tests_of(wish: Wish) -> list[Case]:
    """What a wish means, without running it."""
    with tempfile.TemporaryDirectory() as folder, Local(wish.jobs) as farm:
        return Run(Path(folder), wish, farm, Known(), Quiet()).collect()


class Quiet:
    """Shows nothing."""

    def note(self, text: str) -> None:
        return

    def state(self, done: int, failed: int, running: Sequence[str], left: float) -> None:
        return


def _ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"


def _tail(path: Path, lines: int = 30) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def _reason(log: Path) -> str:
    """The line in which pytest says why, else its last one."""
    lines = [line.strip() for line in _tail(log, 200).splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in reversed(lines) if line.startswith(("ERROR", "E "))), lines[-1])


def _farm(wish: Wish, root: Path) -> Farm:
    if not wish.scheduler:
        return Local(wish.jobs, root)
    from sim.suite.cluster import Cluster

    return Cluster(wish.scheduler, root)


def regress(folder: Path, work: Path, wish: Wish, progress: Progress, root: Path = cache.ROOT) -> dict[str, Any]:
    """The report's fields; what failed leaves its logs and waves in ``folder``. Ctrl-C ends it early, with what there is by then.

    RegressError or ValueError, one sentence, when nothing was tested.
    """
    known = Known()
    with opened(work, wish.same(), wish.resume, root) as (place, done):
        interrupted = False
        plan = None
        with _farm(wish, root) as farm:
            run = Run(place, wish, farm, known, progress)
            try:
                run.collect()
                run.resume()
                plan = run.run()
            except KeyboardInterrupt:
                interrupted = True
        if interrupted:
            run.stopped()
            if not run.rows:
                raise KeyboardInterrupt("before the first test had ended")
        report = outcome.report(run, interrupted, sorted(plan.left_out) if plan else [])
        outcome.keep(run, report, folder)
        known.learn(run.rows)
        known.save(None if interrupted else outcome.figures(report))
        report["history"] = known.history
        if not interrupted:
            done()
    return report
