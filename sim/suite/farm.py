"""Who runs orders: a farm takes them and gives futures. This one is of processes on this machine (another: sim.suite.cluster).

    with Local(jobs=2) as farm:
        future = farm.submit(order)        # {"folder": ..., "tests": [...], "seed": 3, "limit": seconds}
        code = future.result()             # the order's rows are in its folder (sim.suite.child)

An order names tests, and what they did is in files of its folder.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from sim.compile.cache import ROOT

# What most tests import: a worker does it once.
BEFORE = ["numpy", "hypothesis", "amaranth.sim", "amaranth.back.rtlil", "rich.table", "sim.jobs.lockstep", "golden.kernels", "golden.rig"]


class Lost(RuntimeError):
    """The worker that ran an order is gone; the order can be given to another one."""


class Farm(Protocol):
    """What a regression asks of whoever runs its orders."""

    root: Path

    def places(self) -> int:
        """How many orders can run at once."""

    def submit(self, order: dict[str, Any]) -> Future[int]:
        """The future of the exit status of a process that runs it."""

    def __enter__(self) -> Farm: ...

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None: ...


class _Worker:
    """One long-lived process (sim.suite.worker)."""

    def __init__(self, root: Path, before: Sequence[str]) -> None:
        command = [sys.executable, "-m", "sim.suite.worker", *before]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [environment.get("PYTHONPATH")])])
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.process = subprocess.Popen(command, cwd=root, env=environment, start_new_session=True, **pipes)

    def run(self, order: dict[str, Any]) -> int:
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except (OSError, ValueError):
            answer = ""
        if not answer:
            self.process.kill()
            self.process.wait()  # it may not have ended quite yet, and would be given another order
            raise Lost(f"worker {self.process.pid} is gone")
        return json.loads(answer)["code"]

    def end(self) -> None:
        """Ends the process and what runs in it: it reads the end of its orders."""
        try:
            self.process.stdin.close()
        except OSError:  # its last order has not been read
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()


class Local:
    """So many workers on this machine for the tests below ``root``; a context: at its end nothing that they started runs any more.

    ``before``: modules that a worker imports before its first order (BEFORE unless given).
    """

    def __init__(self, jobs: int, root: Path = ROOT, before: Sequence[str] | None = None) -> None:
        self.jobs, self.root, self._before = jobs, root, BEFORE if before is None else before
        self._pool = ThreadPoolExecutor(jobs, "order")
        self._own = threading.local()
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()
        self._over = False

    def places(self) -> int:
        return self.jobs

    def submit(self, order: dict[str, Any]) -> Future[int]:
        """The future of an exit status; Lost when the worker died."""
        return self._pool.submit(self._run, order)

    def processes(self) -> list[int]:
        """Process numbers of the workers."""
        return [worker.process.pid for worker in self._workers]

    def _run(self, order: dict[str, Any]) -> int:
        worker = getattr(self._own, "worker", None)
        if worker is None or worker.process.poll() is not None:
            with self._lock:
                if self._over:
                    raise Lost("the regression is over")
                worker = self._own.worker = _Worker(self.root, self._before)
                self._workers.append(worker)
        return worker.run(order)

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over = True
        for worker in self._workers:
            worker.end()
        self._pool.shutdown(cancel_futures=True)
