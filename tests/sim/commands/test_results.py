"""What the sim.commands that measure leave behind: the set of one run, under a link that names the newest finished one."""

import json
import os

import pytest

from golden.arch.memmap import Counter
from sim.jobs import bench, profile, unit_cost
from sim.suite import formal, regress

ROW = {"kernel": "gemm", "mismatches": 0}
PHASES = [profile.account(name, dict.fromkeys(Counter, 0) | {Counter.CYCLES: 5, Counter.MATRIX_STEPS: 5}) for name in ("gemm", "all")]
TESTED = {"tests": [], "buckets": [], "coverage": {"functional": None, "line": None, "toggle": None}}
PROVED = {"properties": [], "planted": []}

# A command, the job behind it, what the job gives, and the files of a run.
COMMANDS = {
    "bench": (bench, "bench", [ROW], ["report.html", "report.json"]),
    "cost": (unit_cost, "unit_cost", [{"unit": "SRAM", "rest_us": 1.0, "busy_us": 2.0}], ["report.json"]),
    "profile": (profile, "profile", PHASES, ["causes.png", "report.json"]),
    "regress": (regress, "regress", TESTED, ["report.json"]),
    "formal": (formal, "formal", PROVED, ["report.json"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_is_a_folder_and_the_link_names_the_newest_finished_one(name, say, tmp_path, monkeypatch):
    module, job, result, files = COMMANDS[name]
    monkeypatch.setattr(module, job, lambda *_: result)
    first, second = say(name), say(name)
    assert (first.status, second.status) == (0, 0) and f"build/{name}/report.json" in second.out
    latest, runs = tmp_path / "build" / name, sorted(os.listdir(tmp_path / "build" / "runs"))
    assert len(runs) == 2 and latest.is_symlink() and latest.resolve().name == runs[1]
    assert f"build/{name} names build/runs/{runs[1]}; the run before it is kept in build/runs/{runs[0]}" in second.out
    for run in runs:
        assert sorted(os.listdir(tmp_path / "build" / "runs" / run)) == files
        assert json.loads((tmp_path / "build" / "runs" / run / "report.json").read_text())

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, job, interrupted)
    assert say(name).status == 130
    assert latest.resolve().name == runs[1] and sorted(os.listdir(tmp_path / "build" / "runs")) == runs


@pytest.mark.parametrize("name", [*COMMANDS, "waves", "train"])
def test_results_that_cannot_be_written_are_told_before_the_work(name, say, tmp_path, no_build):
    (tmp_path / "build").write_text("in the way")
    said = say(name)
    latest = "sim" if name == "train" else name
    assert (said.status, said.err) == (2, f"python -m sim {name}: build/{latest}: Not a directory\n")
