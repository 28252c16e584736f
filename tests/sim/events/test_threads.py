"""Every cycle of a thread stands in one place, and they add up to the cycles in which it runs."""

import json

import pytest

from sim.events.file import Recording
from sim.events.instructions import follow
from sim.events.threads import ACCOUNT, DISPATCHES, accounts, rows
from tests.sim.events.made import course as told
from tests.sim.events.made import made


def test_the_cycles_of_a_made_course(tmp_path):
    course = follow(made(tmp_path / "a.events", told()), 0, 50)
    assert accounts(course) == {0: {DISPATCHES: 1, "ready": 3, "waits": 18}}
    (row,) = rows(course)
    assert row == {"thread": 0, "cycles": 22, DISPATCHES: 1, "waits": 18, "fetch": 0, "full": 0, "ready": 3}
    assert set(row) == {"thread", "cycles", *ACCOUNT} - {"idle"}


@pytest.mark.system
@pytest.mark.parametrize("kernel", ["gemm --m 24 --n 16 --k 16 --threads 4", "axpy --m 4 --n 256 --threads 2"])
def test_they_add_up_on_the_rtl(kernel, say, tmp_path):
    said = say(f"run {kernel} --config tiny --record k.events --json k.json")
    assert said.status == 0
    stalls = json.loads((tmp_path / "k.json").read_text())["stalls"]
    recording = Recording(tmp_path / "k.events")
    first, last = recording.window(None)
    course = follow(recording, first, last)
    assert len(stalls) > 1
    for row in stalls:
        t = row["thread"]
        runs = sum(told["running"] >> t & 1 for told in course.cycles.values())
        assert row["cycles"] == sum(row[name] for name in ACCOUNT if name != "idle") == runs > 0
        out = {life.begun for life in course.lives if life.thread == t and life.stages[0][0] != "W"}
        assert row[DISPATCHES] == len(out) > 0
        assert f"thread {t}  cycles {row['cycles']}" in said.out
