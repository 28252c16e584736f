"""digits-linear: work and learning."""

import numpy as np

from golden.workloads.workload import named
from tests.golden.workloads.test_digits_mlp import accuracy, trained

LINEAR = named("digits-linear")


def test_work_of_a_step():
    """Batch 32 by hand: 32 (65 * 10) forwards and as many backwards."""
    assert LINEAR.step(32).macs == 20_800 + 20_800


def test_a_short_training_learns():
    weights, losses = trained(0, 100, workload=LINEAR)
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10]) and accuracy(weights, LINEAR) > 0.85
