"""``python -m sim`` itself: a bug shows where it happened, and a reader who has seen enough is no error."""

import os
import subprocess
import sys

import pytest

from sim import commands
from sim.__main__ import main
from sim.compile import cache


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


UNUSED = """import sys
from amaranth.hdl import Fragment, Module
from sim import commands
from sim.__main__ import main

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
