"""digits-mlp on the RTL: weights equal to golden after every step, and a difference is told."""

from functools import partial

import numpy as np
import pytest

from golden.kernels import sgd
from golden.workloads import digits_mlp
from sim.jobs import machine, train


@pytest.fixture(autouse=True)
def traced_node(monkeypatch):
    """The model that the other tests here run."""
    monkeypatch.setattr(machine, "engine", partial(machine.engine, trace=True))


def quiet(step, loss, cycles):
    pass


def options(tmp_path, **more):
    return train.Options(**{"steps": 2, "batch": 16, "config": "tiny", "folder": tmp_path, **more})


def test_two_steps_equal_golden(tmp_path):
    outcome = train.train(options(tmp_path), quiet)
    golden = train.train(options(tmp_path, engine="golden"), quiet)
    assert outcome.compared > 2 * (65 * 32 + 33 * 10)
    assert np.array_equal(outcome.weights.w1, golden.weights.w1) and outcome.loss == golden.loss
    assert outcome.accuracy == golden.accuracy
    report = train.report(options(tmp_path), outcome)
    assert report["mismatches"] == 0 and report["cycles"] > 0


def test_one_wrong_rounding_in_golden_stops_the_run(tmp_path, monkeypatch):
    reference = sgd.reference

    def wrong(w, dw, rate):
        new, copy = reference(w, dw, rate)
        new[3, 5] ^= 1
        return new, copy

    monkeypatch.setattr(digits_mlp.sgd, "reference", wrong)
    with pytest.raises(train.Mismatch, match=r"step 1: W1\[3, 5\] is (.|\n)*rerun with waves: make waves"):
        train.train(options(tmp_path), quiet)


def test_an_interrupted_run_goes_on_with_the_same_bits(tmp_path):
    def stop(step, loss, cycles):
        if step == 1:
            raise KeyboardInterrupt

    first = train.train(options(tmp_path), stop)
    assert first.interrupted and train.checkpoint_file(options(tmp_path)).is_file()
    outcome = train.train(options(tmp_path, resume=True), quiet)
    whole = train.train(options(tmp_path, engine="golden"), quiet)
    assert np.array_equal(outcome.weights.w1, whole.weights.w1) and outcome.loss == whole.loss
