"""A random program that fails becomes a few instructions: a wrong simulator is planted, and the run of the right one is the other side."""

import pytest

from golden.arch.memmap import Status
from golden.iss import node as iss
from golden.lockstep import Difference, Run, compare
from golden.rig import Rig, instructions, reduce, shrink
from golden.rig.reduce import fewest
from tests.golden.rig.runs import LIMIT, TINY, failing, load


@pytest.fixture
def wrong(monkeypatch):
    """wrong("add", "sub"): fails(job) for a simulator whose ``add`` subtracts."""
    right, decode = dict(iss.SEMANTICS), iss._decode.__wrapped__

    def plant(name, other):
        def fails(job) -> bool:
            run = recorded(job)
            with monkeypatch.context() as patch:
                patch.setattr(iss, "_decode", decode)  # what it keeps of other runs is right
                patch.setitem(iss.SEMANTICS, name, right[other])
                try:
                    compare(TINY, job.inputs, job.launches, run)
                except Difference as found:
                    fails.text = str(found)
                    return f" {name} " in fails.text.splitlines()[-1]
            return False

        return fails

    return plant


def recorded(job) -> Run:
    """What an RTL that is right leaves."""
    simulator = load(job)
    records = {t: [] for t in range(4)}
    for record in simulator.run(LIMIT):
        records[record.thread].append(record)
    threads = [simulator.node.threads[launch.thread] for launch in job.launches]
    statuses = {t.index: Status(t.state, t.cause, t.pc, t.operand, t.retired, t.seq) for t in threads}
    return Run(records, statuses, simulator.node.sram.tobytes())


@pytest.mark.parametrize(("name", "other", "most"), [("add", "sub", 8), ("mul", "add", 8)])
def test_a_wrong_instruction_and_what_it_reads_is_all_that_is_left(name, other, most, wrong):
    fails = wrong(name, other)
    job = shrink(failing(fails, 40, threads=2), fails)
    small = reduce(job, TINY, fails)
    left = instructions(small.program)
    # One in a routine needs the routine's address, a call and a return.
    most += 3 * (left["jr"] > 0)
    assert fails(small) and left[name] == 1 and sum(left.values()) <= most < sum(instructions(job.program).values())
    assert len(small.launches) == 1 and ";" not in small.text
    assert f" {name} " in fails.text


def test_nothing_can_be_left_out_of_the_fewest():
    asked = []

    def fails(items):
        asked.append(items)
        return {3, 17} <= set(items)

    assert fewest(range(40), fails) == [3, 17] and len(asked) < 40


def test_what_breaks_a_rule_or_waits_for_ever_is_no_smaller_program(wrong):
    """The predicate is asked about legal programs only: every register is written before it is read, every wait has its raise."""
    job = Rig(2, TINY, 20, threads=2).job()
    seen = []

    def fails(candidate):
        seen.append(candidate)
        list(load(candidate).run(LIMIT))  # strict: raises where a rule is broken
        return "vld" in candidate.text

    small = reduce(job, TINY, fails)
    assert seen and "vld" in small.text and sum(instructions(small.program).values()) < 8
