"""The run of pytest behind `make regress` knows the options that tests/conftest.py defines."""

import subprocess

import pytest

from sim.compile import cache
from sim.suite.regress import command


@pytest.mark.parametrize("select", ["", "tests/sim/views"])
def test_the_options_of_the_tests_are_known(select, tmp_path):
    run = [*command(3, tmp_path / "seed3.xml", tmp_path, select), "--help"]
    said = subprocess.run(run, cwd=cache.ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0 and "--artifacts" in said.stdout, said.stdout[-500:] + said.stderr
