"""Cycles of a step by phase."""

import pytest

from sim.events.causes import CAUSES
from sim.events.file import About
from sim.events.instructions import follow
from sim.events.phases import BETWEEN, by_phase, phase_of
from tests.sim.events.made import made
from tests.sim.events.test_hotspots import STEP, dispatch, head, told


@pytest.mark.parametrize(
    ("label", "phase"),
    [("layer", "layer"), ("layer_1", "layer"), ("layer2", "layer2"), ("layer2_1", "layer2"), ("train", BETWEEN), ("only_layer", BETWEEN)],
)
def test_the_phase_of_a_label(label, phase):
    assert phase_of(label, ["layer", "layer2"]) == phase


def test_rows_add_up_to_the_cycles(tmp_path):
    events = [
        dispatch(3, 0, 0, word=STEP),
        told(4, "front end"),
        told(5, "load", vector=head(valid=1)),
        told(6, "step", vector=head(valid=1, loaded=1, made=1, read=1)),
        (6, "issue 3", {"seq": 0}),
        told(7, "front end"),
    ]
    course = follow(made(tmp_path / "a.events", events), 0, 50)
    rows = by_phase(course, About("t", "tiny", [], labels={"start": 0, "gemm": 0x100}), ["gemm", "sgd"])
    assert [(row["name"], row["cycles"]) for row in rows] == [("gemm", 2), (BETWEEN, 2)]
    assert rows[0]["causes"] == dict.fromkeys(CAUSES, 0) | {"load": 1, "step": 1}
    assert sum(row["cycles"] for row in rows) == len(course.cycles)
