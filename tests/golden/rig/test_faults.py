"""Ends in a fault: the thread that was asked for stops with the cause that was asked for, the others end."""

import re

import pytest

from golden.arch.memmap import ThreadState
from golden.rig import FAULTS, Rig
from tests.golden.rig.runs import TINY, finish


@pytest.mark.parametrize("cause", FAULTS)
def test_a_thread_ends_in_the_fault_that_was_asked_for(cause):
    for seed in range(12):
        job = Rig(seed, TINY, 20, fault=cause).job()
        node, _ = finish(job)
        assert job.faulting is not None and job.faulting[1] == cause
        for thread in node.threads:
            expected = (ThreadState.FAULTED, cause) if thread.index == job.faulting[0] else (ThreadState.IDLE, "NONE")
            assert (thread.state, thread.cause.name) == expected, f"seed {seed} thread {thread.index}"


@pytest.mark.parametrize("cause", FAULTS)
def test_nothing_reads_what_a_fault_may_have_kept_from_being_stored(cause):
    """A store that waits when the fault is found is dropped, and a load behind it gives what was there before."""
    for seed in range(12):
        _, lines = Rig(seed, TINY, 20, fault=cause).text().split(f"; ---- the fault {cause}\n")
        before = lines.partition("halt")[0].rpartition("fence\n")[2]
        accesses = [re.findall(rf"{kind}\.d x\d+, (x\d+, \d+)\n", before) for kind in ("st", "ld")]
        assert not set(accesses[0]) & set(accesses[1]), before
