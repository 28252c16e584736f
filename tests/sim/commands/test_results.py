"""What the sim.commands that measure leave behind: the set of one run, under a link that names the newest finished one."""

import json
import os

import pytest

from golden.arch.memmap import Counter
from sim.events.recorder import MOST_EVENTS, Wish
from sim.jobs import bench, profile, train, unit_cost
from sim.jobs.train_nodes import Mismatch
from sim.suite import formal, regress, timing
from tests.sim.events.made import made
from tests.sim.views.test_waves import TREE, vcd

ROW = {"kernel": "gemm", "mismatches": 0}
PHASES = [profile.account(name, dict.fromkeys(Counter, 0) | {Counter.CYCLES: 5, Counter.MATRIX_STEPS: 5}) for name in ("gemm", "all")]
TESTED = {
    "tests": [], "buckets": [], "left_out": [], "history": [], "interrupted": False, "seeds": 1, "first_seed": 0, "jobs": 2, "wall_s": 1.0,
    "when": "2000-01-02 03:04:05", "coverage": {"functional": None, "line": None, "toggle": None, "missing": [], "designs": []},
}  # fmt: skip
TIMED = {"units": [], "not_run": [], "uncovered": [], "storage": []}
PROVED = {"properties": [], "planted": []}

# A command, the job behind it, what the job gives, and the files of a run.
COMMANDS = {
    "bench": (bench, "bench", [ROW], ["report.html", "report.json"]),
    "cost": (unit_cost, "unit_cost", [{"unit": "SRAM", "rest_us": 1.0, "busy_us": 2.0}], ["report.json"]),
    "profile": (
        profile, "profile", PHASES, ["as_it_runs.png", "causes.png", "profile.html", "report.json", "roofline.png", "step.events"]
    ),  # fmt: skip
    "regress": (regress, "regress", TESTED, ["junit.xml", "report.html", "report.json"]),
    "formal": (formal, "formal", PROVED, ["report.json"]),
    "timing": (timing, "timing", TIMED, ["report.json"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_is_a_folder_and_the_link_names_the_newest_finished_one(name, say, tmp_path, monkeypatch):
    module, job, result, files = COMMANDS[name]
    def played(*given):
        for wish in given:
            if isinstance(wish, Wish):
                made(wish.events, [], (0, MOST_EVENTS))
        return result

    monkeypatch.setattr(module, job, played)
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


@pytest.mark.parametrize(("interrupted", "status"), [(True, 130), (False, 1)])
def test_waves_are_kept_of_a_run_that_ended_early(interrupted, status, say, tmp_path, monkeypatch):
    def ended(options, _tell):
        options.waves.write_text(vcd(TREE))
        if not interrupted:
            raise Mismatch("W1[0, 0] is 1 on the RTL, 2 in golden")
        return train.Outcome({}, [0.5], interrupted=True)

    monkeypatch.setattr(train, "train", ended)
    said = say("waves")
    assert said.status == status and ("interrupted after step 1" if interrupted else "W1[0, 0] is 1 on the RTL") in said.out
    (waves,) = [path for path in (tmp_path / "build" / "waves").iterdir() if path.suffix in (".fst", ".vcd")]
    assert waves.read_text() == vcd(TREE) and f"  gtkwave build/waves/{waves.name} build/waves/{waves.stem}.gtkw\n" in said.out
