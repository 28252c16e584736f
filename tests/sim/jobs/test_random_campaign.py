"""Many random programs: what is counted, told and demanded, on a machine that is played by the simulator."""

import pytest

from golden.arch.config import get_config
from golden.arch.memmap import Fault
from golden.coverage import groups
from golden.lockstep import Difference, Result
from golden.rig import FAULTS
from golden.rig.steer import numbered
from sim.jobs import machine, random_campaign
from sim.jobs.random_campaign import FAULT_EVERY, LEAST, MOST_FAILURES, REQUIRED, Wish, campaign, formats, program, report, told

TINY = get_config("tiny")


class Played:
    """Stands for engines: how many were made and closed."""

    made = closed = 0

    def __call__(self, name, trace):
        Played.made += 1
        return self

    def close(self):
        Played.closed += 1


@pytest.fixture
def played(monkeypatch):
    """played(result of a seed): what comparisons give, Difference for an exception."""
    Played.made = Played.closed = 0
    monkeypatch.setattr(machine, "engine", Played())
    monkeypatch.setattr(random_campaign, "cut_down", lambda rig, found: found)

    def play(outcome):
        def compared(job, config, engine):
            given = outcome(job.seed)
            if isinstance(given, Exception):
                raise given
            return given

        monkeypatch.setattr(random_campaign, "compared", compared)

    return play


def everything(seed: int) -> Result:
    result = Result(retired=LEAST, cycles=700)
    result.coverage.points.update(point for name in REQUIRED for point in groups(TINY.features)[name])
    return result


def test_a_fault_of_every_cause_ends_a_thread_in_turn():
    rigs = [program(seed, TINY, 20) for seed in range(FAULT_EVERY * len(FAULTS))]
    assert [rig.job().faulting[1] for rig in rigs[FAULT_EVERY - 1 :: FAULT_EVERY]] == list(FAULTS)
    assert all(rig.threads == 4 for rig in rigs) and not rigs[0].job().faulting


def test_all_that_is_demanded_passes_and_one_point_less_does_not(played, monkeypatch):
    heard = []
    monkeypatch.setattr(random_campaign, "COVERING", 6)
    played(everything)
    made = campaign(Wish(programs=6, meshes=0), lambda *done: heard.append(done))
    assert made.passed and heard[-1] == (6, 6) and made.retired == 6 * LEAST and Played.made == Played.closed == 1
    assert not Wish(programs=5, meshes=0).covers
    assert "no differences between RTL and simulator" in told(made) and report(made)["passed"] is True
    del made.points["vfma"]
    assert not made.passed and any("not: vfma" in line for line in told(made))
    assert formats(made.points, TINY.features)["CFLOAT8_1_5_2"] == []


def test_programs_that_are_too_short_are_run_and_not_counted(played):
    played(lambda seed: Result(retired=LEAST - seed % 2))
    made = campaign(Wish(programs=5, meshes=0))
    assert (made.counted, made.short, made.passed) == (5, 4, True)
    assert any("4 programs more were shorter" in line for line in told(made))
    played(lambda seed: Result(retired=1))
    assert not campaign(Wish(programs=5, meshes=0)).passed


def test_after_a_fault_or_a_difference_the_next_program_has_a_fresh_machine(played):
    def outcome(seed):
        if seed == 2:
            return Difference("RTL and simulator differ on thread 1\n  ISS: t1 #5     000400  add x1, x2, x3")
        result = everything(seed)
        result.coverage.fault(Fault.TRAP)
        result.faults = ["thread 1 stopped with TRAP"] * (seed == 4)
        return result

    heard = []
    played(outcome)
    made = campaign(Wish(programs=7, meshes=0, steer=False), say=heard.append)
    assert Played.made == Played.closed == 3 and not made.passed and made.faults == 1
    line = ".venv/bin/python -m sim shrink --seed 2 --length 120 --config tiny --threads 4"
    assert heard == made.failures and heard[0].endswith(f"this again: {line}")
    assert "1 difference of 1 kinds between RTL and simulator" in told(made)


def test_of_many_that_differ_the_first_of_each_kind_is_cut_down_and_the_rest_is_not_run(played, monkeypatch):
    cut = []
    monkeypatch.setattr(random_campaign, "cut_down", lambda rig, found: cut.append(rig.seed) or found)
    played(lambda seed: Difference(f"SRAM differs in {seed} bytes" if seed % 3 else "RTL comes to no end: it waits"))
    made = campaign(Wish(programs=1000, meshes=0, seed=1))
    assert cut == [1, 3] and len(made.failures) == MOST_FAILURES and made.counted == MOST_FAILURES
    assert "as before" in made.failures[-1] and "--seed 10 " in made.failures[-1]


@pytest.mark.system
def test_real_programs_pass_and_cover_most_of_the_machine():
    made = campaign(Wish(programs=8, meshes=0))
    assert made.passed, told(made)
    assert made.faults == 2 and made.retired > 8 * LEAST and len(made.points) > 500


@pytest.mark.parametrize("steer", [True, False])
def test_programs_are_steered_to_what_those_before_did_not_exercise(played, monkeypatch, steer):
    asked = []
    monkeypatch.setattr(random_campaign, "program", lambda *which: asked.append(which[3:]) or program(*which[:3]))
    played(everything)
    campaign(Wish(programs=3, meshes=0, steer=steer))
    first, *rest = (numbers for (numbers,) in asked[1:])  # the wish makes one
    assert bool(first) == steer
    left = {numbered(TINY.features)[number] for numbers in rest for number in numbers}
    assert left <= groups(TINY.features)["hazards"] | groups(TINY.features)["predicates"] and bool(left) == steer
