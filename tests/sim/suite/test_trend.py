"""Figures of the machine in the trend: those of the newest results, if no source has changed since."""

import json
import os

import pytest

from sim.suite.trend import FIGURES, machine

ROW = {"kernel": "gemm", "shape": "128x128x128", "format": "bf16", "transpose": "nn", "cycles": 8240}
REPORTS = {
    "bench": {"rows": [{**ROW, "transpose": "nt", "cycles": 1}, ROW]},
    "sim": {"cycles": 17310, "steps": 10, "sim_khz": 87.26},
    "timing": {"units": [{"worst_ps": 450.0, "area_um2": 10.0, "count": 3}, {"worst_ps": 700.0, "area_um2": 2.5, "count": 1}]},
}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "rtl").mkdir()
    (tmp_path / "rtl" / "node.py").write_text("")
    for name, report in REPORTS.items():
        (tmp_path / "build" / name).mkdir(parents=True)
        (tmp_path / "build" / name / "report.json").write_text(json.dumps(report))
    return tmp_path


def test_each_figure_is_that_of_its_report(tree):
    found = machine(tree)
    assert list(found) == list(FIGURES) and list(found.values()) == [8240, 1731.0, 87.3, 700.0, 32.5]


def test_a_result_of_other_sources_or_of_none_says_nothing(tree):
    os.utime(tree / "build" / "bench" / "report.json", (0, 0))
    (tree / "build" / "sim" / "report.json").write_text('{"cycles": 0, "steps": 0, "sim_khz": null}')
    (tree / "build" / "timing" / "report.json").write_text('{"units": [')
    assert set(machine(tree).values()) == {None}
