"""A farm of other machines: the workers of a Dask cluster (the package distributed) run the orders.

    with Cluster("tcp://host:8786") as farm:
        code = farm.submit(order).result()

A worker is started in the root of a checkout with the same sources, whose build folder it uses. There every order runs as it does
here: in a process of its own (sim.suite.farm.Local), with a folder of its own, which comes home packed. Dask gives what a lost
worker had to another one.
"""

from __future__ import annotations

import io
import logging
import shutil
import tarfile
import tempfile
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from dask import config
from distributed import Client, KilledWorker, get_worker
from distributed.client import CancelledError, FutureCancelledError

from sim.suite.farm import Local, Lost
from sim.suite.journal import RegressError, sources

TIMEOUT = 10.0  # seconds in which a scheduler answers
PATIENCE = 120.0  # seconds without any worker
MOST = 1000  # orders that may be under way
GONE = (OSError, CancelledError, FutureCancelledError)  # what a client of Dask raises when the scheduler went away
COUNTED = "counted"  # a folder beside that of the order

# On a worker: the farm of each run that it takes part in.
_farms: dict[str, Local] = {}
_lock = threading.Lock()


def _serve(run: str, order: dict[str, Any], wanted: str) -> tuple[int, bytes]:
    """On a worker: the exit status of an order, and what it left in its folder."""
    with _lock:
        if run not in _farms:
            _same_sources(wanted)
            _farms[run] = Local(get_worker().state.nthreads, Path.cwd())
        farm = _farms[run]
    with tempfile.TemporaryDirectory(prefix="order-") as base:
        folder, counted = Path(base) / "order", Path(base) / COUNTED
        folder.mkdir()
        counted.mkdir()
        here = {"folder": str(folder), **({"coverage": str(counted)} if "coverage" in order else {})}
        code = farm.submit({**order, **here}).result()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            archive.add(base, "")
    return code, packed.getvalue()


def _same_sources(wanted: str) -> None:
    if sources(Path.cwd()) != wanted:
        raise RegressError(f"the worker in {Path.cwd()} has other sources than this checkout: start it on the same commit")


def _check(wanted: str) -> str:
    """On a worker: why it cannot serve, or nothing."""
    try:
        _same_sources(wanted)
    except RegressError as error:
        return str(error)
    return ""


def _leave(run: str) -> None:
    """On a worker: ends what a run left."""
    with _lock:
        farm = _farms.pop(run, None)
    if farm:
        farm.__exit__(None, None, None)


class Cluster:
    """The workers of the scheduler at ``address`` for the tests below ``root``; a context: at its end nothing that they started runs.

    RegressError when no scheduler is there, it has no workers, or a worker has other sources.
    """

    def __init__(self, address: str, root: Path) -> None:
        self.root, self._address, self._name = root, address, uuid.uuid4().hex
        self._sources = sources(root)
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it would tell is a sentence of an error
        try:
            with config.set({"distributed.comm.timeouts.connect": TIMEOUT}):
                self._client = Client(address, timeout=TIMEOUT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            told = f"no scheduler answers at {address!r} ({reason}): start one with .venv/bin/python -m dask scheduler"
            raise RegressError(told) from None
        self._seen = time.monotonic()
        self._pool = ThreadPoolExecutor(MOST, "order")

    def __enter__(self) -> Cluster:
        try:
            if not self._threads():
                start = f".venv/bin/python -m dask worker {self._address}"
                raise RegressError(f"the scheduler at {self._address} has no workers: start some with {start}")
            for address, why in self._client.run(_check, self._sources).items():
                if why:
                    raise RegressError(f"{address}: {why}")
        except BaseException:
            self._close()
            raise
        return self

    def places(self) -> int:
        """Threads of all workers, at least 1; RegressError when there have been none for long."""
        threads = self._threads()
        if threads:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > PATIENCE:
            raise RegressError(f"{self._address} has no workers for {PATIENCE:g} s: start some, go on with --resume (make: RESUME=1)")
        return max(1, threads)

    def _threads(self) -> int:
        if self._client.status == "closed":
            raise self._gone()
        try:
            return sum(worker["nthreads"] for worker in self._client.scheduler_info().get("workers", {}).values())
        except GONE:
            raise self._gone() from None

    def _gone(self) -> RegressError:
        return RegressError(f"the scheduler at {self._address} is gone: start it, then go on with --resume (make: RESUME=1)")

    def submit(self, order: dict[str, Any]) -> Future[int]:
        """The future of an exit status; Lost when several workers that had it died."""
        return self._pool.submit(self._run, order)

    def _run(self, order: dict[str, Any]) -> int:
        future = self._client.submit(_serve, self._name, order, self._sources, pure=False)
        try:
            code, packed = future.result()
        except KilledWorker:
            raise Lost("every worker that ran it died") from None
        except GONE:
            raise self._gone() from None
        _unpack(packed, Path(order["folder"]), order.get("coverage"))
        return code

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._client.status == "running":
            with suppress(*GONE):  # nobody is there to be told
                self._client.run(_leave, self._name, on_error="ignore")
        self._close()

    def _close(self) -> None:
        self._client.close(TIMEOUT)
        self._pool.shutdown(wait=False, cancel_futures=True)


def _unpack(packed: bytes, folder: Path, counted: str | None) -> None:
    """Puts what an order left into its folder here, and what its tests counted among the counts of the run."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as base:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(base, filter="data")
        for path in (Path(base) / COUNTED).iterdir() if counted else ():
            shutil.move(path, Path(counted) / f"{path.stem}-{folder.name}{path.suffix}")  # names are unique on one machine only
        for path in (Path(base) / "order").iterdir():
            shutil.move(path, folder)
