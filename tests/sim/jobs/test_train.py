"""Training in NumPy alone: what is reported, and a training that diverges."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from golden.arch.mesh import MeshConfig
from sim.jobs import train
from sim.jobs.train_options import Options


def refuse(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def test_a_training_that_diverges_says_so_and_leaves_a_valid_report(say, tmp_path, no_build):
    said = say("train --engine golden --steps 9 --batch 16 --rate 1e30")
    assert said.status == 1
    sentence = (
        "training diverged at step 2: Zt (written by layer2) is the first tensor with NaN or Inf in it; try a learning rate below 1e+30"
    )
    assert said.err == f"{sentence}\n" and "accuracy" not in said.out
    report = json.loads((tmp_path / "build/sim/report.json").read_text(), parse_constant=refuse)
    assert report["diverged"] == sentence and report["test_accuracy"] is None
    assert report["loss"][0] > 0 and report["loss"][1:] == [None] and report["steps"] == 2
    assert {"loss.png", "weights.npz"} <= {path.name for path in (tmp_path / "build/sim").iterdir()}


def test_a_report_says_with_what_it_trained(say, tmp_path, no_build):
    assert say("train --engine golden --steps 3 --batch 16 --seed 4 --config tiny --workload digits-linear --rate 0.5").status == 0
    report = json.loads((tmp_path / "build/sim/report.json").read_text(), parse_constant=refuse)
    expected = {
        "workload": "digits-linear",
        "config": "tiny",
        "batch": 16,
        "seed": 4,
        "rate": 0.5,
        "steps": 3,
        "engine": "golden",
        "diverged": None,
    }
    assert {key: report[key] for key in expected} == expected and len(report["loss"]) == 3
    fields = "workload mesh format seed steps mismatches weights_compared loss test_accuracy cycles macs utilisation sim_khz wall_s"
    assert set(fields.split()) <= set(report)


def test_what_is_not_given_is_the_workloads():
    options = Options("digits-linear", engine="golden")
    assert (options.steps, options.batch, options.rate) == (660, 32, 0.3)
    assert re.fullmatch(r"--workload digits-linear --batch 32 --rate 0.3 --seed 0 --engine golden --config d1", options.flags)
    across = replace(options, mesh=MeshConfig(3, 2, frozenset({(2, 2)})), shards=16)
    assert across.flags.endswith("--config d1 --mesh 3x2 --shards 16 --dead 2,2")
    assert replace(across, shards=None).shards == 8


def test_a_training_in_cfloat8_goes_on_where_it_was_interrupted(tmp_path):
    """A checkpoint holds copies and biases beside the masters: what follows has the same bits."""

    def stop(step, loss, cycles):
        if step == 3:
            raise KeyboardInterrupt

    def quiet(step, loss, cycles):
        pass

    options = Options(engine="golden", format="cfloat8", steps=6, batch=16, seed=3, latest=tmp_path / "sim")
    assert options.flags.endswith("--format cfloat8") and train.train(options, stop).interrupted
    outcome = train.train(replace(options, resume=True), quiet)
    whole = train.train(options, quiet)
    assert outcome.loss == whole.loss and outcome.accuracy == whole.accuracy and "biases" in whole.state
    assert all(np.array_equal(outcome.state[name], whole.state[name]) for name in whole.state)
    assert sorted(np.load(train.save_weights(tmp_path, whole))) == ["W1", "W2"]


def test_cfloat8_is_told_where_it_is_asked_for_and_where_it_fails(say, tmp_path, no_build):
    assert "training digits-mlp in cfloat8, 1 step of batch 16" in say("train --engine golden --format cfloat8 --steps 1 --batch 16").out
    report = json.loads((tmp_path / "build/sim/report.json").read_text(), parse_constant=refuse)
    assert report["format"] == "cfloat8" and report["test_accuracy"] > 0
    said = say("train --engine golden --format cfloat8 --steps 9 --batch 16 --rate 1e38")
    assert said.status == 1 and re.match(r"training diverged at step \d: W\d \(written by update\d\) is the first tensor", said.err)
    said = say("train --engine golden --format cfloat8 --shards 2")
    assert said.status != 0 and "cfloat8 trains in one shard on one node" in said.err
