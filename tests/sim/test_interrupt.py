"""SIGINT, SIGTERM and SIGHUP to a running command: a training goes on later with the same bits, a machine stops at once."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from golden.workloads.classifier import DigitsClassifier
from sim.compile import cache
from sim.jobs import machine, train
from sim.jobs.train_options import Options

STEPS = 40
FLAGS = f"--workload digits-mlp --batch 16 --rate 0.3 --seed 3 --engine rtl --config tiny --steps {STEPS}"
# Processes use the model of the other tests, which has trace ports, so that one build serves all. They send themselves the signal once
# their first step is told: on a busy machine another process's could come when all is over. SIGINT is ignored in whatever a shell started
# in the background.
PREPARED = """import os, signal, sys
from sim.jobs import machine
make = machine.engine
machine.engine = lambda *names, **settings: make(*names, **(settings | {"trace": True}))

signal.signal(signal.SIGINT, signal.default_int_handler)
write, line = sys.stdout.write, ""
def signal_after_the_first_step(text):
    global line
    line, count = line + text, write(text)
    if line.endswith("\\n"):
        told, line = line, ""
        if told.startswith("step 1/"):
            os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
    return count
sys.stdout.write = signal_after_the_first_step
"""


@pytest.fixture(scope="module")
def built():
    """The model is there: nobody's patience with a process counts the minutes that it takes to build."""
    machine.engine("tiny", trace=True).close()


@pytest.fixture
def shell(tmp_path, built):
    """shell(line) starts a command as a person types it in the project's folder, but with a build/ of its own."""
    (tmp_path / ".venv").symlink_to(cache.ROOT / ".venv")
    (tmp_path / "sitecustomize.py").write_text(PREPARED)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{cache.ROOT}", "SIGNAL": "SIGINT"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return partial(subprocess.Popen, cwd=tmp_path, env=environment, **pipes)


def progress(lines):
    """Numbers of the steps that were told; every line about one is plain, with loss, speed and time left."""
    told = [line for line in lines if line.startswith("step")]
    assert all(re.fullmatch(rf"step \d+/{STEPS}: loss \d\.\d{{4}}, \d+ kHz, \d+ s left", line) for line in told), told
    return [int(re.findall(r"\d+", line)[0]) for line in told]


def test_a_training_goes_on_with_the_printed_command(shell, tmp_path):
    with shell([".venv/bin/python", "-m", "sim", "train", *FLAGS.split()]) as process:
        text, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, ""), text + err
    assert "\r" not in text and "\x1b" not in text and progress(text.splitlines())[0] == 1
    step, again = re.fullmatch(r"interrupted after step (\d+); go on with: (.*)\n", text.splitlines(keepends=True)[-1]).groups()
    assert 1 <= int(step) < STEPS
    assert os.listdir(tmp_path / "build") == ["checkpoints"]

    with shell(again, shell=True) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, ""), out + err
    told = progress(out.splitlines())
    assert (told[0], told[-1]) == (int(step) + 1, STEPS)
    assert "0 mismatches" in out
    assert sorted(os.listdir(tmp_path / "build" / "sim")) == ["loss.png", "report.json", "weights.npz"]

    # The uninterrupted run in NumPy, whose bits an RTL that trained to its end has had after every step.
    options = Options(steps=STEPS, batch=16, seed=3, engine="golden", latest=tmp_path / "golden" / "sim")
    whole = train.train(options, quiet)
    with np.load(tmp_path / "build" / "sim" / "weights.npz") as weights:
        assert {name: weights[name].tobytes() for name in weights} == {name: bits.tobytes() for name, bits in whole.state.items()}


@pytest.fixture
def alarm():
    """alarm(seconds) raises KeyboardInterrupt in this process, as SIGINT does."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    yield partial(signal.setitimer, signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_machine_that_runs_stops_at_once(alarm):
    with machine.engine("tiny", trace=True) as engine:
        alarm(0.1)
        with pytest.raises(KeyboardInterrupt):
            engine.run(10_000_000)
        assert 0 < engine.cycle < 1_000_000


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_who_ends_jobs_is_served_as_ctrl_c_is(name, shell, tmp_path):
    flags = FLAGS.replace("--engine rtl", "--engine golden")
    environment = {**shell.keywords["env"], "SIGNAL": name}
    with shell([".venv/bin/python", "-m", "sim", "train", *flags.split()], env=environment) as process:
        text, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + getattr(signal, name), ""), text + err
    assert "go on with: .venv/bin/python -m sim train --resume" in text.splitlines()[-1]
    assert os.listdir(tmp_path / "build") == ["checkpoints"]


# --- wherever it comes ----------------------------------------------------------------------------------------------------------


def quiet(step, loss, cycles):
    pass


TRACED = (train.train.__code__, train.advance.__code__)


def interrupted_at(options, number):
    """The outcome of a run interrupted before the ``number``-th line of ``train`` between the first step's end and the third's."""
    lines = 0

    def in_train(frame, event, argument):
        nonlocal lines
        outcome = frame.f_locals.get("outcome")
        if event == "line" and outcome and 1 <= len(outcome.loss) <= 2:
            lines += 1
            if lines == number:
                raise KeyboardInterrupt
        return in_train

    before = sys.gettrace()
    sys.settrace(lambda frame, event, argument: in_train if frame.f_code in TRACED else None)
    try:
        return train.train(options, quiet)
    finally:
        sys.settrace(before)


def test_no_line_of_the_training_loses_a_step_or_does_one_twice(tmp_path):
    options = Options(steps=3, batch=16, engine="golden", latest=tmp_path / "sim")
    whole = train.train(options, quiet)
    number = 1
    while (first := interrupted_at(options, number)).interrupted:
        resumed = train.train(replace(options, resume=True), quiet)
        assert resumed.loss == whole.loss and resumed.state["W1"].tobytes() == whole.state["W1"].tobytes(), number
        number += 1
    assert first.loss == whole.loss and number > 10


def test_an_interruption_of_the_classification_loses_no_step(tmp_path, monkeypatch):
    options = Options(steps=3, batch=16, engine="golden", latest=tmp_path / "sim")

    def interrupted(workload, logits):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DigitsClassifier, "classes", interrupted)
        first = train.train(options, quiet)
    assert first.interrupted and len(first.loss) == 3
    resumed = train.train(replace(options, resume=True), quiet)
    assert resumed.loss == first.loss and resumed.accuracy > 0 and not train.checkpoint_file(options).exists()


def test_another_run_leaves_the_checkpoint_alone(tmp_path):
    def stop(step, loss, cycles):
        if step == 1:
            raise KeyboardInterrupt

    options = Options(steps=2, batch=16, engine="golden", latest=tmp_path / "sim")
    train.train(options, stop)
    train.train(replace(options, seed=1), quiet)
    assert train.checkpoint_file(options).is_file()
