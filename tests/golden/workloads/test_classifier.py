"""What classifiers of the digits share."""

import numpy as np

from golden.workloads.classifier import with_ones
from golden.workloads.workload import named
from tests.golden.kernels.bench import bf16_values, f32_values


def test_images_carry_a_column_of_ones():
    images = np.float32([[0.5, 0.25], [1.0, 0.0]])
    assert bf16_values(with_ones(images)).tolist() == [[0.5, 0.25, 1.0], [1.0, 0.0, 1.0]]


def test_initial_weights_have_no_bias_and_the_variance_of_their_inputs():
    made = named("digits-mlp")
    weights = made.initial(made.step(), 1)
    assert not weights["W1"][-1].any() and not weights["W2"][-1].any()
    assert abs(f32_values(weights["W1"][:-1]).std() - np.sqrt(2 / 64)) < 0.01


def test_inputs_are_the_data():
    made = named("digits-linear")
    inputs = next(made.training(5, 0))
    assert inputs["X"].shape == (5, 65) and inputs["Y"].shape == (10, 5) and (f32_values(inputs["Y"]).sum(axis=0) == np.float32(0.2)).all()
    parts = list(made.held_out(100))
    assert [len(labels) for _, labels in parts] == [100, 100, 100, 60] and all(inputs["X"].shape == (100, 65) for inputs, _ in parts)
    assert not parts[-1][0]["X"][60:].any()


def test_the_greatest_logit_is_the_class():
    logits = np.float32([[0, -1], [2, -3], [1, -2]]).view(np.uint32)
    assert named("digits-mlp").classes(logits).tolist() == [1, 0]
