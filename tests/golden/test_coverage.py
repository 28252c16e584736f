"""Functional coverage: what counts as exercised, and what is left."""

import pytest

from golden.arch.config import CONFIGS
from golden.arch.memmap import Fault
from golden.arch.packet import PortId
from golden.asm import assemble
from golden.coverage import FOLDER, GROUPS, NEAR, Coverage, groups, missing, turn, universe
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
    assert dict(coverage.points) == {
        "plti": 1, "li": 1, "ALU under a predicate": 1, "ALU predicated off": 1, "halt": 1, "thread 0 on ALU": 2, "thread 0 on FRONT": 1,
        "p of ALU read by ALU next": 1,
    }  # fmt: skip


def test_what_is_left_is_all_that_the_table_has_but_these():
    coverage = run("li x2, 3\nhalt\n")
    coverage.fault(Fault.TRAP)
    left = missing(coverage.points, TINY.features)
    assert len(left) == len(universe(TINY.features)) - 5
    assert not {"li", "halt", "fault TRAP", "thread 0 on ALU", "thread 0 on FRONT"} & set(left)
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
    assert sorted(file.read_text().split("\n")) == ["", "halt", "li", "thread 0 on ALU", "thread 0 on FRONT"]


def hazards(text: str) -> set[str]:
    return {point for point in run(text).points if " of " in point}


def test_hazards_by_hand():
    assert hazards("li x1, 3\nadd x2, x1, x1\nhalt\n") == {"x of ALU read by ALU next"}
    assert hazards("li x1, 3\nli x3, 3\nmul x1, x3, x3\nst.d x1, x0, 128\nhalt\n") == {
        "x of ALU read by SLOW next", "x of ALU written again by SLOW soon", "x of SLOW read by SSTORE next"}  # fmt: skip
    # The newest writer counts, x0 is never written, and what a false predicate left out wrote nothing.
    assert hazards("li x1, 3\nnop\nli x1, 4\nadd x2, x1, x0\nhalt\n") == {"x of ALU written again by ALU soon", "x of ALU read by ALU next"}
    assert hazards("li x0, 3\nadd x2, x0, x0\nhalt\n") == set()
    assert hazards("pltu p1, x0, x0\n(p1) li x1, 3\nadd x2, x1, x1\nhalt\n") == set()


@pytest.mark.parametrize("between", range(NEAR + 1))
def test_what_is_far_behind_is_no_hazard(between):
    found = hazards("li x1, 3\n" + "nop\n" * between + "add x2, x1, x1\nhalt\n")
    assert found == ({"x of ALU read by ALU next"} if not between else {"x of ALU read by ALU soon"} if between < NEAR else set())


def test_every_point_that_can_be_counted_is_in_one_group():
    known = groups(TINY.features)
    assert set(known) == set(GROUPS) and sum(map(len, known.values())) == len(universe(TINY.features))
    assert {"v of VLOAD read by MATRIX next", "c of MATRIX read by DRAIN soon", "x of SSTORE written again by ALU next"} <= known["hazards"]
    assert not any("of SYNC" in point or "of TRAP" in point for point in known["hazards"])


def test_two_threads_in_one_cycle_are_a_pair_with_their_ports():
    program, coverage = assemble("li x2, 3\nmul x1, x2, x2\nhalt\n"), Coverage()
    records = {}
    for thread in (1, 3):
        node = Node(TINY)
        node.write(program.origin, program.image)
        node.threads[thread].start(program.origin, ())
        records[thread] = list(Simulator(node).run())
    coverage.together(records, {(1, 0): 5, (1, 1): 7, (3, 0): 7, (3, 1): 7, (1, 2): 8})
    assert dict(coverage.points) == {"threads 1 and 3": 1, "ALU with SLOW of another thread": 1, "SLOW with SLOW of another thread": 1}
    known = groups(TINY.features)["pairs"]
    assert set(coverage.points) <= known and {"threads 0 and 1", "MATRIX with SIMD of another thread"} <= known


def test_every_turn_of_a_router_is_a_point():
    points = groups(TINY.features)["router"]
    assert len(points) == 4 * 2 * (5 * 4 + 5 * 4 - 2 * 2)  # copies do not go back to the dimension that they took first
    assert turn(PortId.NORTH, PortId.EAST, 1, True, False) in points and turn(PortId.NORTH, PortId.EAST, 0, True, False) not in points
    assert turn(PortId.NORTH, PortId.NODE, 3, True, False) == "NORTH to NODE, channel 3, copy, with credit" in points
