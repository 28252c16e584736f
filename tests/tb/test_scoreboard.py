"""Scoreboards fail when they should."""

import pytest

from tb.scoreboard import InOrder, PerSource


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_in_order_accepts_the_expected_order():
    board = InOrder("board", Clock())
    for item in (1, 2, 3):
        board.expect(item)
    for item in (1, 2, 3):
        board.got(item)
    board.finish()
    assert (board.compared, board.pending) == (3, 0)


def test_in_order_reports_what_when_and_how_old():
    clock = Clock()
    board = InOrder("board", clock)
    board.expect(1)
    clock.time = 7.5
    with pytest.raises(AssertionError, match=r"board: comparison 1 from 'all': expected 1 \(for 7.5 ns\), got 2"):
        board.got(2)


def test_what_nobody_expected_is_an_error():
    with pytest.raises(AssertionError, match="got 2 from 'all', expected nothing"):
        InOrder("board", Clock()).got(2)


def test_finish_fails_on_leftovers_naming_the_oldest():
    clock = Clock()
    board = PerSource("board", clock)
    board.expect("early", "west")
    clock.time = 3
    board.expect("late", "east")
    clock.time = 5
    with pytest.raises(AssertionError, match=r"2 expected and never came, oldest 'early' from 'west' \(for 5 ns\)"):
        board.finish()


@pytest.mark.parametrize("kind", [InOrder, PerSource])
def test_finish_fails_on_a_board_that_compared_nothing(kind):
    with pytest.raises(AssertionError, match="nothing was compared"):
        kind("board", Clock()).finish()


def test_per_source_lets_sources_interleave_but_not_one_source():
    board = PerSource("board", Clock())
    for item in (1, 2):
        board.expect(item, "west")
        board.expect(item, "east")
    board.got(1, "east")
    board.got(2, "east")
    with pytest.raises(AssertionError, match="from 'west': expected 1"):
        board.got(2, "west")
