"""Gap generators and the Monitor's rules, cycle by cycle, without a simulator."""

import random
from itertools import islice

import pytest

from tb.stream import GAPS, Monitor


def monitor() -> Monitor:
    """A Monitor that is fed by hand."""
    watching = object.__new__(Monitor)
    watching.name, watching.seen = "s", []
    watching._see = watching.seen.append
    watching.transfers = watching.offered = watching.cycles = 0
    watching._standing = None
    return watching


def test_transfers_are_the_cycles_with_both_high():
    watching = monitor()
    for valid, ready, payload in ((0, 1, 0), (1, 1, 5), (1, 0, 6), (1, 1, 6), (0, 0, 0), (1, 1, 7)):
        watching.step(valid, ready, payload)
    assert watching.seen == [5, 6, 7]
    assert (watching.transfers, watching.offered, watching.cycles) == (3, 4, 6)


def test_valid_may_not_fall_before_the_transfer():
    watching = monitor()
    watching.step(1, 0, 5)
    with pytest.raises(AssertionError, match="s: valid fell in cycle 2 before 0x5 was taken"):
        watching.step(0, 1, 0)


def test_payload_may_not_change_before_the_transfer():
    watching = monitor()
    watching.step(1, 0, 5)
    with pytest.raises(AssertionError, match="payload changed from 0x5 to 0x6"):
        watching.step(1, 1, 6)


@pytest.mark.parametrize("name", GAPS)
def test_gaps_are_endless_and_repeat_with_the_seed(name):
    first, second = (list(islice(GAPS[name](random.Random(3)), 500)) for _ in range(2))
    assert first == second and len(first) == 500 and min(first) >= 0


def test_gaps_are_what_their_names_say():
    taken = {name: list(islice(make(random.Random(3)), 500)) for name, make in GAPS.items()}
    assert set(taken["none"]) == {0}
    assert set(taken["steady"]) == {1}
    assert 0 in taken["bursts"] and max(taken["bursts"]) >= 3
    assert len(set(taken["random"])) > 2
    assert taken["stuck"][0] == 40 and set(taken["stuck"][1:]) == {0}
