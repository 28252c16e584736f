"""What people write for a window, and sentences for what is none."""

import argparse

import pytest

from sim.events.window import DIFFERENCE, cycles, cycles_or_difference


@pytest.mark.parametrize(("text", "window"), [("3:9", (3, 9)), ("0x10:", (16, None)), (":7", (None, 7)), (":", (None, None))])
def test_either_end_may_be_left_out(text, window):
    assert cycles(text) == cycles_or_difference(text) == window


@pytest.mark.parametrize("text", ["9", "a:b", "", "3:2.5"])
def test_what_is_no_window_is_told(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"{text!r} is no window of cycles: A:B"):
        cycles_or_difference(text)


@pytest.mark.parametrize("text", ["9:3", "4:4", "-2:3"])
def test_a_window_holds_a_cycle(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"{text!r} holds no cycle"):
        cycles(text)


def test_the_difference_is_a_word():
    assert cycles_or_difference("difference") == DIFFERENCE
