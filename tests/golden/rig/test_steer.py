"""Steering: what a point asks for is met, programs reach what those before them did not, and a seed says it all."""

import random

import pytest

from golden.arch.config import CONFIGS
from golden.coverage import Coverage, groups
from golden.rig import Rig, RigJob, shrink
from golden.rig.memory import Layout
from golden.rig.snippets import Writer
from golden.rig.steer import AT_ONCE, favoured, is_met, meet, numbered, wanted
from tests.golden.rig.runs import finish

TINY = CONFIGS["tiny"]
KNOWN = groups(TINY.features)


def exercised(programs: int, steered: bool) -> set[str]:
    """What so many programs, one after the other, retire."""
    coverage = Coverage()
    for seed in range(programs):
        rig = Rig(seed, TINY, 120, 4, wanted=wanted(coverage.points, TINY.features, seed) if steered else ())
        for record in finish(rig.job())[1]:
            coverage.add(record)
    return set(coverage.points)


def test_steered_programs_meet_all_hazards_where_others_leave_a_third():
    plain, steered = exercised(30, False), exercised(30, True)
    assert 3 * len(plain & KNOWN["hazards"]) < 2 * len(KNOWN["hazards"])
    assert steered >= KNOWN["hazards"] | KNOWN["predicates"]


def test_the_program_of_a_seed_and_its_points_is_the_same_and_another_of_other_points():
    numbers = wanted((), TINY.features, 3)
    assert len(numbers) == AT_ONCE and numbers == wanted((), TINY.features, 3) != wanted((), TINY.features, 4)
    one, again, plain = Rig(3, TINY, 60, wanted=numbers), Rig(3, TINY, 60, wanted=numbers), Rig(3, TINY, 60)
    assert one.text() == again.text() != plain.text()
    assert one.options == f"{plain.options} --wanted {','.join(map(str, numbers))}"
    assert wanted(numbered(TINY.features), TINY.features, 3) == ()


def test_a_steered_program_is_cut_down_to_a_snippet_like_any_other():
    numbers = [number for number, point in enumerate(numbered(TINY.features)) if point == "x of CSR read by SLOAD next"]
    rig = Rig(1, TINY, 60, 2, wanted=numbers)

    def fails(job: RigJob) -> bool:  # outside routines, which stay
        course, _, _ = job.text.partition("routine")
        return "csrr x25, " in course and "ld.d x3, x25, 8" in course

    small = shrink(rig, fails)
    snippets = [line.split()[-1] for line in small.text.splitlines() if line.startswith("; ") and line.split()[1].isdigit()]
    assert snippets[-1] == "steered" and len(snippets) < 5 < rig.text().count("\n; ")
    finish(small)


@pytest.mark.parametrize("group", ["hazards", "predicates"])
def test_every_point_has_lines_of_its_own(group):
    writer = Writer(0, TINY, Layout(TINY.sram_bytes), random.Random(1), 100)
    for point in KNOWN[group]:
        if not point.endswith("predicated off"):
            assert is_met(point) and "nop" not in " ".join(meet(writer, point)), point
    assert not is_met("vfma") and favoured(["vfma", "vld.c inner", "threads 0 and 1"]) == {"vfma", "vld.c"}
    with pytest.raises(ValueError, match="threads 0 and 1: a point that no snippet is made for"):
        meet(writer, "threads 0 and 1")


def test_a_point_that_is_none_is_told():
    with pytest.raises(ValueError, match="rig: no point 99999: there are"):
        Rig(1, TINY, 60, wanted=[99999])
