"""Progress on a pipe: plain lines with step, loss, speed and time left, not too many of them."""

import re
import sys
import time

import pytest

from sim.views.progress import CountProgress, TrainingProgress

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
    assert capsys.readouterr().out.splitlines() == ["first load: 5000/12000 cycles", "next load: 10000/12000 cycles"]
