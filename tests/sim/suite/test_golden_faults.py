"""Faults planted in golden: where they may stand, that a module is read with its fault, and that its tests tell."""

import ast
import importlib
import json
import subprocess
import sys
import textwrap

import pytest

from sim.compile.cache import ROOT
from sim.suite import golden_faults
from sim.suite.mutants import ROWS
from sim.suite.mutate import quiet

TEXT = '''
from typing import Any

@wrapped(1)
def shift(a: int | None, by: int = 2) -> int | str:
    """Text."""
    if not a < 0 and by in (True, 0):
        raise ValueError(f"{a + 1} is less than {0 - 2}")
    a <<= 4 % by
    return a
'''


def test_a_change_is_of_what_is_computed_and_not_of_what_is_said():
    tree = ast.parse(textwrap.dedent(TEXT))
    told = []
    for node in list(golden_faults._places(tree)):
        before = ast.unparse(node)
        golden_faults._change_of(node)()
        told.append((before, ast.unparse(node)))
    assert told == [
        ("2", "3"),  # the default of `by`
        ("not a < 0 and by in (True, 0)", "not a < 0 or by in (True, 0)"),
        ("not a < 0", "not not a < 0"),
        ("a < 0", "a <= 0"),
        ("0", "1"),
        ("by in (True, 0)", "by not in (True, 0)"),
        ("True", "False"),
        ("0", "1"),
        ("a <<= 4 % by", "a >>= 4 % by"),
        ("4 % by", "4 // by"),
        ("4", "5"),
    ]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"t = ({'1, ' * 32})", 32),
        (f"t = ({'1, ' * 33})", 0),
        (f"t = [{'(1, -2.5), ' * 17}]", 0),
        (f"t = [{'1, ' * 33}a + 2]", 35),  # not of numbers alone
        (f"t = f({'1, ' * 33})", 33),
        (f"t = ({'1, ' * 33})[2]", 1),
    ],
)
def test_a_table_of_data_has_no_place(text, places):
    assert len(list(golden_faults._places(ast.parse(text)))) == places


def test_faults_are_those_of_the_seed_and_their_lines_are_told():
    found = golden_faults.faults("golden.noc", 30, 7)
    assert found == golden_faults.faults("golden.noc", 30, 7) != golden_faults.faults("golden.noc", 30, 8)
    assert [fault.number for fault in found] == list(range(1, 31))
    for fault in found:
        file, line = fault.source.split(":")
        assert file == fault.file and 1 <= int(line) <= len((ROOT / file).read_text().splitlines())


def test_every_package_of_golden_with_tests_is_one():
    packages = golden_faults.packages()
    assert {"golden.numerics", "golden.asm", "golden.iss", "golden.kernels", "golden.noc", "golden.arch"} <= set(packages)
    assert all((ROOT / test).exists() for tests in packages.values() for test in tests)


def test_a_module_is_read_with_its_fault(tmp_path):
    (tmp_path / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    code = f"""
from pathlib import Path
from sim.suite.golden_faults import plant
plant("sums.py", 0, Path({str(tmp_path)!r}))
import sums
print(sums.add(5, 3))
plant("sums.py", 0, Path("."))
"""
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "2\n" and "RuntimeError: sums was imported before its fault was planted" in done.stderr
    assert "a + b" in (tmp_path / "sums.py").read_text()


def test_the_tests_of_a_package_see_its_faults(tmp_path, monkeypatch):
    monkeypatch.setattr(golden_faults, "packages", lambda: {"golden.arch": ["tests/golden/arch/test_tags.py"]})
    importlib.import_module("golden.arch.tags")
    every = golden_faults.faults("golden.arch", 10_000, 0)
    planted = [fault for fault in every if fault.file == "golden/arch/tags.py"][:3] + [every[-1]]
    assert planted[0].file != planted[-1].file
    monkeypatch.setattr(golden_faults, "faults", lambda *_: planted)
    told = []
    golden_faults.hunt(tmp_path, "golden.arch", 4, 0, lambda *counts: told.append(counts))
    assert told == [(done, 4) for done in (1, 2, 3, 4)]
    rows = {row["site"]: row for row in map(json.loads, (tmp_path / ROWS).read_text().splitlines())}
    assert len((tmp_path / ROWS).read_text().splitlines()) == 4
    assert any(row["killed_by"].startswith("tests/golden/arch/test_tags.py") for row in rows.values())
    assert not [row for row in rows.values() if row["file"] == planted[-1].file and row["killed_by"]]


def test_tests_that_fail_without_a_fault_count_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(golden_faults, "packages", lambda: {"golden.arch": ["tests/golden/arch/test_none.py"]})
    with pytest.raises(ValueError, match=r"^pytest \(status 4\) fails without a fault: nothing"):
        golden_faults.hunt(tmp_path, "golden.arch", 4, 0, quiet)
