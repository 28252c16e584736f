"""A training killed at random moments, beside another one: build/sim names one whole set of results, that of one run."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sim.compile import cache

FILES = ["loss.png", "report.json", "weights.npz"]
SEEDS = (0, 1)


def start(folder, number, *options):
    command = [sys.executable, "-m", "sim", "train", "--engine", "golden", "--steps", "3", "--batch", "8", "--seed", str(number)]
    environment = {**os.environ, "PYTHONPATH": str(cache.ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*command, *options], cwd=folder, env=environment, **pipes)


def whole_set(latest):
    """The seed and the weights of what is there, which must be all there."""
    assert sorted(os.listdir(latest)) == FILES
    report = json.loads((latest / "report.json").read_text())
    assert (latest / "loss.png").read_bytes()[-8:-4] == b"IEND"
    with np.load(latest / "weights.npz") as weights:
        return report["seed"], report["loss"], weights["W1"].tobytes()


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err, out + err


@pytest.fixture
def expected(tmp_path):
    """What each seed's run leaves, and how long one takes."""
    sets, began = {}, time.monotonic()
    for number in SEEDS:
        folder = tmp_path / f"whole{number}"
        folder.mkdir()
        finish(start(folder, number))
        sets[number] = whole_set(folder / "build" / "sim")
    assert sets[0] != sets[1]
    return sets, (time.monotonic() - began) / len(SEEDS)


def kill(folder, count, expected, rng, numbers):
    """Kills so many runs, half of them near their end, and looks after each."""
    sets, seconds = expected
    latest = folder / "build" / "sim"
    before = whole_set(latest) if latest.exists() else None
    for turn in range(count):
        number = SEEDS[turn % 2]
        with start(folder, number) as process:
            time.sleep(seconds * (rng.uniform(0, 1.2) if turn % 2 else rng.uniform(0.6, 1.2)))
            os.kill(process.pid, numbers[turn % len(numbers)])
            _, err = process.communicate(timeout=120)
            assert "Traceback" not in err, err
        if latest.exists():
            found = whole_set(latest)
            assert found in (before, sets[number])
            before = found
    finish(start(folder, 0))
    assert whole_set(latest) == sets[0]
    time.sleep(2.1)
    finish(start(folder, 1))
    assert not [name for name in os.listdir(folder / "build" / "runs") if name.endswith("partial")]


def test_killed_at_some_moments(tmp_path, expected, rng):
    kill(tmp_path, 4, expected, rng, [signal.SIGKILL, signal.SIGTERM])


@pytest.mark.slow
def test_killed_at_two_hundred_moments(tmp_path, expected, rng):
    kill(tmp_path, 200, expected, rng, [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])


def test_two_at_once_both_succeed_and_the_results_are_of_one(tmp_path, expected):
    sets, _ = expected
    for _ in range(2):
        for process in [start(tmp_path, number) for number in SEEDS]:
            finish(process)
        assert whole_set(tmp_path / "build" / "sim") in sets.values()
    runs = tmp_path / "build" / "runs"
    assert sorted(whole_set(runs / name)[0] for name in os.listdir(runs)) == [0, 0, 1, 1]


def test_a_full_disk_keeps_the_old_results_whole_and_names_the_lost(tmp_path, expected):
    finish(start(tmp_path, 0))
    before = whole_set(tmp_path / "build" / "sim")
    shell = f"ulimit -f 8; exec {sys.executable} -m sim train --engine golden --steps 3 --batch 8 --seed 1"
    environment = {**os.environ, "PYTHONPATH": str(cache.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    said = subprocess.run(["sh", "-c", shell], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 2 and "Traceback" not in said.stderr
    assert said.stderr.splitlines()[-1] == (
        "python -m sim train: build/sim/weights.npz: File too large; the results of this run are lost, build/sim is as it was"
    )
    assert whole_set(tmp_path / "build" / "sim") == before and len(os.listdir(tmp_path / "build" / "runs")) == 1
