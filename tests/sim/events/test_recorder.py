"""What is recorded of a node on the RTL: windows, and events that agree with the counters and with each other."""

from collections import Counter as Count

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.memmap import Counter
from golden.arch.trace import Slot
from golden.host import HostError
from golden.kernels.job import random_job
from sim.events.file import EventsError, Recording
from sim.events.instructions import follow
from sim.events.recorder import Wish, recording
from sim.jobs import machine
from sim.jobs.host import Host

pytestmark = pytest.mark.system
CONFIG = get_config("tiny")
SUMS = {
    "retired_front": Counter.RETIRED_FRONT,
    "retired_scalar": Counter.RETIRED_SCALAR,
    "retired_vector_memory": Counter.RETIRED_VECTOR_MEMORY,
    "simd_issue": Counter.RETIRED_SIMD,
    "matrix_step": Counter.MATRIX_STEPS,
    "conflicts": Counter.SRAM_CONFLICTS,
    "store_beat": Counter.STORE_BEATS,
    "fetch_miss": Counter.FETCH_MISSES,
    "redirect": Counter.REDIRECTS,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A product on two threads: its recording, that of a window of the same run on another engine, and what the counters counted."""
    folder = tmp_path_factory.mktemp("events")
    job = random_job(CONFIG, "gemm", np.random.default_rng(1), 2, m=16, n=16, k=16)
    with machine.engine("tiny", trace=True) as engine:
        host = Host(engine)
        host.load(job)
        host.run(job.launches)
        before = host.counters()
        with recording(engine, Wish(folder / "all.events", title="gemm", program=job.program)):
            host.run(job.launches)
            engine.run(20)
        after = host.counters()
        with pytest.raises(EventsError, match=r"the run has \d+ cycles: the window 1000000:1100000 begins behind its end"):
            with recording(engine, Wish(folder / "none.events", first=1_000_000)):
                host.run(job.launches)
        with pytest.raises(HostError), recording(engine, Wish(folder / "failed.events")):
            engine.run(10)
            raise HostError("the machine hangs")
    with machine.engine("tiny", trace=True) as engine:  # where all is as it was
        host = Host(engine)
        host.load(job)
        host.run(job.launches)
        host.counters()
        with recording(engine, Wish(folder / "some.events", first=30, last=50)):
            host.run(job.launches)
    return folder, {counter: after[counter] - before[counter] for counter in Counter}


def test_cycles_add_up_to_the_counters(run):
    folder, counted = run
    course = follow(Recording(folder / "all.events"), *Recording(folder / "all.events").window())
    cycles = course.cycles.values()
    assert {name: sum(told[name] for told in cycles) for name in SUMS} == {name: counted[counter] for name, counter in SUMS.items()}
    for told in cycles:
        assert told["matrix_step"] + told["matrix_wait"].bit_count() == 1
    for bit, counter in enumerate(range(Counter.MATRIX_WAIT_LOAD, Counter.MATRIX_IDLE)):
        assert sum(told["matrix_wait"] >> bit & 1 for told in cycles) == counted[counter]


def test_instructions_issue_as_often_as_the_counters_say(run):
    folder, counted = run
    recording = Recording(folder / "all.events")
    lives = follow(recording, *recording.window()).lives
    slots = Count(life.slot for life in lives)
    assert all(life.whole for life in lives)
    assert slots[Slot.MATRIX] == counted[Counter.RETIRED_MATRIX] > 0 and slots[Slot.SIMD] == counted[Counter.RETIRED_SIMD]
    assert slots[Slot.SCALAR] + slots[Slot.SECOND] == counted[Counter.RETIRED_SCALAR] + counted[Counter.RETIRED_VECTOR_MEMORY]
    assert slots[None] == counted[Counter.RETIRED_FRONT]


def test_stages_follow_each_other(run):
    folder, _ = run
    recording = Recording(folder / "all.events")
    for life in follow(recording, *recording.window()).lives:
        cycles = [first for _, first in life.stages]
        assert cycles == sorted(cycles) and cycles[-1] <= life.done
        assert all(life.begun < first < last <= life.done for _, first, last in life.stalls)


def test_a_window_holds_what_the_whole_run_told_then(run):
    folder, _ = run
    whole, some = Recording(folder / "all.events"), Recording(folder / "some.events")
    assert some.window() == (30, 50)
    assert list(some.events(0, 1000)) == list(whole.events(30, 50)) != []


def test_no_file_is_left_of_a_window_behind_the_end(run):
    assert sorted(path.name for path in run[0].iterdir()) == ["all.events", "failed.events", "some.events"]


def test_what_a_run_that_fails_told_is_kept(run):
    assert Recording(run[0] / "failed.events").window() == (0, 10)
