"""The pipeline as text: every letter under its cycle."""

from sim.events.instructions import STAGES, STALLS, follow
from sim.views.pipeline import drawing, legend
from tests.sim.events.made import course, made

LEFT = 44


def drawn(tmp_path, first, last, thread=None):
    return [line.rstrip() for line in drawing(follow(made(tmp_path / "a.events", course()), first, last), thread)]


def test_a_column_is_a_cycle(tmp_path):
    ruler, ticks, stand, load, product, nop, halt = drawn(tmp_path, 10, 40)
    assert ruler[LEFT:] == "10        20        30" and ticks[LEFT:] == "|.........|.........|........."
    assert stand == "t0 dispatch".ljust(LEFT) + "----" + 18 * "w"
    assert load[:LEFT].rstrip() == "t0 000100 ld.d x2, x0, 128" and load[LEFT:] == "   DtIXMMMM"
    assert product[LEFT:] == "   DQQoooootIXMMMMMM" and nop[LEFT:] == "   D" and halt[LEFT:] == "    " + 18 * "W"


def test_a_window_cuts_lines(tmp_path):
    *_, load, product, halt = drawn(tmp_path, 18, 25)
    assert (load[LEFT:], product[LEFT:], halt[LEFT:]) == ("MMM", "ooot" + "IXM", 7 * "W")


def test_one_thread_alone(tmp_path):
    assert len(drawn(tmp_path, 10, 40, thread=1)) == 2


def test_the_ruler_names_whole_tens(tmp_path):
    ruler, ticks, *_ = drawn(tmp_path, 17, 42)
    assert ruler[LEFT:] == "   20        30        40" and ticks[LEFT:] == "...|.........|.........|."


def test_every_letter_that_occurs_is_explained(tmp_path):
    text = list(legend(follow(made(tmp_path / "a.events", course()), 10, 40)))
    assert text[0].count(",") >= 5 and all(f"{letter} {what}" in text[0] for letter, what in STAGES.items() if letter != "S")
    assert [line.split(": ")[1].split()[0] for line in text[1:]] == ["o", "t", "w", "-"] and STALLS["op"] in text[1]
