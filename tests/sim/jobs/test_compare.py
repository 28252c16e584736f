"""Two profiles side by side."""

import json

import pytest

from sim.events.causes import CAUSES
from sim.jobs.compare import CompareError, compare, differences, only, read_profile


def row(name: str, **causes: int) -> dict:
    every = dict.fromkeys(CAUSES, 0) | causes
    return {"name": name, "cycles": sum(every.values()), "causes": every}


def report(*kernels: dict, **more) -> dict:
    about = {"workload": "w", "config": "d1", "batch": 8, "seed": 0} | more
    return {**about, "phases": list(kernels), "kernels": [row("all", step=5)], "step": row("step in one", step=100, load=20)}


def test_what_changed_is_told_by_cause_largest_first():
    one, *_ = compare(report(row("gemm", step=50, load=40, drain=10)), report(row("gemm", step=50, load=10, drain=15)))
    assert (one.name, one.before, one.after, one.ratio) == ("gemm", 100, 75, 0.75)
    assert one.why == "load -30, drain +5" and sum(one.causes.values()) == one.after - one.before


def test_what_is_the_same_is_told():
    assert [change.why for change in compare(report(), report())] == ["nothing changed", "nothing changed"]


def test_rows_of_one_alone_are_named():
    assert only(report(row("old", step=3)), report(row("new", step=4))) == [
        "old (3 cycles) is gone",
        "new (4 cycles) is there only after",
    ]


def test_other_runs_are_told():
    assert differences(report(batch=8), report(batch=16, seed=1)) == ["batch: 8 before, 16 after", "seed: 0 before, 1 after"]


def test_a_kernel_that_did_nothing_has_no_ratio():
    assert compare(report(row("gemm")), report(row("gemm", step=1)))[0].ratio is None


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{}", '{"phases": [{"name": "a", "cycles": 3, "causes": {}}], "kernels": [], "step": {}}']
)
def test_a_file_that_is_no_profile_is_told(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(CompareError, match="a.json is no report of python -m sim profile"):
        read_profile(tmp_path / "a.json")


def test_a_report_is_read_back(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(report(row("gemm", step=1))))
    assert read_profile(tmp_path / "a.json") == report(row("gemm", step=1))
