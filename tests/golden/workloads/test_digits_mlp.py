"""digits-mlp: gradients against float64 differences, a step on the simulator against the reference, accuracy."""

import itertools

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.memmap import ThreadState
from golden.iss.node import Simulator, describe_fault
from golden.iss.state import Node
from golden.kernels import softmax
from golden.kernels.job import Launch
from golden.workloads import digits_mlp
from golden.workloads.data import batches, load_digits
from golden.workloads.digits_mlp import HIDDEN, RATE, STEPS, Machine, Weights
from tests.golden.kernels.bench import bf16_values, f32_values

TINY = CONFIGS["tiny"]
RATE_BITS = np.float32(RATE).view(np.uint32)


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def trained(digits, seed: int, steps: int, batch: int = 32) -> tuple[Weights, list[float]]:
    """Weights after some steps of the reference, and the losses."""
    weights, losses = digits_mlp.initial_weights(seed), []
    for chosen in itertools.islice(batches(len(digits.train_images), batch, seed), steps):
        x = digits_mlp.with_ones(digits.train_images[chosen])
        weights, loss = digits_mlp.train_step(weights, x, softmax.labels(digits.train_labels[chosen], batch), RATE_BITS)
        losses.append(float(f32_values(loss).sum()))
    return weights, losses


def accuracy(digits, weights: Weights) -> float:
    _, zt = digits_mlp.forward(weights, digits_mlp.with_ones(digits.test_images))
    return float((digits_mlp.classify(zt) == digits.test_labels).mean())


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
def test_gradients_against_differences(digits, steps, rng):
    """The gradients of a step are read off the masters: (W - new) / rate, which adds half a place of W: 2^-24 |W| / rate."""
    weights, _ = trained(digits, 1, steps)
    batch = 24
    chosen = rng.choice(len(digits.train_images), batch, replace=False)
    x, labels = digits_mlp.with_ones(digits.train_images[chosen]), digits.train_labels[chosen]
    new, loss = digits_mlp.train_step(weights, x, softmax.labels(labels, batch), RATE_BITS)
    w1, w2 = (bf16_values(copy) for copy in weights.copies())
    inputs = bf16_values(x)
    assert abs(f32_values(loss).sum() - exact_loss(w1, w2, inputs, labels)) < 2.0**-6
    for name, old, changed, at, bound, function in (
        ("dW1", weights.w1, new.w1, w1, bounds(inputs, w1, w2, labels)[0], lambda w: exact_loss(w, w2, inputs, labels)),
        ("dW2", weights.w2, new.w2, w2, bounds(inputs, w1, w2, labels)[1], lambda w: exact_loss(w1, w, inputs, labels)),
    ):
        places = [tuple(int(i) for i in rng.integers(0, at.shape)) for _ in range(120)] + [(at.shape[0] - 1, 3)]
        got = np.array([(f32_values(old)[place] - f32_values(changed)[place]) / float(np.float32(RATE)) for place in places])
        exact = numerical(function, at, places)
        tolerance = np.array([bound[place] + 2.0**-24 * (abs(at[place]) + 1) / RATE for place in places]) + 1e-8
        assert (np.abs(got - exact) <= tolerance).all(), name
        assert np.abs(exact).max() > 3 * tolerance[np.abs(exact).argmax()], f"{name}: the bound says nothing"


def test_work_of_a_step():
    """Batch 32 by hand: 32 (65 * 32) + 32 (33 * 10) forwards; backwards 32 (32 * 10) + 32 (33 * 10) + 32 (65 * 32)."""
    assert digits_mlp.macs(32) == 66_560 + 10_560 + 10_240 + 10_560 + 66_560


def test_initial_weights_depend_on_the_seed_and_have_no_bias():
    one, two, other = (digits_mlp.initial_weights(seed) for seed in (1, 1, 2))
    assert np.array_equal(one.w1, two.w1) and not np.array_equal(one.w1, other.w1)
    assert not one.w1[-1].any() and not one.w2[-1].any()
    assert abs(f32_values(one.w1[:-1]).std() - np.sqrt(2 / 64)) < 0.01


def test_a_short_training_learns(digits):
    weights, losses = trained(digits, 0, 60)
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10]) and accuracy(digits, weights) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("run_seed", range(5))
def test_a_whole_training_reaches_95_percent(digits, run_seed):
    weights, _ = trained(digits, run_seed, STEPS)
    assert accuracy(digits, weights) >= 0.95


# --- the program -----------------------------------------------------------------------------------------------------------------


