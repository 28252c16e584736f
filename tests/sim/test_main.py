"""``python -m sim`` itself: a bug shows where it happened, and a reader who has seen enough is no error."""

import os
import re
import subprocess
import sys

import pytest

from sim import commands
from sim.compile import cache
from sim.main import main


@pytest.mark.parametrize("bug", [KeyError("w1"), TypeError("no"), AssertionError("never"), RuntimeError("else")])
def test_a_bug_is_not_made_a_sentence(bug, monkeypatch):
    def broken(options):
        raise bug

    monkeypatch.setitem(commands.COMMANDS, "docs", commands.Command("", lambda parser: None, broken))
    with pytest.raises(type(bug)):
        main(["docs"])


def test_an_interruption_is_no_traceback(monkeypatch, say):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setitem(commands.COMMANDS, "docs", commands.Command("", lambda parser: None, interrupted))
    said = say("docs")
    assert (said.status, said.err) == (130, "interrupted\n")


SENT = """import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored in what it starts in the background

class Sender:
    def find_spec(name, path=None, target=None):
        if name == os.environ["AT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Sender)
"""


@pytest.mark.parametrize("module", ["argparse", "sim.main", "sim.process", "sim.commands.training", "golden.asm"])
def test_an_interruption_of_an_import_is_no_traceback(module, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SENT)
    (tmp_path / "program.s").write_text("halt\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{cache.ROOT}", "AT": module}
    command = [sys.executable, "-m", "sim", "asm", "program.s"]
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("command", ["docs --check", "run axpy", "--help"])
def test_python_without_docstrings_is_told_before_any_work(command, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(cache.ROOT), "PYTHONOPTIMIZE": "2"}
    whole = [sys.executable, "-m", "sim", *command.split()]
    said = subprocess.run(whole, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (2, "") and not os.listdir(tmp_path)
    assert said.stderr == "python -m sim: what kernels compute stands in docstrings: leave out -OO, or PYTHONOPTIMIZE=2\n"


UNUSED = """import sys
from amaranth.hdl import Fragment, Module
from sim import commands
from sim.main import main

def half_way(options):
    Fragment.get(Module(), None)  # from the first on Amaranth warns
    unfinished = Module()
    raise {error}

commands.COMMANDS["docs"] = commands.Command("", lambda parser: None, half_way)
sys.exit(main(["docs"]))
"""


@pytest.mark.parametrize(("error", "told"), [("KeyboardInterrupt", "interrupted\n"), ("ValueError('no')", "python -m sim docs: no\n")])
def test_a_design_that_is_left_half_made_is_no_news(error, told, tmp_path):
    (tmp_path / "half.py").write_text(UNUSED.format(error=error))
    environment = {**os.environ, "PYTHONPATH": str(cache.ROOT)}
    said = subprocess.run([sys.executable, tmp_path / "half.py"], env=environment, capture_output=True, text=True, check=False)
    assert said.stderr == told


def test_a_reader_who_leaves_is_no_traceback(tmp_path):
    (tmp_path / "program.s").write_text("nop\n" * 10_000)
    command = [sys.executable, "-m", "sim", "asm", str(tmp_path / "program.s")]
    with subprocess.Popen(command, cwd=cache.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)


def test_help_names_every_command():
    command = [sys.executable, "-m", "sim", "--help"]
    shown = subprocess.run(command, cwd=cache.ROOT, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "140"})
    assert not [name for name in commands.COMMANDS if f"\n    {name} " not in shown.stdout]


def test_a_python_without_the_packages_says_which_one_has_them():
    said = subprocess.run([sys.executable, "-S", "-m", "sim", "iss", "x.s"], cwd=cache.ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert re.fullmatch(r"python -m sim: this Python lacks \w+: run \.venv/bin/python -m sim, which `make setup` makes\n", said.stderr)
