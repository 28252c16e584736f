"""The shared options: a failure prints one command, and that command repeats the same random choices."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAILING = '''"""Fails."""

import pytest


@pytest.mark.parametrize("size", [1, 2])
def test_draws(rng, size):
    print("drawn", size, rng.integers(0, 2**62))
    assert size == 1
'''


@pytest.fixture
def elsewhere(tmp_path):
    """A tree with nothing but this project's pytest settings and one test that fails for size 2."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "test_failing.py").write_text(FAILING)
    return tmp_path


def run(folder: Path, *arguments: str, status: int = 1) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout + (result.stderr if status != 1 else "")


def drawn(output: str, size: int) -> str:
    return re.search(rf"drawn {size} (\d+)", output)[1]


def test_the_seed_is_in_the_header_and_in_one_line_per_failure(elsewhere):
    output = run(elsewhere, "--seed", "5")
    assert "seed: 5" in output
    assert re.findall("^rerun: (.*)$", output, re.MULTILINE) == [
        ".venv/bin/python -m pytest 'tests/test_failing.py::test_draws[2]' --seed 5"
    ]


def test_the_line_repeats_the_failure_alone(elsewhere):
    whole = run(elsewhere, "--seed", "5")
    alone = run(elsewhere, "tests/test_failing.py::test_draws[2]", "--seed", "5")
    assert drawn(whole, 2) == drawn(alone, 2) != drawn(whole, 1)
    assert drawn(run(elsewhere, "--seed", "6"), 2) != drawn(whole, 2)


def test_files_that_compile_models_come_first_and_stay_whole(elsewhere):
    for name, tests in (("alone", "ab"), ("model", "cd"), ("node", "ef")):
        mark = "@pytest.mark.{}\n".format({"model": "rtl", "node": "system"}.get(name, "fast"))
        text = "".join(f"\n\n{mark if test in 'ad' or name == 'node' else ''}def test_{test}():\n    pass\n" for test in tests)
        (elsewhere / "tests" / f"test_{name}.py").write_text(f'"""Order."""\n\nimport pytest\n{text}')
    ran = re.findall(r"^PASSED tests/test_(?:alone|model|node).py::test_(.)$", run(elsewhere), re.MULTILINE)
    assert "".join(ran) == "cdefab"


def test_workers_draw_the_same(elsewhere):
    assert drawn(run(elsewhere, "--seed", "5", "-n", "2"), 2) == drawn(run(elsewhere, "--seed", "5"), 2)


def test_waves_of_a_test_that_has_none_are_missed_with_a_word(elsewhere):
    assert "no waves were written: none of these tests simulates the design" in run(elsewhere, "--waves", "--artifacts", "artifacts")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--waves", "--pc", "0x100"], "ERROR: --pc finds an instruction of a workload; for a test give --cycles A:B or "),
        (["--scope", "core"], "ERROR: --cycles and --scope choose of waves: give --waves too"),
    ],
)
def test_a_window_that_tests_cannot_have_is_told(options, told, elsewhere):
    assert told in run(elsewhere, *options, status=pytest.ExitCode.USAGE_ERROR)


def test_a_test_that_hangs_meets_its_limit(elsewhere):
    (elsewhere / "tests" / "test_failing.py").write_text('"""Hangs."""\nimport time\n\n\ndef test_hangs():\n    time.sleep(60)\n')
    assert "TimeLimit: met its limit of 0.5 s" in run(elsewhere, "--limit", "0.5")


MODEL = """import pytest

pytestmark = {marks}


@pytest.mark.parametrize("number", range(2))
def test_a_model(number):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_that_is_left_out(number):
    pass
"""
RTL, MESH = "pytest.mark.rtl", "[pytest.mark.rtl, pytest.mark.mesh]"


def test_models_come_first_and_those_of_meshes_first_in_the_second_half(elsewhere):
    """Of two workers one builds them and runs all that needs them; the other one would wait for the build."""
    for name, marks in (("a", RTL), ("b", MESH), ("c", "[]"), ("d", RTL)):
        (elsewhere / "tests" / f"test_{name}.py").write_text(MODEL.format(marks=marks))
    output = run(elsewhere, "-v", "-m", "not slow")
    order = re.findall(r"^tests/test_(\w+)\.py::\w+.* (?:PASSED|FAILED) ", output, re.MULTILINE)
    assert order == [*"aaddcbbc", "failing", "failing"]
