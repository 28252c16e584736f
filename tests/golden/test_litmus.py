"""Litmus programs: the table is sound, the simulator keeps every rule, and one that breaks a rule is found."""

import random

import pytest

from golden import litmus
from golden.arch.config import CONFIGS
from golden.iss.node import Simulator
from golden.litmus import NOTHING, RULES, TABLE, disturbed, simulated

TINY = CONFIGS["tiny"]


def outcomes(each, count, seed=0):
    found = set()
    for number in range(count):
        rng = random.Random(f"{each.name}/{seed}/{number}")
        found.add(simulated(disturbed(each, rng), TINY, rng))
    return found


def test_every_rule_has_programs_and_every_name_is_one():
    assert {each.rule for each in TABLE} == set(RULES) and len({each.name for each in TABLE}) == len(TABLE)
    for each in TABLE:
        assert all(len(outcome) == len(each.observed) for outcome in each.allowed), each.name
        forbidden = {tuple(outcome.split(",")) for outcome in each.forbidden.split(" ") if outcome}
        assert bool(each.forbidden) == (each.rule != NOTHING) and not forbidden & each.allowed, each.name


def test_the_simulator_keeps_every_rule(seed):
    for each in TABLE:
        assert outcomes(each, 4, seed) <= each.allowed, each.name


def test_where_nothing_is_promised_several_outcomes_come():
    (each,) = [each for each in TABLE if each.name == "store, store; load, load"]
    assert len(outcomes(each, 40)) > 1


class Late(Simulator):
    """What an instruction stores is in memory only when its thread has executed two more."""

    def __init__(self, node, strict=False):
        super().__init__(node, strict)
        self.kept = {thread.index: [] for thread in node.threads}

    def step(self, thread):
        before = self.node.sram.copy()
        record = super().step(thread)
        if record is None:
            return None
        kept = self.kept[thread.index]
        kept.append([(at, image) for letter, at, image in record.effects if letter == "m"])
        for at, image in kept[-1]:
            self.node.sram[at : at + len(image)] = before[at : at + len(image)]
        for at, image in kept.pop(0) if len(kept) > 2 or not thread.runs else []:
            self.node.write(at, image)
        while kept and not thread.runs:
            for at, image in kept.pop(0):
                self.node.write(at, image)
        return record


BROKEN = ("store, then load", "scatter, then gather", "drain, then vector load", "vector store, raise; wait, load", "store, barrier, load")


@pytest.mark.parametrize("name", BROKEN)
def test_stores_that_come_late_are_found(name, monkeypatch):
    (each,) = [each for each in TABLE if each.name == name]
    monkeypatch.setattr(litmus, "Simulator", Late)
    assert outcomes(each, 30) - each.allowed
