"""What is told of a cycle."""

import pytest

from sim.events.instructions import follow
from sim.views.state import state
from tests.sim.events.made import SOURCE, course, made


@pytest.fixture
def at(tmp_path):
    recording = made(tmp_path / "a.events", course(), source=SOURCE)
    return lambda cycle: list(state(follow(recording, 0, cycle + 1), recording.about, cycle))


def test_instructions_under_way_with_what_they_wait_for(at):
    title, _, thread, *under, written, one, two, three = at(25)
    assert title == "a test: cycle 25, 25 cycles after the first that was recorded"
    assert thread == "thread 0: a control instruction holds it; last out of decode: 0x10c halt (#3, start)"
    assert under == [
        "    0x104 mul x3, x2, x2 (#1, start): its data, or its product, is on the way, since cycle 24",
        "    0x10c halt (#3, start): holds its thread until what it waits for has come, since cycle 14",
    ]
    assert written == "    written so far: x2=0x6" and (one, two, three) == tuple(f"thread {t}: the thread does not run" for t in (1, 2, 3))


def test_a_wait_is_told_while_it_lasts(at):
    assert any("in its queue, since cycle 14; a scalar register it needs is under way" in line for line in at(18))
    assert any("in its queue, since cycle 14; another thread has the slot" in line for line in at(21))


def test_values_come_with_the_end_of_their_instruction(at):
    assert not any("written" in line for line in at(19))
    assert any(line.endswith("x2=0x6  x3=0x24") for line in at(31))


def test_a_cycle_in_which_nothing_happens(at):
    assert at(60)[1] == "nothing runs or moves in this cycle"
