"""The command behind planted faults, on the smallest unit; every unit that it names is a test."""

import json

import pytest

from sim.compile.cache import ROOT
from sim.suite import mutate
from sim.suite.mutants import ROWS


def test_every_unit_is_a_test():
    for name in mutate.UNITS.values():
        file, _, function = name.partition("::")
        assert f"def {function.partition('[')[0]}(bench" in (ROOT / file).read_text()


@pytest.mark.rtl
def test_faults_of_a_buffer_are_seen(tmp_path, monkeypatch):
    monkeypatch.setitem(mutate.UNITS, "buffer", "tests/rtl/common/test_stream.py::test_buffer_keeps_the_stream_rules[buffer]")
    report = mutate.mutate(tmp_path, "buffer", 6, 3)
    assert (report["planted"], len(report["faults"])) == (6, 6) and report["killed"] >= 5
    assert report["rate"] == round(100 * report["killed"] / 6, 2)
    killers = {row["killed_by"] for row in report["faults"]} - {""}
    assert all(killer.startswith("keeps_order_under/") for killer in killers)


@pytest.mark.rtl
def test_single_faults_are_those_of_the_whole_run(tmp_path, monkeypatch):
    monkeypatch.setitem(mutate.UNITS, "buffer", "tests/rtl/common/test_stream.py::test_buffer_keeps_the_stream_rules[buffer]")
    found = []
    for name, only in (("one", (2, 5)), ("whole", ())):
        (folder := tmp_path / name).mkdir()
        found.append({fault["number"]: fault["place"] for fault in mutate.mutate(folder, "buffer", 6, 3, only=only)["faults"]})
    assert found[0] == {number: found[1][number] for number in (2, 5)}
    with pytest.raises(ValueError, match="there is no fault 7 among 6"):
        mutate.mutate(tmp_path, "buffer", 6, 3, only=[7])
    with pytest.raises(ValueError, match="single ones can be tried in a unit"):
        mutate.mutate(tmp_path, "golden.asm", 6, 3, only=[1])


def test_tests_that_count_no_fault_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(mutate.UNITS, "none", "tests/sim/suite/test_mutate.py::test_every_unit_is_a_test")
    with pytest.raises(mutate.MutateError, match="the tests of none did not go through all faults, pytest ended with 0"):
        mutate.mutate(tmp_path, "none", 6, 3)


def test_ctrl_c_leaves_what_was_tried(tmp_path, monkeypatch):
    tried = [{"killed_by": "a"}, {"killed_by": ""}, {"killed_by": "b"}]

    def stopped(*_):
        (tmp_path / ROWS).write_text("".join(json.dumps({"test": "a", **row}) + "\n" for row in tried) + '{"killed')
        raise KeyboardInterrupt

    monkeypatch.setattr(mutate, "command", lambda *_: ["sleep", "60"])
    monkeypatch.setattr(mutate.time, "sleep", stopped)
    report = mutate.mutate(tmp_path, "router", 100, 0)
    assert report["interrupted"] and (report["planted"], report["killed"], report["rate"]) == (3, 2, 66.67)
    tried.clear()
    with pytest.raises(KeyboardInterrupt, match="before the first fault"):
        mutate.mutate(tmp_path, "router", 100, 0)
