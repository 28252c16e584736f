"""The annotated listing: the costliest first, then the program."""

from collections import Counter

from sim.events.file import About
from sim.events.hotspots import Spot
from sim.events.instructions import Course
from sim.views.hotspots import MOST, annotated

ABOUT = About("a test", "tiny", [], code={0x100: (0, 7, "nop")}, labels={"start": 0x100, "loop": 0x108})


def lines(found: list[Spot], nobody=()) -> list[str]:
    stands = [[("ready", 0, 30), ("waits", 30, 40)], [("idle", 0, 40)], [], []]
    return list(annotated({spot.pc: spot for spot in found}, Counter(dict(nobody)), ABOUT, Course(0, 40, stands=stands)))


def test_the_costliest_are_named_first():
    first, one, other, *_ = lines([Spot(0x100, "a", 1, Counter(load=10)), Spot(0x108, "b", 2, Counter(step=20, drain=10))])
    assert first == "a test: 40 cycles in which a thread runs"
    assert one == "   75.0 %  000108 b (loop): step 20, drain 10" and other == "   25.0 %  000100 a (start): load 10"


def test_the_listing_is_in_the_order_of_the_program_with_labels_and_lines():
    listing = lines([Spot(0x100, "a", 1, Counter(load=10)), Spot(0x104, "c", 3), Spot(0x108, "b", 2, Counter(step=20))])[7:]
    assert [line.split()[-1] for line in listing] == ["start:", "7", "c", "loop:", "b"]
    assert listing[1].split() == ["10", "1", "10", "000100", "a", ";", "line", "7"] and listing[2].split() == ["3", "000104", "c"]


def test_cycles_are_added_up_by_label_and_by_thread():
    spots = [Spot(0x100, "a", 1, Counter(load=10)), Spot(0x104, "c", 3, Counter(load=2, step=1)), Spot(0x108, "b", 2)]
    assert lines(spots)[3:5] == [
        "start: 13 cycles: load 12, step 1",
        "thread 0 runs for 40 cycles: 30 it may dispatch, and another thread does or nothing has come, 10 a control instruction holds it",
    ]


def test_no_more_than_a_few_are_named():
    spots = [Spot(4 * i, f"i{i}", 1, Counter(step=i + 1)) for i in range(20)]
    assert sum("%" in line for line in lines(spots)) == MOST


def test_cycles_of_others_are_told():
    assert "of instructions outside the window: load 3" in lines([], {"load": 3})[1]
