"""The setup step: its sentence about what is missing, and the mark that tells a finished environment from a broken one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim import setup

VERSION = (3, 11)


def having(*names):
    return lambda name: name in names


ALL_TOOLS = having("g++")
ALL_MODULES = having("venv", "ensurepip")


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_nothing_is_missing_on_a_complete_machine(minor):
    assert setup.missing((3, minor), ALL_TOOLS, ALL_MODULES) is None


@pytest.mark.parametrize(
    ("tools", "modules", "packages"),
    [
        (having(), ALL_MODULES, "g++"),
        (ALL_TOOLS, having("venv"), "python3-venv"),  # Debian without python3-venv: venv is there, ensurepip is not
        (having(), having(), "g++ python3-venv"),
    ],
)
def test_one_sentence_names_the_debian_packages(tools, modules, packages):
    sentence = setup.missing(VERSION, tools, modules)
    assert f"`sudo apt install {packages}`" in sentence
    assert sentence.count("\n") == 0 and sentence.endswith(".")


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_is_refused(version):
    assert f"Python 3.11 to 3.13, not 3.{version[1]}" in setup.missing(version, ALL_TOOLS, ALL_MODULES)


def test_the_command_says_it_and_does_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    assert setup.main() == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Missing on this machine: g++; install with `sudo apt install g++`.\n")
    assert not list(tmp_path.iterdir())


def make(*arguments, folder=setup.ROOT, path=None, **settings):
    command = ["make", "--no-print-directory", "-C", str(folder), *arguments]
    # A make above this one would hand down its variables, its level and its jobs.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON" and not name.startswith(("MAKE", "MFLAGS"))}
    environment["PATH"] = path or environment["PATH"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **settings)


def test_make_names_the_package_of_python():
    said = make("setup", "PYTHON=python-not-here")
    assert said.returncode != 0
    assert said.stderr.splitlines()[0] == "No Python python-not-here starts here: install the Debian packages python3 and python3-venv."


def test_make_takes_the_newest_python_that_starts(tmp_path):
    for name, runs in (("python3.11", True), ("python3.12", True), ("python3.13", False)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {0 if runs else 127}\n")
        (tmp_path / name).chmod(0o755)
    said = make("-n", "setup", path=f"{tmp_path}:{os.environ['PATH']}")
    assert "python3.12 sim/setup.py" in said.stdout


@pytest.mark.parametrize(
    ("variable", "told"),
    [("workload=digits-mlp", "workload: did you mean WORKLOAD?"), ("BATCHES=3", "BATCHES: there are WORKLOAD MESH STEPS")],
)
def test_make_refuses_a_variable_that_nothing_reads(variable, told):
    said = make("sim", variable)
    assert said.returncode == 2 and said.stdout == "" and f"there is no variable {told}" in said.stderr


def test_make_passes_a_value_as_it_was_given(tmp_path):
    assert "--workload 'a; b '\\'' c'" in make("-n", "sim", "WORKLOAD=a; b ' c").stdout


@pytest.fixture
def locked_tree(tmp_path):
    """A tree that this process, or the user that the fixture names, cannot write to."""
    (tmp_path / "tree" / "sim").mkdir(parents=True)
    for name in ("Makefile", "sim/setup.py", "requirements.lock"):
        shutil.copy(setup.ROOT / name, tmp_path / "tree" / name)
    for path in (tmp_path / "tree" / "sim", tmp_path / "tree"):
        path.chmod(0o555)
    for path in tmp_path.relative_to(Path("/tmp")).parents if tmp_path.is_relative_to("/tmp") else []:
        if str(path) != ".":
            (Path("/tmp") / path).chmod(0o755)
    tmp_path.chmod(0o755)
    yield tmp_path / "tree"
    (tmp_path / "tree").chmod(0o755)


VERBS = re.findall(r"^(\w+):[^=\n]* setup ##", (setup.ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("verb", ["setup", *VERBS])
def test_a_tree_that_cannot_be_written_is_one_sentence(verb, locked_tree):
    someone = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    said = make(verb, folder=locked_tree, **someone)
    first, *rest = said.stderr.splitlines()
    assert first == f"setup: {locked_tree / 'build'}: Permission denied; copy the tree to a place that this user may write to."
    assert said.returncode == 2 and all(line.startswith("make: ***") for line in rest)


def test_what_cannot_be_written_leaves_the_installation_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    (tmp_path / "build").write_text("in the way")
    assert setup.main() == 1
    assert capsys.readouterr().err == f"setup: {tmp_path / 'build'}: File exists; copy the tree to a place that this user may write to.\n"


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_nowhere_to_print_to_is_no_reason_to_stop(output, tmp_path):
    script = f"{sys.executable} -c 'import runpy; runpy.run_path(\"sim/setup.py\")[\"say\"](\"text\")' {output}"
    said = subprocess.run(["sh", "-c", script], cwd=setup.ROOT, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.fixture
def calls(monkeypatch):
    """Commands that the setup runs, made and remembered instead of run; each leaves what the real one would."""
    made = []

    def run(command, check=False):
        made.append(command)
        if "venv" in command:
            python = setup.Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(setup.subprocess, "run", run)
    return made


def kinds(calls):
    return ["venv" if "venv" in call else "pip" if "pip" in call else "probe" for call in calls]


def test_installs_once_per_lock_file(tmp_path, calls):
    lock, venv = tmp_path / "requirements.lock", tmp_path / "env"
    lock.write_text("a==1\n")
    assert setup.install(lock, venv)
    assert kinds(calls) == ["venv", "pip"]
    calls.clear()
    assert not setup.install(lock, venv)
    assert kinds(calls) == ["probe"]


def test_a_changed_lock_updates_in_place(tmp_path, calls):
    lock, venv = tmp_path / "requirements.lock", tmp_path / "env"
    lock.write_text("a==1\n")
    setup.install(lock, venv)
    calls.clear()
    lock.write_text("a==2\n")
    assert setup.install(lock, venv)
    assert kinds(calls) == ["probe", "pip"]


def test_an_interrupted_environment_is_made_anew(tmp_path, calls, monkeypatch):
    lock, venv = tmp_path / "requirements.lock", tmp_path / "env"
    lock.write_text("a==1\n")
    working = setup.subprocess.run

    def interrupted(command, check=False):
        if "pip" in command:
            raise KeyboardInterrupt
        return working(command, check)

    monkeypatch.setattr(setup.subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup.install(lock, venv)
    leftover = venv / "leftover"
    leftover.touch()
    monkeypatch.setattr(setup.subprocess, "run", working)
    assert setup.install(lock, venv)
    assert not leftover.exists()


def test_what_waves_in_fst_lack_is_named():
    assert setup.waves(lambda header: True) is None
    assert setup.waves(lambda header: header == "zlib.h").endswith("`sudo apt install liblz4-dev`.")
    assert setup.compiles("cstdint") and not setup.compiles("there_is_no_such_header.h")
