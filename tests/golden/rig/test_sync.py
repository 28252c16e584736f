"""Messages, barriers and tokens: threads share something, and the result is the same in whatever order they run."""

import random

from golden.rig import Rig
from tests.golden.rig.runs import TINY, end_state, finish, shuffled


def test_the_result_does_not_depend_on_the_order_of_threads(seed):
    rng = random.Random(seed)
    for number in range(25):
        job = Rig(1000 + number, TINY, 80).job()
        reference, _ = finish(job)
        assert end_state(shuffled(job, rng)) == end_state(reference), f"seed {1000 + number}"


def test_threads_share_something():
    """Messages arrive: some line is written by one thread and read by another."""
    text = "".join(Rig(seed, TINY, 120, threads=4).text() for seed in range(25))
    for event in ("message to", "barrier 0", "barrier 1", "token", "waitr", "tstart", "tjoin"):
        assert event in text, event