class Trainer:
    """A machine on a simulated node, as a host sees it."""

    def __init__(self, batch: int, weights: Weights, config=TINY) -> None:
        self.machine, self.node = Machine(config, batch), Node(config)
        self.simulator = Simulator(self.node)
        self.write(self.machine.initial(weights))

    def write(self, pieces: list[tuple[int, bytes]]) -> None:
        for address, image in pieces:
            self.node.write(address, image)

    def run(self, launch: Launch) -> None:
        for thread in self.node.threads:
            thread.forget()
        self.simulator.strict = True
        self.node.threads[launch.thread].start(launch.pc, launch.args)
        self.simulator.finish()
        for thread in self.node.threads:
            assert thread.state is ThreadState.IDLE, describe_fault(self.node, thread)

    def read(self, matrix) -> np.ndarray:
        return matrix.unpack(self.node.read(matrix.address, matrix.size))


def expect(trainer: Trainer, weights: Weights, loss: np.ndarray) -> None:
    copies = weights.copies()
    expected = {"W1": weights.w1, "W2": weights.w2, "W1_bf16": copies[0], "W2_bf16": copies[1], "loss": loss[None]}
    for name, matrix in trainer.machine.weights().items():
        assert np.array_equal(trainer.read(matrix), expected[name]), name


@pytest.mark.parametrize(("batch", "steps"), [(32, 3), (1, 2), (7, 2), (33, 1), (64, 1)])
def test_steps_on_the_simulator_equal_the_reference(digits, batch, steps):
    weights = digits_mlp.initial_weights(batch)
    trainer = Trainer(batch, weights)
    for chosen in itertools.islice(batches(len(digits.train_images), batch, batch), steps):
        images, labels = digits_mlp.with_ones(digits.train_images[chosen]), digits.train_labels[chosen]
        trainer.write(trainer.machine.batch_inputs(images, labels))
        trainer.run(trainer.machine.train)
        weights, loss = digits_mlp.train_step(weights, images, softmax.labels(labels, batch), RATE_BITS)
        expect(trainer, weights, loss)


def test_the_phases_are_the_step(digits):
    weights = digits_mlp.initial_weights(0)
    trainer = Trainer(16, weights)
    images, labels = digits_mlp.with_ones(digits.train_images[:16]), digits.train_labels[:16]
    trainer.write(trainer.machine.batch_inputs(images, labels))
    for launch in trainer.machine.phases.values():
        trainer.run(launch)
    expect(trainer, *digits_mlp.train_step(weights, images, softmax.labels(labels, 16), RATE_BITS))
    assert list(trainer.machine.phases) == [
        "layer1", "layer2", "loss", "grad_h", "mask", "grad_w2", "grad_w1", "update1", "update2",
    ]


def test_classification_on_the_simulator(digits):
    """Fewer images than the batch: the rows that are left over are zeros, and their logits are not looked at."""
    weights, _ = trained(digits, 0, 20)
    trainer = Trainer(32, weights)
    images = digits_mlp.with_ones(digits.test_images[:20])
    trainer.write(trainer.machine.batch_inputs(images))
    trainer.run(trainer.machine.infer)
    _, zt = digits_mlp.forward(weights, images)
    assert np.array_equal(trainer.read(trainer.machine.zt)[:, :20], zt)


def test_nothing_but_results_changes(digits):
    """X, Y, constants, arguments, the program and the column of ones are what the host wrote."""
    weights = digits_mlp.initial_weights(2)
    trainer = Trainer(9, weights)
    machine = trainer.machine
    trainer.write(machine.batch_inputs(digits_mlp.with_ones(digits.train_images[:9]), digits.train_labels[:9]))
    fixed = [(machine.program.origin, len(machine.program.image)), (machine.arguments, 1024)]
    fixed += [(m.address, m.size) for m in (machine.x, machine.y, machine.constants, machine.rates)]
    before = [trainer.node.read(*piece) for piece in fixed]
    trainer.run(machine.train)
    assert [trainer.node.read(*piece) for piece in fixed] == before
    assert (trainer.read(machine.h)[:, HIDDEN] == 0x3F80).all()


@pytest.mark.parametrize("batch", [0, 1025])
def test_a_batch_that_does_not_exist_is_one_sentence(batch):
    with pytest.raises(ValueError, match=f"digits-mlp: a batch of {batch} does not exist here: 1 to 1024"):
        Machine(TINY, batch)


def test_a_batch_too_large_for_the_memory_is_one_sentence():
    with pytest.raises(ValueError, match=r"\w+ needs \d+ bytes, \d+ of the 131072 bytes of SRAM are left in tiny"):
        Machine(TINY, 512)
