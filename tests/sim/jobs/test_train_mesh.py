"""Training on simulated meshes: every node's state and outputs equal golden after every step, whatever the rectangle."""

import json

import numpy as np
import pytest

from golden.arch.mesh import MeshConfig, parse
from sim.jobs import train
from sim.jobs.train_nodes import Mismatch, Nodes
from sim.jobs.train_options import Options

DEAD = MeshConfig(2, 2, frozenset({(2, 1)}))


@pytest.mark.parametrize(
    ("workload", "mesh", "shards", "batch", "threads"),
    [
        ("digits-mlp", parse("2x2"), None, 32, 4),
        ("digits-mlp", parse("2x1"), None, 16, 2),  # a thread reads sums of others
        ("digits-linear", parse("1x1"), 4, 16, 4),
        ("digits-linear", parse("1x2"), None, 9, 4),
        ("digits-linear", parse("1x3"), None, 16, 4),
        ("digits-linear", parse("3x2"), None, 17, 4),
        ("digits-linear", parse("2x1"), 5, 8, 4),
        ("digits-linear", DEAD, None, 12, 4),
    ],
    ids=str,
)
def test_every_node_equals_golden(workload, mesh, shards, batch, threads):
    """Nothing is classified: one step and its comparison are enough."""
    options = Options(workload, 2, batch, engine="iss", config="tiny", mesh=mesh, shards=shards, threads=threads, seed=5)
    step, model = options.step(), options.model
    nodes, batches = Nodes(options), model.training(batch, 5)
    simulated = next(iter(nodes.machine.hosts.values())).edge.machine
    outcome = train.Outcome(model.initial(step, 5))
    nodes.begin(step.state(outcome.state))
    for _ in range(2):
        outcome = train.advance(options, step, outcome, next(batches), nodes)
    weights = sum(tensor.rows * tensor.columns for tensor in step.tensors.values() if tensor.kind.name == "STATE")
    assert outcome.compared == 2 * (weights * len(mesh.live) + batch)
    assert all(not any(node.semaphores) for node in simulated.nodes.values())  # whatever is raised is waited for


def test_a_wrong_bit_on_one_node_is_told(monkeypatch):
    """The second node's copy of a weight is turned before it is compared."""
    options = Options("digits-linear", 1, 8, engine="iss", config="tiny", mesh=parse("2x1"))
    step, model = options.step(), options.model
    nodes = Nodes(options)
    state = model.initial(step, 0)
    nodes.begin(step.state(state))
    inputs = next(model.training(8, 0))
    nodes.step(inputs)
    matrix = nodes.mesh.layouts[2, 1].matrices["W"]
    host = nodes.machine.hosts[2, 1]
    host.write([(matrix.address, bytes([host.read(matrix.address, 1)[0] ^ 1]))])
    sentence = r"step 1: W\[0, 0\] of node 2,1 is .* on the simulator, .* in golden; 1 of 650 elements differ"
    with pytest.raises(Mismatch, match=sentence):
        nodes.compare(1, step.reference({**step.state(state), **inputs}))


def test_a_run_on_a_mesh_reports_it(say, tmp_path, no_build):
    said = say("train --engine iss --mesh 2x1 --steps 1 --batch 90 --config tiny --workload digits-linear")
    assert said.status == 0 and "on the simulator (tiny), 2x1 nodes" in said.out and "0 mismatches" in said.out
    report = json.loads((tmp_path / "build/sim/report.json").read_text())
    assert (report["mesh"], report["shards"], report["engine"], report["mismatches"]) == ("2x1", 2, "iss", 0)
    assert report["test_accuracy"] is not None and report["weights_compared"] > 0


def test_the_same_weights_from_every_mesh():
    """Golden with eight shards, on one node, four and six."""
    finals = []
    for mesh in ("1x1", "2x2", "1x3", "3x2"):
        options = Options("digits-linear", 3, 16, engine="golden", mesh=parse(mesh), shards=8)
        finals.append(train.train(options, lambda *_: None).state["W"])
    assert all(np.array_equal(finals[0], other) for other in finals[1:])
