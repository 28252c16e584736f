"""Standard streams that are closed, full, or of a small character set: what is asked for is done, or one sentence says why not."""

import os
import subprocess
import sys

import pytest

from sim.compile import cache


@pytest.fixture
def shell(tmp_path):
    """shell("asm fine.s >&-", LC_ALL="C"): the command as a shell runs it, in a folder with a program, with variables of its own."""
    (tmp_path / "fine.s").write_text("nop\nhalt ; µ\n", encoding="utf-8")

    def run(line, **variables):
        command = f"exec {sys.executable} -m sim {line}"
        environment = {**os.environ, "PYTHONPATH": str(cache.ROOT), **variables}
        return subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    return run


def test_a_closed_output_is_no_error(shell, tmp_path):
    said = shell("asm fine.s --output words >&-")
    assert (said.returncode, said.stderr) == (0, "") and (tmp_path / "words").stat().st_size == 8


def test_no_file_takes_the_number_of_a_closed_output(shell, tmp_path):
    said = shell("train --engine golden --steps 2 --batch 8 >&-")
    assert (said.returncode, said.stderr) == (0, "")
    assert (tmp_path / "build/sim/report.json").read_text().startswith("{")


def test_all_streams_closed(shell, tmp_path):
    said = shell("asm fine.s --output words <&- >&- 2>&-")
    assert said.returncode == 0 and (tmp_path / "words").stat().st_size == 8


@pytest.mark.parametrize("line", ["asm fine.s", "--help", "asm --help", "iss fine.s --trace", "iss fine.s --step </dev/null"])
def test_a_full_output_is_one_sentence(line, shell):
    said = shell(f"{line} >/dev/full")
    assert (said.returncode, said.stderr) == (2, "python -m sim: standard output: No space left on device\n")


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"COLUMNS": "1"}, {"TERM": "dumb"}])
def test_small_terminals_and_character_sets(variables, shell, tmp_path):
    (tmp_path / "wrong.s").write_text("ädd x1\n", encoding="utf-8")
    assert shell("asm fine.s", **variables).returncode == 0
    assert shell("--help", **variables).returncode == 0
    wrong = shell("asm wrong.s", **variables)
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr
