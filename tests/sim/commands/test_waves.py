"""The windows of `sim waves`: around a difference that a first run finds, and around an instruction; what trains is played."""

import re

import pytest

from sim.jobs import machine, train
from sim.jobs.train_nodes import Mismatch
from tests.sim.events.made import dispatch, made
from tests.sim.views.test_waves import TREE, changing


@pytest.fixture
def ran(monkeypatch):
    """The options of each training; each differs in the cycles 30 to 60, and waves have the cycles 4 to 6."""
    seen = []

    def played(options, tell):
        seen.append(options)
        if options.record:
            made(options.record, [dispatch(5, 0), dispatch(9, 0)])
        if options.waves:
            options.waves.write_text(changing(TREE))
        raise Mismatch("W1[0, 0] differs", (30, 60))

    monkeypatch.setattr(train, "train", played)
    monkeypatch.setattr(machine, "check_tools", lambda: None)
    monkeypatch.setattr("sim.compile.verilator.wave_format", lambda: "vcd")
    return seen


def test_the_step_that_differs_is_found_by_a_first_run(ran, say):
    said = say("waves --workload digits-linear --batch 8 --config tiny --cycles difference")
    assert said.status == 1 and "the difference came in cycles 30 to 59: once more" in said.out and "W1[0, 0] differs" in said.out
    assert [(asked.waves is None, asked.window) for asked in ran] == [(True, (None, None)), (False, (30, 60))]
    assert re.search(r"a picture of cycles 4 to 6: build/waves/digits-linear\.png; open them with:\n  gtkwave \S+ \S+\n  surfer ", said.out)


def test_no_difference_is_told(monkeypatch, ran, say):
    monkeypatch.setattr(train, "train", lambda options, tell: train.Outcome({}, [0.5]))
    said = say("waves --workload digits-linear --batch 8 --config tiny --cycles difference")
    assert said.status == 0 and "there is no difference, so no waves were written" in said.out


def test_the_first_dispatch_of_an_instruction_is_found_by_a_first_run(ran, say):
    said = say("waves --workload digits-linear --batch 8 --config tiny --pc 0x100 --scope core")
    assert said.status == 1 and "0x100 is dispatched in cycle 5: once more" in said.out
    first, second = ran
    assert first.record and not first.waves and second.waves and not second.record
    assert second.window == (0, 405) and second.scopes == ("core",)


