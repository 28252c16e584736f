"""A regression on a Dask cluster: the same results as one on this machine, a killed worker, and what is told when nobody serves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from sim.compile import cache
from sim.suite import cluster, farm, regress
from sim.suite.journal import RegressError
from sim.suite.wish import Wish
from tests.sim.suite.tree import WRONG_WITH_WAVES, Told, plant

TESTS = {
    "some": """
        import pytest

        @pytest.mark.parametrize("size", range(3))
        def test_sizes(size, rng, request):
            drawn = rng.integers(0, 2**62)
            if counts := request.config.getoption("coverage"):
                (counts / "points-1.txt").write_text(f"{['add', 'sub', 'and'][size]}\\n")
            assert size < 2, f"size {size} drew {drawn}"

    """,
    "dies": """
        import os

        def test_before():
            pass

        def test_dies():
            os.abort()
    """,
    # The parent's parent of the process in which it runs is the worker of the cluster.
    "kills": """
        import os, pathlib, signal, time

        def test_kills():
            killed = pathlib.Path("killed")
            if not killed.exists():
                parent = pathlib.Path(f"/proc/{os.getppid()}/stat").read_text().rsplit(")", 1)[1].split()[1]
                killed.write_text(parent)
                os.kill(int(parent), signal.SIGKILL)
                time.sleep(60)
    """,
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder with these tests; the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(farm, "BEFORE", ["numpy", "hypothesis"])
    (tmp_path / "results").mkdir()
    some = textwrap.dedent(TESTS["some"]) + WRONG_WITH_WAVES
    plant(tmp_path, {**TESTS, "some": some})
    return tmp_path


@pytest.fixture
def dask(tmp_path):
    """dask(...): the process of `python -m dask ...`, which works in the test's folder; ended with the test."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "dask", *map(str, arguments), "--no-dashboard"]
        environment = {**os.environ, "PYTHONPATH": str(cache.ROOT)}
        with open(tmp_path / "dask.txt", "a") as log:
            started.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def scheduler(dask, tmp_path):
    """The address of a scheduler that serves."""
    file = tmp_path / "scheduler.json"
    process = dask("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", file)
    address = until(lambda: file.exists() and process.poll() is None and file.read_text() and json.loads(file.read_text())["address"])
    return process, address


def until(there):
    end = time.monotonic() + 60
    while not (found := there()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def worker(dask, address):
    return dask("worker", address, "--nthreads", 1, "--no-nanny", "--death-timeout", 60)


def run(tree, told=None, **wish):
    settings = {"patterns": ("tests",), "jobs": 1, "counted": True, **wish}
    return regress.regress(tree / "results", tree / "build" / "regress.open", Wish(**settings), told or Told(), tree)


def results(report):
    """What must not depend on where the tests ran."""
    rows = {(row["name"], row["seed"]): (row["passed"], row.get("message"), row.get("signature"), row["rerun"]) for row in report["tests"]}
    waves = [(bucket["signature"], len(bucket["waves"])) for bucket in report["buckets"]]
    return rows, sorted(waves), report["coverage"]


def test_a_cluster_gives_what_this_machine_gives_also_when_a_worker_is_killed(tree, dask):
    (tree / "killed").touch()
    here = run(tree, seeds=2)
    shutil.rmtree(tree / "results")
    shutil.rmtree(tree / "build")
    (tree / "results").mkdir()
    (tree / "killed").unlink()

    _, address = scheduler(dask, tree)
    workers = [worker(dask, address), worker(dask, address)]
    assert until(lambda: served_by(address, tree) == 2)
    report = run(tree, seeds=2, scheduler=address)
    assert results(report) == results(here) and len(report["tests"]) == 10
    killed = int((tree / "killed").read_text())
    assert [process.pid for process in workers if process.poll() is not None] == [killed]
    assert [path.read_text() for path in (tree / "results").rglob("*.vcd")] == ["$end"]
    assert (tree / "results" / next(row["log"] for row in report["tests"] if row["name"].endswith("test_dies"))).exists()
    assert report["scheduler"] == address and not (tree / "build" / "regress.open").exists()


def test_who_does_not_serve_is_told_in_a_sentence(tree, dask, monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 2.0)
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        with pytest.raises(RegressError, match=f"^no scheduler answers at '{address}' .*: start one with"):
            run(tree, scheduler=address)
    process, address = scheduler(dask, tree)
    with pytest.raises(RegressError, match=f"^the scheduler at {address} has no workers: start some with"):
        run(tree, scheduler=address)
    served = worker(dask, address)
    assert until(lambda: served_by(address, tree))
    with cluster.Cluster(address, tree) as there:
        served.send_signal(signal.SIGKILL)
        with pytest.raises(RegressError, match="has no workers for 0.5 s"):
            until(lambda: there.places() and False)
        monkeypatch.setattr(cluster, "PATIENCE", 60.0)
        process.kill()
        with pytest.raises(RegressError, match=f"^the scheduler at {address} is gone: .*--resume"):
            until(lambda: there.places() and False)


def served_by(address, tree):
    """Threads of the workers that have come."""
    try:
        with cluster.Cluster(address, tree) as there:
            return there.places()
    except RegressError:
        return 0


def test_a_worker_of_another_commit_is_named(tree, dask):
    _, address = scheduler(dask, tree)
    worker(dask, address)
    assert until(lambda: served_by(address, tree))
    (tree / "other" / "tests").mkdir(parents=True)
    with pytest.raises(RegressError, match=rf"^tcp://.*: the worker in {tree} has other sources than this checkout"):
        regress.regress(tree / "results", tree / "open", Wish(("tests",), scheduler=address), Told(), tree / "other")
