"""A recorded step on the RTL: every cycle is some kernel's, and they add up to what the counters counted."""

import pytest

from sim.events.file import Recording
from sim.events.recorder import Wish
from sim.jobs.profile import AccountError, as_it_runs, profile
from sim.jobs.profile_events import account
from sim.jobs.train_options import Options

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The step of a small workload: its events, the kernels' rows, its own row."""
    events = tmp_path_factory.mktemp("step") / "step.events"
    *rows, step = profile(Options("digits-linear", batch=8, config="tiny"), 1, Wish(events))
    return events, rows, step


def kernels(events, rows):
    """The recording's window, and what its cycles are by kernel."""
    told = Recording(events)
    return told.window(), account(told, told.window(), [row["name"] for row in rows])[0].kernels


def test_every_cycle_of_the_step_is_accounted_for(recorded):
    events, rows, step = recorded
    window, together = kernels(events, rows)
    assert as_it_runs(together, window, step) is together
    assert sum(row["cycles"] for row in together) == step["cycles"]
    for cause, cycles in step["causes"].items():
        assert sum(row["causes"][cause] for row in together) == cycles
    assert [row["name"] for row in together] == [*(row["name"] for row in rows), "between"]
    for alone, row in zip(rows, together, strict=False):
        assert row["cycles"] <= alone["cycles"] and row["causes"]["step"] == alone["causes"]["step"]


def test_a_cycle_too_many_is_a_bug(recorded):
    events, rows, step = recorded
    window, together = kernels(events, rows)
    with pytest.raises(AccountError, match=r"the events of the step account for \d+ cycles, its counters for \d+"):
        as_it_runs(together, window, {**step, "cycles": step["cycles"] + 1})
