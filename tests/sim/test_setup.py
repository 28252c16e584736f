"""The setup step: its sentence about what is missing, and the mark that tells a finished environment from a broken one."""

import subprocess
from pathlib import Path

import pytest

from sim import setup

VERSION = (3, 11)


def having(*names):
    return lambda name: name in names


ALL_TOOLS = having("g++", "make", "perl")
ALL_MODULES = having("venv", "ensurepip")


def test_nothing_is_missing_on_a_complete_machine():
    assert setup.missing(VERSION, ALL_TOOLS, ALL_MODULES) is None


@pytest.mark.parametrize(
    ("tools", "modules", "packages"),
    [
        (having("make", "perl"), ALL_MODULES, "g++"),
        (ALL_TOOLS, having("venv"), "python3-venv"),  # Debian without python3-venv: venv is there, ensurepip is not
        (having("g++"), having(), "make perl python3-venv"),
    ],
)
def test_one_sentence_names_the_debian_packages(tools, modules, packages):
    sentence = setup.missing(VERSION, tools, modules)
    assert f"`sudo apt install {packages}`" in sentence
    assert sentence.count("\n") == 0 and sentence.endswith(".")


def test_another_python_is_refused():
    assert "Python 3.11, not 3.13" in setup.missing((3, 13), ALL_TOOLS, ALL_MODULES)


def test_the_command_says_it_and_does_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    assert setup.main() == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Missing on this machine: g++, make and perl; install with `sudo apt install g++ make perl`.\n")
    assert not list(tmp_path.iterdir())


def test_make_names_the_package_of_python():
    command = ["make", "--no-print-directory", "-C", str(Path(setup.__file__).parents[1]), "setup", "PYTHON=python-not-here"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode != 0
    assert said.stderr.splitlines()[0] == "python-not-here is missing: install the Debian packages python3.11 and python3-venv."


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
