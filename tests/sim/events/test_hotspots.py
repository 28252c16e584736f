"""Every cycle in which a thread runs is charged to one instruction, and to the right one."""

import pytest

from golden.arch.memmap import Counter
from golden.asm import assemble
from sim.events.causes import CAUSES, cause
from sim.events.hotspots import spots
from sim.events.instructions import follow
from tests.sim.events.made import dispatch, head, made


def wait(name: str) -> int:
    return 1 << CAUSES[name] - Counter.MATRIX_WAIT_LOAD


ADD, STEP = assemble("vfadd v1, v2, v3\nstep.bf16 c0, v1, v2").words


def told(cycle: int, why: str, **more) -> tuple:
    waits = {"matrix_step": 1} if why == "step" else {"matrix_wait": wait(why)}
    return cycle, "cycle", {"running": 1, "able": 1, "present": 1, **waits, **more}


@pytest.fixture
def course(tmp_path):
    """An addition, a step that waits for its result, and a fence that waits for both; told in the cycle after."""
    (fence,) = assemble("fence").words
    queued = {"loaded": 1, "read": 1}
    events = [
        told(2, "front end"),
        told(3, "front end"),
        dispatch(3, 0, 0, word=ADD),
        dispatch(3, 1, 1, word=STEP),
        told(4, "load", vector=head(valid=1)),
        told(5, "simd", vector=head(valid=1, made=1, **queued)),
        (5, "issue 2", {"seq": 0}),
        told(6, "simd", vector=head(valid=1, **queued)),
        told(7, "drain", vector=head(valid=1, loaded=1, made=1)),
        told(8, "step", vector=head(valid=1, made=1, **queued)),
        (8, "issue 3", {"seq": 1}),
        *[told(cycle, "synchronisation", waiting=1) for cycle in (9, 10, 11)],
        (12, "ended 0", {"thread": 0, "seq": 2, "pc": 0x42, "word": fence, "executed": 1}),
    ]
    return follow(made(tmp_path / "a.events", sorted(events, key=lambda event: event[0])), 0, 50)


def test_each_cycle_is_one_instructions(course):
    found, nobody = spots(course)
    assert {spot.text.split()[0]: dict(spot.cycles) for spot in found.values()} == {
        "vfadd": {"front end": 2, "load": 1, "simd": 1},
        "step.bf16": {"simd": 1, "drain": 1, "step": 1},
        "fence": {"synchronisation": 3},
    }
    assert not nobody


def test_nothing_is_lost(course):
    found, nobody = spots(course)
    assert sum(spot.total for spot in found.values()) + nobody.total() == len(course.cycles)
    for name in CAUSES:
        assert sum(spot.cycles[name] for spot in found.values()) == sum(cause(told) == name for told in course.cycles.values())


def test_instructions_are_counted(course):
    assert [spot.count for spot in spots(course)[0].values()] == [1, 1, 1]


def test_what_nobody_in_the_window_did_is_told(tmp_path):
    events = [told(5, "step"), told(6, "load")]
    found, nobody = spots(follow(made(tmp_path / "a.events", events), 0, 50))
    assert not found and nobody == {"step": 1, "load": 1}


def test_of_several_that_wait_the_lowest_thread_is_charged(tmp_path):
    heads = [{}, {"valid": 1}, {"valid": 1}, {}]
    events = [
        (3, "dispatch 0", {"thread": 2, "seq": 0, "pc": 0x40, "word": STEP, "executed": 1}),
        (4, "dispatch 0", {"thread": 1, "seq": 0, "pc": 0x41, "word": STEP, "executed": 1}),
        told(6, "load", running=6, vector=heads),
    ]
    found, _ = spots(follow(made(tmp_path / "a.events", events), 0, 50))
    assert {spot.pc: spot.cycles["load"] for spot in found.values()} == {0x100: 0, 0x104: 1}
