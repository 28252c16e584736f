"""Planted faults: which are chosen, how one is switched on, and what the run over all of them says."""

import json

import pytest

from rtl.common.stream import Buffer
from sim.compile.elaborate import BuildError, elaborate
from sim.suite import mutants
from sim.suite.mutants import Mutant, chosen, hunt, planted, selected

LISTED = [
    r"mutate -mode inv -module \Top -cell $1 -port \B -portbit 2 -ctrlbit 0 -wire $1.\next -wirebit 2 -src rtl/a.py:5",
    r"mutate -mode const0 -module \Top -cell $2 -port \A -portbit 0 -src tests/stub.py:9",
    r"mutate -mode const1 -module \Top -cell $3 -port \S -portbit 0",
    r"mutate -mode cnot1 -module \Other -cell $4 -port \Y -portbit 7 -ctrlbit 3 -src lib/x.py:1|rtl/b.py:8",
    r"mutate -mode inv -module \Other -cell $5 -port \Y -portbit 1 -src rtl/b.py:9",
]


def test_faults_of_the_design_are_chosen_and_numbered():
    commands, found = chosen(LISTED, 2)
    assert found == [
        Mutant(1, "inv", "Top $1.next[2] at B[2]", "rtl/a.py:5"),
        Mutant(2, "cnot1", "Other $4[?] at Y[7]", "rtl/b.py:8"),
    ]
    assert commands == [f"{LISTED[0]} -ctrl mutant 2 1", f"{LISTED[3]} -ctrl mutant 2 2"]


def test_the_number_comes_from_the_command_line():
    verilog = "module Sub(a);\n  input a;\nendmodule\nmodule Top(a, mutant, b);\n  input [6:0] mutant;\n  wire [6:0] mutant;\nendmodule\n"
    assert selected("Top", verilog, 7) == (
        "module Sub(a);\n  input a;\nendmodule\nmodule Top(a, b);\n  reg [6:0] mutant = 0;\n"
        '  initial if (!$value$plusargs("mutant=%d", mutant)) mutant = 0;\nendmodule\n'
    )
    with pytest.raises(BuildError, match="the Verilog of Sub has no port mutant"):
        selected("Sub", verilog, 7)


@pytest.mark.rtl
def test_all_faults_are_in_one_design_and_their_sources_are_told(tmp_path):
    design = elaborate(Buffer(8), sources=True)
    made, found = planted(design, 12, 5)
    assert [mutant.number for mutant in found] == list(range(1, 13))
    assert all(mutant.source.startswith("rtl/common/stream.py:") for mutant in found)
    verilog = made.verilog.read_text()
    assert '$value$plusargs("mutant=%d", mutant)' in verilog and "input [3:0] mutant" not in verilog
    assert {f"4'h{number:x}" for number in range(1, 13)} <= {word.rstrip(";)") for word in verilog.split()}
    assert planted(design, 12, 5) == (made, found) and planted(design, 12, 6)[1] != found
    assert made.manifest == design.manifest


def test_a_hunt_tells_each_fault_by_its_killer_and_gives_a_hanging_one_up(tmp_path):
    calls = []

    def run(number, seconds):
        calls.append((number, seconds))
        return {1: "test_a", 2: "", 3: "the simulation met its limit of 30 s"}.get(number, "")

    found = [Mutant(number, "inv", f"place {number}", "rtl/a.py:1") for number in (1, 2, 3)]
    hunt(found, run, tmp_path / "rows", {"test": "t"})
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert [(row["number"], row["killed_by"], row["test"]) for row in rows] == [
        (1, "test_a", "t"), (2, "", "t"), (3, "the simulation met its limit of 30 s", "t")]  # fmt: skip
    assert [number for number, _ in calls] == [0, 1, 2, 3] and calls[1][1] == mutants.AT_LEAST
    with pytest.raises(ValueError, match="test_b fails without a fault"):
        hunt(found, lambda number, seconds: "test_b", tmp_path / "none", {})
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("count", [0, mutants.MOST + 1])
def test_too_many_or_none(count):
    with pytest.raises(ValueError, match=f"{count} faults cannot be planted at once: 1 to 4095"):
        planted(None, count, 0)
