"""digits-cnn: how images lie, work, gradients against differences of the network in float64, accuracy."""

import numpy as np
import pytest

from golden.kernels.softmax import labels as one_hot
from golden.workloads.digits_cnn import FIRST, HIDDEN, SECOND, SIDE
from golden.workloads.workload import named
from tests.golden.kernels.bench import bf16_values, f32_values
from tests.golden.kernels.test_conv import convolved
from tests.golden.workloads.test_digits_mlp import accuracy, numerical, trained

CNN = named("digits-cnn")


def test_squares_of_pixels_are_channels():
    """Pixel (5, 2) is in square (2, 1), its lower left one."""
    image = np.zeros((1, 64), np.float32)
    image[0, 8 * 5 + 2] = 0.5
    x = bf16_values(CNN.pixels(image)).reshape(SIDE, SIDE, 4)
    assert np.argwhere(x).tolist() == [[2, 1, 2]] and x[2, 1, 2] == 0.5


def test_work_of_a_step():
    """A sample by hand: 4x4 pixels meet 10x10 taps, with a stride of 2 5x5; each convolution has two backward passes but the first one."""
    first, second, linear = 100 * 4 * FIRST, 25 * FIRST * SECOND, (HIDDEN + 1) * 10
    assert CNN.step(32).macs == 32 * (2 * first + 3 * second + 2 * linear + HIDDEN * 10)


def exact_loss(w1, w2, w3, x, labels) -> float:
    """Mean cross-entropy of the network in float64."""
    h1 = np.maximum(convolved(x.reshape(-1, SIDE, SIDE, 4), w1.reshape(3, 3, 4, FIRST), 1), 0)
    h2 = np.maximum(convolved(h1, w2.reshape(3, 3, FIRST, SECOND), 2), 0).reshape(len(x), -1)
    z = np.hstack([h2, np.ones((len(x), 1))]) @ w3
    top = z.max(axis=1)
    return float((np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[np.arange(len(x)), labels]).mean())


def test_gradients_against_differences(rng):
    """Each of five tensors in between is rounded to BF16 once, 2^-8 of it: a gradient is off by a few hundredths of its largest element."""
    weights, batch = trained(1, 5, workload=CNN)[0], 24
    step = CNN.step(batch)
    chosen = rng.choice(len(CNN.data.train_images), batch, replace=False)
    x, labels = CNN.pixels(CNN.data.train_images[chosen]), CNN.data.train_labels[chosen]
    new = step.reference({**step.state(weights), "X": x, "Y": one_hot(labels, batch)})
    copies = [bf16_values(step.state(weights)[f"W{number}_bf16"]) for number in (1, 2, 3)]
    inputs = bf16_values(x)
    assert abs(f32_values(new["loss"]).sum() - exact_loss(*copies, inputs, labels)) < 2.0**-6
    for number, at in enumerate(copies):
        places = [tuple(int(i) for i in rng.integers(0, at.shape)) for _ in range(40)]
        got = np.array([f32_values(new[f"dW{number + 1}"])[place] for place in places])
        exact = numerical(lambda w, number=number: exact_loss(*copies[:number], w, *copies[number + 1 :], inputs, labels), at, places)
        assert np.abs(got - exact).max() < 0.03 * np.abs(f32_values(new[f"dW{number + 1}"])).max(), f"W{number + 1}"


def test_a_short_training_learns():
    weights, losses = trained(0, 40, workload=CNN)
    assert np.mean(losses[-10:]) < 0.4 * np.mean(losses[:5]) and accuracy(weights, CNN) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("run_seed", range(5))
def test_a_whole_training_reaches_97_percent(run_seed):
    weights, _ = trained(run_seed, CNN.steps, workload=CNN)
    assert accuracy(weights, CNN) >= 0.97
