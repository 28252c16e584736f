"""Standard streams that are closed, full, or of a small character set, and child processes that must not outlive an interruption."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sim.compile import cache
from sim.process import Children


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


@pytest.mark.parametrize("line", ["asm fine.s", "--help", "asm --help", "iss fine.s --trace", "debug fine.s </dev/null"])
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


# --- child processes -----------------------------------------------------------------------------------------------------------


def test_what_children_say_comes_back():
    with Children() as children:
        said = children.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
        with pytest.raises(subprocess.TimeoutExpired):
            children.run(["sleep", "60"], timeout=0.1)
    assert (said.stdout, said.stderr, said.returncode) == ("out\n", "err\n", 3)


def test_an_interruption_ends_the_children_of_all_threads_and_begins_no_more():
    began, children = time.monotonic(), Children()
    with pytest.raises(KeyboardInterrupt), ThreadPoolExecutor(2) as pool, children:
        first = [pool.submit(children.run, ["sleep", "60"]) for _ in range(2)]
        more = pool.submit(children.run, ["sleep", "60"])
        time.sleep(0.3)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30 and [future.result().returncode for future in first] == [-9, -9]
    with pytest.raises(KeyboardInterrupt):
        more.result()
    with children:  # once more
        assert children.run(["true"]).returncode == 0
