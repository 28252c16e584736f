"""Unrolled text and loops of any count."""

from golden.asm import assemble
from golden.kernels.stream import loop, repeated, unrolled


def body(n: int) -> list[str]:
    return ["nop"] * n


def test_whole_passes_and_a_rest():
    assert unrolled("l", 11, 4, body) == ["        loopi l_end, 2", *["        nop"] * 4, "l_end:", *["        nop"] * 3]


def test_one_pass_needs_no_loop():
    assert unrolled("l", 5, 4, body) == ["        nop"] * 5 and unrolled("l", 3, 4, body) == ["        nop"] * 3


def test_a_count_beyond_the_immediate_goes_through_a_register():
    assert loop("e", 1023) == ["        loopi e, 1023"]
    assert loop("e", 1024) == ["        li x30, 1024", "        loop e, x30"]
    assert len(assemble("\n".join([*loop("e", 16383), "nop", "e: halt"])).words) == 4


def test_once_is_no_loop():
    assert repeated("l", 1, ["nop"]) == ["nop"] and repeated("l", 3, ["nop"]) == ["        loopi l_end, 3", "nop", "l_end:"]
