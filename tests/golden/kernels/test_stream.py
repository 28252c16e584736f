"""Text of streams, and loops of any count."""

import pytest

from golden.asm import assemble
from golden.kernels.stream import Stage, loop, repeated, streamed, woven

STAGES = (Stage(0, lambda i: [f"vld.c v{i}, d0, inner"]), Stage(2, lambda i: [f"vst.c v{i}, d1, inner"]))


def run(lines: list[str]) -> list[str]:
    """What is executed, without the loop."""
    done, inside, times = [], None, 0
    for line in (line.strip() for line in lines):
        if line.startswith("loopi"):
            inside, times = [], int(line.split(", ")[1])
        elif line.endswith(":"):
            done, inside = done + inside * times, None
        else:
            (done if inside is None else inside).append(line)
    return done


@pytest.mark.parametrize("times", range(1, 20))
def test_every_element_goes_through_every_stage_in_its_set(times):
    lines = run(streamed("l", times, 3, STAGES))
    assert [line for line in lines if "vld" in line] == [f"vld.c v{i % 3}, d0, inner" for i in range(times)]
    assert [line for line in lines if "vst" in line] == [f"vst.c v{i % 3}, d1, inner" for i in range(times)]
    for register in range(3):
        mine = [line[:3] for line in lines if f" v{register}," in line]
        assert mine == ["vld", "vst"] * (len(mine) // 2)


def test_many_elements_are_a_loop_and_few_are_not():
    assert sum("loopi" in line for line in streamed("l", 8, 3, STAGES)) == 1 and len(streamed("l", 80, 3, STAGES)) < 20
    assert not any("loopi" in line for line in streamed("l", 7, 3, STAGES))


def test_a_count_beyond_the_immediate_goes_through_a_register():
    assert loop("e", 1023) == ["        loopi e, 1023"]
    assert loop("e", 1024) == ["        li x30, 1024", "        loop e, x30"]
    assert len(assemble("\n".join([*loop("e", 16383), "nop", "e: halt"])).words) == 4


def test_once_is_no_loop():
    assert repeated("l", 1, ["nop"]) == ["nop"] and repeated("l", 3, ["nop"]) == ["        loopi l_end, 3", "nop", "l_end:"]


def test_a_store_stands_behind_a_load():
    assert woven(["vst.c v1", "vld.c v2", "vld.c v3", "vfadd v4"]) == ["vld.c v2", "vst.c v1", "vld.c v3", "vfadd v4"]
