"""What a profile says of nodes and of the network, in figures and in sentences; made by hand."""

from collections import Counter

import pytest

from sim.events.causes import CAUSES
from sim.jobs.profile_events import NodeAccount, account, imbalance, imbalance_told, network_told, together
from tests.sim.events.made import course, made


def node(name, idle=0, **causes):
    spent = {cause: causes.get(cause, 0) for cause in CAUSES}
    row = {"node": name, "cycles": sum(spent.values()), "causes": spent, "idle": idle, "conflicts": 0}
    return NodeAccount(row, [{"name": "layer", "cycles": row["cycles"], "causes": spent}], [], None, None, {}, Counter())


UNEVEN = [node("1,1", step=90, load=10), node("2,1", step=30, synchronisation=50, idle=20)]


def test_kernels_of_nodes_add_up():
    (row,) = together(UNEVEN)
    assert row["name"] == "layer" and row["cycles"] == 180 and row["causes"]["step"] == 120 and row["causes"]["synchronisation"] == 50


def test_who_does_most_and_who_waits():
    found = imbalance(UNEVEN)
    assert (found["busiest"], found["least"], found["ratio"], found["waits"]) == ("1,1", "2,1", 1.5, 70)
    assert imbalance_told(found, 100, 2) == (
        "load over 2 nodes: 1,1 takes 90 matrix steps, 2,1 30, the most over the mean is 1.50; in 35.0% of all nodes' cycles they wait for "
        "each other or have nothing to do: cut the batch more evenly (SHARDS)"
    )


def test_even_work_needs_another_remedy():
    found = imbalance([node("1,1", step=5), node("2,1", step=5)])
    assert imbalance_told(found, 5, 2) == (
        "load over 2 nodes: each takes 5 matrix steps, the most over the mean is 1.00; in 0.0% of all nodes' cycles they wait for each "
        "other or have nothing to do: larger parts between two exchanges, or fewer nodes"
    )


@pytest.mark.parametrize("stalls, more", [(10, False), (300, True)])
def test_packets_that_stand(stalls, more):
    assert ("spread the transfers" in network_told({"packets": 100, "stalls": stalls})) == more


def test_a_node_is_accounted_for_to_the_last_cycle(tmp_path):
    waits = [(cycle, kind, {**told, "matrix_wait": 8} if kind == "cycle" else told) for cycle, kind, told in course()]
    recording = made(tmp_path / "a.events", waits)
    (one,) = account(recording, recording.window())
    assert one.row["cycles"] + one.row["idle"] == 100 and one.row["cycles"] == sum(one.row["causes"].values()) > 0
    assert sum(row["cycles"] for row in one.kernels) == one.row["cycles"] and one.threads[0]["thread"] == 0
