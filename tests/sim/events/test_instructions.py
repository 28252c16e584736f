"""Lives of instructions out of events made by hand, every stage and wait in the cycle where it was."""

import pytest

from golden.arch.trace import CYCLE, Slot
from sim.events.instructions import STALLS, follow
from tests.sim.events.made import course, dispatch, head, made


@pytest.fixture
def lives(tmp_path):
    return follow(made(tmp_path / "a.events", course()), 0, 100).lives


def test_stages_stand_in_the_cycles_in_which_they_happened(lives):
    load, product, nop, halt = lives
    assert load.stages == [("D", 13), ("Q", 14), ("I", 15), ("X", 16), ("M", 17)] and load.done == 20
    assert product.stages == [("D", 13), ("Q", 14), ("I", 22), ("X", 23), ("M", 24)] and product.done == 29
    assert nop.stages == [("D", 13)] and nop.done == 13
    assert halt.stages == [("W", 14)] and halt.done == 31
    assert (load.slot, nop.slot) == (Slot.SCALAR, None) and all(life.whole for life in lives)


def test_the_oldest_of_a_queue_waits_for_what_its_head_says(lives):
    load, product, *_ = lives
    assert load.stalls == [("turn", 14, 15)]
    assert product.stalls == [("op", 16, 21), ("turn", 21, 22)]
    assert product.stall(20) == "op" and product.stall(22) == "" and product.stage(22) == "I"


def test_what_was_read_and_written_is_known(lives):
    load, product, *_ = lives
    assert load.effects == [("x", 2, 6)] and load.sources == [("x0", None)]
    assert product.effects == [("x", 3, 36)] and product.sources == [("x2", 6), ("x2", 6)] and product.producers == [load]


def test_how_a_thread_stood(tmp_path):
    stands = follow(made(tmp_path / "a.events", course()), 0, 100).stands
    assert stands[0] == [("ready", 10, 14), ("waits", 14, 32)] and stands[1] == [("idle", 10, 32)]


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ({"loaded": 0, "made": 0, "read": 0}, "load"),
        ({"loaded": 1, "made": 0, "read": 0}, "simd"),
        ({"loaded": 1, "made": 1, "read": 0}, "store"),
        ({"loaded": 1, "made": 1, "read": 1}, "turn"),
    ],
)
def test_why_a_vector_instruction_waits(tmp_path, which, reason):
    from golden.asm import assemble

    (word,) = assemble("vfadd v1, v2, v3").words
    told = [dispatch(5, 0, word=word), (8, "cycle", {"running": 1, "vector": head(valid=1, **which)}), (12, "issue 2", {"seq": 0})]
    (life,) = follow(made(tmp_path / "a.events", told), 0, 50).lives
    assert life.stalls == [(reason, 7, 8)] and reason in STALLS and life.slot is Slot.SIMD


def test_a_window_shows_what_began_before_it(tmp_path):
    recording = made(tmp_path / "a.events", course())
    assert [life.text.split()[0] for life in follow(recording, 18, 30).lives] == ["ld.d", "mul", "halt"]
    assert [life.text.split()[0] for life in follow(recording, 30, 40).lives] == ["halt"]


def test_a_recording_may_begin_in_the_middle(tmp_path):
    told = [one for one in course() if one[0] > 14]
    lives = follow(made(tmp_path / "a.events", told), 0, 100).lives
    assert [life.text for life in lives] == ["halt"]


def test_a_thread_that_is_started_again_begins_anew(tmp_path):
    later = [(cycle + 30, name, fields) for cycle, name, fields in course()]
    unfinished = [one for one in course() if one[1] not in ("scalar 2", "ended 0")]
    lives = follow(made(tmp_path / "a.events", unfinished + later), 0, 100).lives
    assert [life.whole for life in lives] == [False, False, True, True, True, True, True]
    assert lives[0].done == lives[3].begun and lives[4].effects == [("x", 3, 36)]


def test_every_field_of_a_cycle_is_kept(tmp_path):
    got = follow(made(tmp_path / "a.events", course()), 0, 100)
    assert set(got.cycles[20]) == {field.name for field in CYCLE} and min(got.cycles) == 10
