"""Failures that are one failure."""

import pytest

from sim.suite.buckets import buckets, signature

DIFFERENCE = """RTL and simulator differ on thread {thread}
    t{thread} #4     000408  addi x1, x1, 3                               x1=0x3
  RTL: t{thread} #5     00040c  {insn:30} x2=0x7
  ISS: t{thread} #5     00040c  {insn:30} x2=0x8"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assert 5 == 3", "assert -17 == 2.5e-3"),
        ("SRAM differs in 3 bytes, first at 0x1f40: 0x00 on the RTL", "SRAM differs in 12 bytes, first at 0x88: 0xff on the RTL"),
        ("test_words: x12 is wrong\nin cycle 5", "test_words: x3 is wrong\nin cycle 900"),
        (DIFFERENCE.format(thread=0, insn="sub x2, x1, x3"), DIFFERENCE.format(thread=3, insn="(p2) sub x9, x9, x9")),
    ],
)
def test_what_differs_from_run_to_run_is_left_out(one, other):
    assert signature(one) == signature(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assert 5 == 3", "assert 5 > 3"),
        ("KeyError: 'a'", "KeyError: 'b'"),
        (DIFFERENCE.format(thread=0, insn="sub x2, x1, x3"), DIFFERENCE.format(thread=0, insn="add x2, x1, x3")),
    ],
)
def test_what_is_another_failure_stays_apart(one, other):
    assert signature(one) != signature(other)


def test_the_instruction_is_named():
    assert signature(DIFFERENCE.format(thread=0, insn="vrecip v2, v1")).endswith(": vrecip")


def test_buckets_show_the_shortest_and_count_all():
    def row(name, kind, seconds):
        return {"name": name, "seed": 1, "passed": not kind, "wall_s": seconds, "signature": kind, "message": f"{kind} {name}",
                "rerun": f"run {name}", "text": "all"}  # fmt: skip

    found = buckets([row("a", "x", 9.0), row("b", "", 1.0), row("c", "y", 2.0), row("d", "x", 3.0)])
    assert [(bucket["signature"], bucket["count"], bucket["message"], bucket["rerun"]) for bucket in found] == [
        ("x", 2, "x d", "run d"),
        ("y", 1, "y c", "run c"),
    ]
    assert found[0]["tests"] == ["a seed 1", "d seed 1"]
