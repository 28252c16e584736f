"""Kanata logs, read by a parser that was written from the format's documentation alone."""

from dataclasses import dataclass, field

import pytest

from sim.events.instructions import follow
from sim.views.kanata import write_kanata
from tests.sim.events.made import course, made


@dataclass
class Instruction:
    """What a log says of an instruction."""

    sim_id: int
    thread: int
    labels: dict[int, str] = field(default_factory=lambda: {0: "", 1: ""})
    stages: list[tuple[int, str, int, int | None]] = field(default_factory=list)  # lane, name, first cycle, the one after the last
    waits_for: list[int] = field(default_factory=list)
    retired: tuple[int, int, int] | None = None  # retirement id, type, cycle


def parse(text: str) -> tuple[int, dict[int, Instruction]]:
    """Cycle of the start, and instructions by their id; AssertionError where the documentation forbids something."""
    header, *body = text.splitlines()
    assert header == "Kanata\t0004"
    cycle = first = None
    found: dict[int, Instruction] = {}
    for line in body:
        command, *given = line.split("\t")
        if command == "C=":
            assert cycle is None
            cycle = first = int(given[0])
            continue
        assert cycle is not None
        if command == "C":
            assert int(given[0]) >= 1  # time goes in one direction
            cycle += int(given[0])
            continue
        number = int(given[0])
        if command == "I":
            assert number == len(found)  # sequential
            found[number] = Instruction(int(given[1]), int(given[2]))
            continue
        one = found[number]  # I comes first
        assert one.retired is None  # nothing after R
        if command == "L":
            one.labels[int(given[1])] += given[2]
        elif command == "S":
            lane, name = int(given[1]), given[2]
            one.stages = [(at, what, begun, cycle if at == lane and end is None else end) for at, what, begun, end in one.stages]
            one.stages.append((lane, name, cycle, None))
        elif command == "E":
            at = next(i for i, stage in enumerate(one.stages) if stage[:2] == (int(given[1]), given[2]) and stage[3] is None)
            one.stages[at] = (*one.stages[at][:3], cycle)
        elif command == "W":
            assert int(given[1]) in found and given[2] == "0"
            one.waits_for.append(int(given[1]))
        elif command == "R":
            assert given[2] in ("0", "1")
            one.retired = int(given[1]), int(given[2]), cycle
            one.stages = [(lane, name, begun, cycle if end is None else end) for lane, name, begun, end in one.stages]
        else:
            raise AssertionError(f"no command {command!r}")
    assert all(one.retired for one in found.values())
    return first, found


@pytest.fixture
def log(tmp_path):
    write_kanata(tmp_path / "log", follow(made(tmp_path / "a.events", course()), 0, 100))
    return parse((tmp_path / "log").read_text())


def test_a_log_begins_with_its_first_instruction(log):
    first, found = log
    assert first == 13 and len(found) == 4 and {one.thread for one in found.values()} == {0}


def test_stages_and_stalls_stand_in_their_lanes(log):
    load, product, nop, halt = log[1].values()
    assert load.stages == [
        (0, "D", 13, 14), (0, "Q", 14, 15), (1, "turn", 14, 15), (0, "I", 15, 16), (0, "X", 16, 17), (0, "M", 17, 21)
    ]  # fmt: skip
    assert [stage for stage in product.stages if stage[0] == 1] == [(1, "op", 16, 21), (1, "turn", 21, 22)]
    assert nop.stages == [(0, "D", 13, 14)] and halt.stages == [(0, "W", 14, 32)]


def test_what_is_shown_of_an_instruction(log):
    load, product, *_ = log[1].values()
    assert load.labels[0] == "000100: ld.d x2, x0, 128"
    assert "writes x2=0x6" in load.labels[1]
    assert "reads x2 = 0x6" in product.labels[1] and "a scalar register it needs is under way" in product.labels[1]
    assert product.waits_for == [0]


def test_instructions_retire_in_the_order_in_which_they_are_done(log):
    assert [one.retired for one in log[1].values()] == [(1, 0, 21), (2, 0, 30), (0, 0, 14), (3, 0, 32)]


def test_what_a_window_cuts_off_is_flushed(tmp_path):
    told = [one for one in course() if one[0] < 20]
    write_kanata(tmp_path / "log", follow(made(tmp_path / "a.events", told), 0, 100))
    _, found = parse((tmp_path / "log").read_text())
    assert [one.retired[1] for one in found.values()] == [1, 1, 0]
    assert "not complete in what was recorded" in found[0].labels[1]
