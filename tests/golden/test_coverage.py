"""Functional coverage: what counts as exercised, and what is left."""

from golden.arch.config import CONFIGS
from golden.arch.memmap import Fault
from golden.asm import assemble
from golden.coverage import FOLDER, Coverage, missing, universe
from golden.iss.node import Simulator
from golden.iss.state import Node

TINY = CONFIGS["tiny"]


def run(text: str) -> Coverage:
    program, node, coverage = assemble(text), Node(TINY), Coverage()
    node.write(program.origin, program.image)
    node.threads[0].start(program.origin, ())
    for record in Simulator(node).run():
        coverage.add(record)
    return coverage


def test_points_of_a_program():
    coverage = run("plti p1, x1, 5\n(p1) li x2, 3\n(p2) li x2, 4\nhalt\n")
    assert dict(coverage.points) == {"plti": 1, "li": 1, "ALU under a predicate": 1, "ALU predicated off": 1, "halt": 1}


def test_what_is_left_is_all_that_the_table_has_but_these():
    coverage = run("li x2, 3\nhalt\n")
    coverage.fault(Fault.TRAP)
    left = missing(coverage.points, TINY.features)
    assert len(left) == len(universe(TINY.features)) - 3
    assert not {"li", "halt", "fault TRAP"} & set(left)
    assert {"add", "step.bf16 first", "vld.g8 tile [1,3]", "vst.g16 outer", "fault SEMAPHORE", "MATRIX predicated off"} <= set(left)
    # What this configuration lacks is no gap, and a trap never retires.
    assert "trap" not in left and not any(point.startswith("step.cf8") for point in left)


def test_points_are_left_only_where_they_are_asked_for(tmp_path, monkeypatch):
    coverage = run("li x2, 3\nhalt\n")
    monkeypatch.delenv(FOLDER, raising=False)
    coverage.keep()
    monkeypatch.setenv(FOLDER, str(tmp_path / "points"))
    coverage.keep()
    (file,) = (tmp_path / "points").iterdir()
    assert sorted(file.read_text().split("\n")) == ["", "halt", "li"]
