"""Every command where nothing can be written, without HOME, in a C locale, on a dumb narrow terminal: it works or says why not."""

import json

import pytest

from sim.commands import COMMANDS
from tests.sim.events.made import course, made
from tests.sim.jobs.test_compare import report

# Each command as a person would call it, with what it cannot do there; "" when it needs to write nothing.
LINES = {
    "train": ("train --engine golden --steps 1 --batch 8", "build/sim: "),
    "run": ("run gemm --m 8 --n 8 --k 8 --config tiny", "/proc/store"),
    "asm": ("asm {file}", ""),
    "disasm": ("disasm {words}", ""),
    "iss": ("iss {file} --trace", ""),
    "rtl": ("rtl {file} --config tiny", "/proc/store"),
    "pipeline": ("pipeline {events}", ""),
    "timeline": ("timeline {events} --output {tmp}/t.json", ""),
    "inspect": ("inspect {events} --at 20", ""),
    "hotspots": ("hotspots {events}", ""),
    "compare": ("compare {profile} {profile}", ""),
    "bench": ("bench --config tiny", "build/bench: "),
    "cost": ("cost --config tiny", "build/cost: "),
    "profile": ("profile --config tiny", "build/profile: "),
    "accuracy": ("accuracy --seeds 2 --steps 1", ""),
    "waves": ("waves --config tiny", "build/waves: "),
    "verilog": ("verilog --config tiny", "/proc/store"),
    "regress": ("regress", "build/regress: "),
    "mutate": ("mutate stream", "build/mutate: "),
    "shrink": ("shrink", "/proc/store"),
    "litmus": ("litmus byte --runs 1", "/proc/store"),
    "random": ("random --programs 1", "build/random: "),
    "times": ("times", ""),
    "timing": ("timing", "build/timing: "),
    "docs": ("docs --check", ""),
    "routes": ("routes --mesh 4x4 --dead 2,2", ""),
    "noc": ("noc --mesh 2x2 --cycles 100 --warm 0", "/proc/store"),
    "formal": ("formal", "build/formal: "),
}


def test_every_command_has_a_line():
    assert set(LINES) == set(COMMANDS)


@pytest.mark.parametrize("name", LINES)
def test_works_or_says_why_not(name, say, tmp_path, monkeypatch):
    line, told = LINES[name]
    (tmp_path / "fine.s").write_text("halt\n")
    (tmp_path / "words").write_bytes(b"\1\0\0\0")
    made(tmp_path / "a.events", course())
    (tmp_path / "p.json").write_text(json.dumps(report()))
    monkeypatch.setenv("OPEN_D1_CACHE", "/proc/store")
    for variable, value in {"LC_ALL": "C", "TERM": "dumb", "COLUMNS": "1"}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.chdir("/proc")
    files = {"file": "fine.s", "words": "words", "events": "a.events", "profile": "p.json", "tmp": ""}
    said = say(line.format(**{name: tmp_path / file for name, file in files.items()}))
    assert "Traceback" not in said.out + said.err
    assert said.err.count("\n") == (1 if told else 0) and told in said.err
    assert said.status == (2 if told else 0)
