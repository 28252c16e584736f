"""digits-mlp: gradients against float64 differences, work, accuracy."""

import itertools

import numpy as np
import pytest

from golden.kernels.softmax import labels as one_hot
from golden.workloads.classifier import with_ones
from golden.workloads.workload import named
from tests.golden.kernels.bench import bf16_values, f32_values

MLP = named("digits-mlp")


def trained(seed: int, steps: int, batch: int = 32, workload=MLP) -> tuple[dict[str, np.ndarray], list[float]]:
    """What a checkpoint holds after some steps of the reference, and the losses."""
    step = workload.step(batch)
    saved, losses = workload.initial(step, seed), []
    for inputs in itertools.islice(workload.training(batch, seed), steps):
        values = step.reference({**step.state(saved), **inputs})
        saved = {tensor.name: values[tensor.name] for tensor in step.saved}
        losses.append(float(f32_values(values["loss"]).sum()))
    return saved, losses


def accuracy(saved: dict[str, np.ndarray], workload=MLP) -> float:
    step = workload.step(360)
    ((inputs, labels),) = workload.held_out(360)
    return float((workload.classes(step.infer({**step.state(saved), **inputs})) == labels).mean())


# --- the reference -----------------------------------------------------------------------------------------------------------------


def exact_loss(w1: np.ndarray, w2: np.ndarray, x: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy of the network in float64."""
    h = np.hstack([np.maximum(x @ w1, 0), np.ones((len(x), 1))])
    z = h @ w2
    top = z.max(axis=1)
    return float((np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[np.arange(len(x)), labels]).mean())


def numerical(function, at: np.ndarray, places: list[tuple[int, int]], h: float = 1e-6) -> np.ndarray:
    """Central differences at some places of a matrix."""
    slopes = []
    for place in places:
        up, down = at.copy(), at.copy()
        up[place] += h
        down[place] -= h
        slopes.append((function(up) - function(down)) / (2 * h))
    return np.array(slopes)


def bounds(x: np.ndarray, w1: np.ndarray, w2: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the gradients of W1 and W2 may lie from the exact ones.

    Each activation is rounded to BF16 once, u = 2^-8 of it at most. H off by u |H| moves the logits by E_z = u |H| |W2|, so the
    probabilities by at most 2 max E_z of themselves; dZ = (p - y) / B is rounded too: E_dz = (2 max E_z p + u |p - y|) / B. Then
    dW2 = H' dZ is off by |H|' E_dz + u |H|' |dZ|, dH = dZ W2' by E_dz |W2|', dHm by u more of itself, and dW1 = X' dHm by |X|' of that.
    One part in a hundred covers products of two errors; FP32 roundings (2^-24) are far below it.
    """
    u, batch = 2.0**-8, len(x)
    h = np.hstack([np.maximum(x @ w1, 0), np.ones((batch, 1))])
    z = h @ w2
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    error_z = u * (h @ np.abs(w2)).max(axis=1, keepdims=True)
    wrong = p - np.eye(p.shape[1])[labels]
    error_dz = (2 * error_z * p + u * np.abs(wrong)) / batch
    dz = np.abs(wrong) / batch
    error_dw2 = h.T @ (error_dz + u * dz)
    error_dh = error_dz @ np.abs(w2[:-1]).T + u * np.abs(wrong / batch @ w2[:-1].T)
    error_dw1 = np.abs(x).T @ (error_dh * (h[:, :-1] > 0))
    return 1.01 * error_dw1, 1.01 * error_dw2


@pytest.mark.parametrize("steps", [0, 30])
def test_gradients_against_differences(steps, rng):
    """The gradients of a step are read off the masters: (W - new) / rate, which adds half a place of W: 2^-24 |W| / rate."""
    weights, _ = trained(1, steps)
    batch = 24
    step = MLP.step(batch)
    chosen = rng.choice(len(MLP.data.train_images), batch, replace=False)
    x, labels = with_ones(MLP.data.train_images[chosen]), MLP.data.train_labels[chosen]
    new = step.reference({**step.state(weights), "X": x, "Y": one_hot(labels, batch)})
    w1, w2 = (bf16_values(step.state(weights)[f"{name}_bf16"]) for name in ("W1", "W2"))
    inputs = bf16_values(x)
    assert abs(f32_values(new["loss"]).sum() - exact_loss(w1, w2, inputs, labels)) < 2.0**-6
    of_w1, of_w2 = bounds(inputs, w1, w2, labels)
    for name, at, bound, function in (
        ("W1", w1, of_w1, lambda w: exact_loss(w, w2, inputs, labels)),
        ("W2", w2, of_w2, lambda w: exact_loss(w1, w, inputs, labels)),
    ):
        old, changed = f32_values(weights[name]), f32_values(new[name])
        places = [tuple(int(i) for i in rng.integers(0, at.shape)) for _ in range(120)] + [(at.shape[0] - 1, 3)]
        got = np.array([(old[place] - changed[place]) / float(np.float32(MLP.rate)) for place in places])
        exact = numerical(function, at, places)
        tolerance = np.array([bound[place] + 2.0**-24 * (abs(at[place]) + 1) / MLP.rate for place in places]) + 1e-8
        assert (np.abs(got - exact) <= tolerance).all(), name
        assert np.abs(exact).max() > 3 * tolerance[np.abs(exact).argmax()], f"{name}: the bound says nothing"


def test_work_of_a_step():
    """Batch 32 by hand: 32 (65 * 32) + 32 (33 * 10) forwards; backwards 32 (32 * 10) + 32 (33 * 10) + 32 (65 * 32)."""
    assert MLP.step(32).macs == 66_560 + 10_560 + 10_240 + 10_560 + 66_560


def test_calls_of_a_step():
    names = ["layer1", "layer2", "loss", "grad_h", "mask", "grad_w2", "grad_w1", "update1", "update2"]
    assert [call.name for call in MLP.step(32).calls] == names and MLP.step(32).forward == 2


def test_a_short_training_learns():
    weights, losses = trained(0, 60)
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10]) and accuracy(weights) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("run_seed", range(5))
def test_a_whole_training_reaches_95_percent(run_seed):
    weights, _ = trained(run_seed, MLP.steps)
    assert accuracy(weights) >= 0.95
