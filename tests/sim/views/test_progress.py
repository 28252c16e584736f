"""Progress on a pipe: plain lines with step, loss, speed and time left, not too many of them."""

import re
import sys
import time

import pytest

from sim.views.progress import CountProgress, RegressProgress, TrainingProgress

LINE = re.compile(r"step (\d+)/(\d+): loss (\d+\.\d{4}), (\d+) kHz, (\d+) s left")


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def lines(total, first, seconds, clock, capsys):
    """What a run prints whose every step takes so long and 3,000 cycles."""
    with TrainingProgress(total) as progress:
        progress(first, float("nan"), 0)
        for step in range(first + 1, total + 1):
            clock(seconds)
            progress(step, 1 / step, 3000 * (step - first))
    out = capsys.readouterr().out
    assert "\r" not in out and "\x1b" not in out
    return [LINE.fullmatch(line).groups() for line in out.splitlines()]


def test_first_last_and_every_five_seconds(clock, capsys):
    assert lines(20, 0, 1.0, clock, capsys) == [
        ("1", "20", "1.0000", "3", "19"),
        ("6", "20", "0.1667", "3", "14"),
        ("11", "20", "0.0909", "3", "9"),
        ("16", "20", "0.0625", "3", "4"),
        ("20", "20", "0.0500", "3", "0"),
    ]


def test_a_resumed_run_counts_from_where_it_began(clock, capsys):
    assert lines(1000, 990, 2.0, clock, capsys)[:2] == [("991", "1000", "0.0010", "2", "18"), ("994", "1000", "0.0010", "2", "12")]


def test_numpy_alone_has_no_speed(clock, capsys):
    with TrainingProgress(2) as progress:
        progress(0, float("nan"), 0)
        clock(1.0)
        progress(1, 2.5, 0)
    assert capsys.readouterr().out == "step 1/2: loss 2.5000, 1 s left\n"


@pytest.mark.parametrize(("term", "live"), [("xterm", True), ("dumb", False)])
def test_a_dumb_terminal_has_plain_lines(term, live, monkeypatch):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert bool(TrainingProgress(3).bar) is live


def test_a_count_is_told_every_five_seconds(clock, capsys):
    with CountProgress("first load", "cycles") as tell:
        for done in range(1000, 13_000, 1000):
            clock(1.0)
            tell(done, 12_000)
            tell.what = "next load" if done >= 6000 else tell.what
    assert capsys.readouterr().out.splitlines() == [
        "first load: 5000/12000 cycles, 0:07 left",
        "next load: 10000/12000 cycles, 0:01 left",
    ]


def test_a_regression_on_a_pipe_tells_failures_at_once_and_its_state_now_and_then(clock, capsys):
    with RegressProgress() as progress:
        for done in range(12):
            clock(1.0)
            progress.state(done, done // 6, ["tests/a.py::test_a"][: done % 2], 3700 - done)
            if done == 6:
                progress.note("failed: tests/b.py::test_b seed 3: wrong")
    assert capsys.readouterr().out.splitlines() == [
        "4 tests done, 0 failed, 1:01:36 left; running: nothing",
        "failed: tests/b.py::test_b seed 3: wrong",
        "9 tests done, 1 failed, 1:01:31 left; running: tests/a.py::test_a",
    ]


def test_a_regression_on_a_terminal_shows_what_runs(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with RegressProgress() as progress:
        progress.state(4, 1, ["tests/a.py::test_a[x]", "proof/FIFO"], 75.0)
        progress.note("failed: tests/b.py::test_b seed 3: wrong [x]")
    out = capsys.readouterr().out
    assert "4 tests done, 1 failed, 1:15 left" in out and "tests/a.py::test_a[x]" in out and "wrong [x]" in out
