"""The window around an instruction, found in what a first run told; made by hand."""

import pytest

from golden.asm import assemble
from sim.events.around import AROUND, around, around_pc
from sim.events.file import EventsError
from sim.events.recorder import Wish
from tests.sim.events.made import SOURCE, dispatch, made

PROGRAM = assemble(SOURCE)


def told(wish):
    """The run: the second instruction leaves decode twice."""
    assert wish.waves is None and wish.first == 0 and wish.end > 10**15
    made(wish.events, [dispatch(20, 0), dispatch(30, 1), dispatch(50, 1)])


def test_the_first_time_counts(tmp_path):
    asked = Wish(waves=tmp_path / "w.fst", scopes=("core",))
    found = around_pc(asked, PROGRAM, PROGRAM.origin + 4, told)
    assert (found.first, found.last, found.focus) == (0, 30 + AROUND[1], 30)
    assert found.waves == asked.waves and found.events is None and found.scopes == ("core",)


@pytest.mark.parametrize("pc, sentence", [(0x108, "nothing at 0x108 left decode in the 100"), (0x200, "0x200, where no instruction of")])
def test_what_never_comes_is_told(pc, sentence):
    with pytest.raises(EventsError, match=sentence):
        around_pc(Wish(), PROGRAM, pc, told)


def test_a_cycle_far_from_the_beginning():
    assert around(Wish(), 5000) == Wish(first=5000 - AROUND[0], last=5000 + AROUND[1], focus=5000)
