"""Training on the RTL: everything equal to golden after every step, and a difference or a divergence is told."""


import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig
from golden.kernels.sgd import Sgd
from golden.workloads import WORKLOADS
from sim.jobs import machine, train
from sim.jobs.train_nodes import Mismatch
from sim.jobs.train_options import Options

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def traced_node(monkeypatch):
    """The models that other tests run."""
    for name in ("engine", "mesh_engine"):
        made = getattr(machine, name)
        monkeypatch.setattr(machine, name, lambda *args, made=made, **given: made(*args, **{**given, "trace": True}))


def quiet(step, loss, cycles):
    pass


def options(tmp_path, **more):
    return Options(**{"steps": 2, "batch": 16, "config": "tiny", "latest": tmp_path / "sim", **more})


def same(one: train.Outcome, two: train.Outcome) -> bool:
    """Whether two runs have the same bits."""
    return (
        one.loss == two.loss and one.state.keys() == two.state.keys() and all(np.array_equal(one.state[k], two.state[k]) for k in one.state)
    )


# Those in which the machine can train: CFloat8 needs conversions and random words.
FORMATS = ["bf16", "cfloat8"] if get_config("tiny").features >= {"cfloat8", "narrow", "stochastic"} else ["bf16"]


@pytest.mark.parametrize(
    ("workload", "format"), [(name, format) for name in sorted(WORKLOADS) for format in FORMATS if format in WORKLOADS[name].formats]
)
def test_two_steps_equal_golden(tmp_path, workload, format):
    chosen = {"workload": workload, "format": format}
    outcome = train.train(options(tmp_path, **chosen), quiet)
    golden = train.train(options(tmp_path, **chosen, engine="golden"), quiet)
    step = options(tmp_path, **chosen).step()
    assert outcome.compared == 2 * sum(tensor.rows * tensor.columns for tensor in step.compared)
    assert same(outcome, golden) and outcome.accuracy == golden.accuracy and outcome.held_out == 360
    report = train.report(options(tmp_path, **chosen), outcome)
    assert report["format"] == format and report["mismatches"] == 0 and report["cycles"] > 0 and report["config"] == "tiny"


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_any_number_of_threads_equals_golden(tmp_path, threads):
    """Four slices of 16 samples."""
    outcome, golden = (train.train(options(tmp_path, engine=engine, batch=64, threads=threads), quiet) for engine in ("rtl", "golden"))
    assert outcome.compared and same(outcome, golden) and outcome.accuracy == golden.accuracy


def test_a_batch_in_shards_equals_golden(tmp_path):
    """Four shards on one node, their gradients added there."""
    outcome, golden = (train.train(options(tmp_path, engine=engine, shards=4), quiet) for engine in ("rtl", "golden"))
    assert outcome.compared and same(outcome, golden) and outcome.accuracy == golden.accuracy


@pytest.mark.mesh
def test_four_nodes_equal_golden_and_one_node(tmp_path):
    """A shard on each, every weight compared on each."""
    mesh = MeshConfig(2, 2)
    outcome = train.train(options(tmp_path, mesh=mesh), quiet)
    step = options(tmp_path, mesh=mesh).step()
    assert outcome.compared > 2 * len(mesh.live) * sum(tensor.rows * tensor.columns for tensor in step.saved)
    assert same(outcome, train.train(options(tmp_path, engine="golden", shards=4), quiet)) and outcome.held_out == 360


@pytest.mark.mesh
def test_five_nodes_round_a_dead_one_equal_golden_also_when_interrupted(tmp_path):
    """2,1 is dead: between 1,1 and 3,1 no dimension order leads. The first step ends in an interruption, the second goes on."""

    def stop(step, loss, cycles):
        raise KeyboardInterrupt

    mesh = MeshConfig(3, 2, frozenset({(2, 1)}))
    assert train.train(options(tmp_path, mesh=mesh), stop).interrupted
    outcome = train.train(options(tmp_path, mesh=mesh, resume=True), quiet)
    assert same(outcome, train.train(options(tmp_path, engine="golden", shards=8), quiet)) and outcome.held_out == 360


@pytest.mark.mesh
def test_a_wrong_bit_on_one_node_of_four_is_told(tmp_path, monkeypatch):
    """In its own copy of a weight, which no other node reads."""
    begin = train.Nodes.begin

    def wrong(self, state):
        begin(self, state)
        node = (2, 1)
        self.machine.hosts[node].write([(self.mesh.layouts[node].matrices["W1"].address + 2, b"\x7f")])

    monkeypatch.setattr(train.Nodes, "begin", wrong)
    with pytest.raises(Mismatch, match=r"step 1: W1\[0, 0\] of node 2,1 is (.|\n)*rerun: .* --steps 1 .* --mesh 2x2"):
        train.train(options(tmp_path, mesh=MeshConfig(2, 2)), quiet)


def test_one_wrong_rounding_in_golden_stops_the_run(tmp_path, monkeypatch):
    reference = Sgd.reference

    def wrong(self, w, dw, rate):
        new = reference(self, w, dw, rate)
        new["w"][3, 5] ^= 1
        return new

    monkeypatch.setattr(Sgd, "reference", wrong)
    with pytest.raises(Mismatch, match=r"step 1: W1\[3, 5\] is (.|\n)*rerun with waves: make waves"):
        train.train(options(tmp_path), quiet)


def test_a_training_that_diverges_has_the_same_bits_on_both(tmp_path):
    """NaN and Inf are compared too."""
    outcome, golden = (train.train(options(tmp_path, engine=engine, rate=1e30, steps=9), quiet) for engine in ("rtl", "golden"))
    assert outcome.diverged == golden.diverged and outcome.diverged.startswith("training diverged at step 2: Zt (written by layer2) ")
    assert len(outcome.loss) == 2 and outcome.accuracy is None
    assert all(np.array_equal(outcome.state[name], golden.state[name]) for name in golden.state)


def test_an_interrupted_run_goes_on_with_the_same_bits(tmp_path):
    def stop(step, loss, cycles):
        if step == 1:
            raise KeyboardInterrupt

    first = train.train(options(tmp_path), stop)
    assert first.interrupted and train.checkpoint_file(options(tmp_path)).is_file()
    outcome = train.train(options(tmp_path, resume=True), quiet)
    assert same(outcome, train.train(options(tmp_path, engine="golden"), quiet))
