"""Softmax cross-entropy: against float64 and its differences, and the program against the reference."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels import KERNELS, softmax
from golden.kernels.softmax import CLASSES
from tests.golden.kernels.bench import bf16_values, check, f32_values, gradient

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]


def build(config=TINY, **parameters):
    return KERNELS["softmax"].build(config, np.random.default_rng(5), **parameters)


def exact_loss(z: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Per sample, divided by the batch, in float64."""
    top = z.max(axis=0)
    return (np.log(np.exp(z - top).sum(axis=0)) + top - z[classes, np.arange(z.shape[1])]) / z.shape[1]


def example(rng, batch: int, scale: float = 4.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Logits, classes, and the reference's dZ and loss as numbers."""
    z = (scale * rng.standard_normal((CLASSES, batch))).astype(np.float32)
    classes = rng.integers(0, CLASSES, batch)
    dz, loss = softmax.reference(z.view(np.uint32), softmax.labels(classes, batch), batch)
    return z.astype(np.float64), classes, bf16_values(dz), f32_values(loss)


@pytest.mark.parametrize("scale", [0.1, 4.0, 30.0])
def test_loss_against_float64(scale, rng):
    """Logits up to |z| are scaled by log2(e) with an error of 2^-23 of them, which the exponent turns into as much of the sum; the loss
    adds m / batch and the label's logit, rounded to 2^-24 each; exp2 and log2 err by less than two places (2^-23) each."""
    z, classes, _, loss = example(rng, 32, scale)
    tolerance = (6 * np.abs(z).max() + 8) * 2.0**-23 / 32
    assert (np.abs(loss - exact_loss(z, classes)) <= tolerance).all()


@pytest.mark.parametrize("scale", [0.1, 4.0, 30.0])
def test_gradient_against_differences(scale, rng):
    """dZ is rounded to BF16, half a place: 2^-8 of it; before, each exponential errs by (4 |z| + 8) places of 2^-23; differences of h =
    1e-6 err by h^2 and by 2^-52 of the loss over h."""
    z, classes, dz, _ = example(rng, 12, scale)
    exact = gradient(lambda v: exact_loss(v, classes).sum(), z)
    tolerance = 2.0**-8 * np.abs(exact) + ((4 * np.abs(z).max() + 8) * 2.0**-23) / 12 + 2.0**-52 * 100 * np.abs(z).max() / 1e-6
    assert (np.abs(dz - exact) <= tolerance).all()


def test_gradients_of_a_sample_add_up_to_nothing(rng):
    _, _, dz, _ = example(rng, 20)
    assert (np.abs(dz.sum(axis=0)) <= CLASSES * 2.0**-8 / 20).all()


def test_labels_are_shares_of_the_batch():
    y = f32_values(softmax.labels(np.array([3, 0]), 4))
    assert y.sum() == 0.5 and y[3, 0] == y[0, 1] == 0.25


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 32, 33, 64, 100])
def test_ragged_batches(n):
    check(build(n=n), TINY)


def test_every_number_of_classes_has_registers():
    for classes in range(2, CLASSES + 1):
        assert softmax.text(32, "s", classes).startswith("s:")
    for bad in (1, 11):
        with pytest.raises(ValueError, match=f"softmax: {bad} classes, the registers hold 2 to 10"):
            softmax.text(32, "s", bad)


@pytest.mark.parametrize(
    ("config", "n", "sentence"),
    [
        (TINY, 0, "softmax: 0 samples, a batch has at least 1"),
        (TINY, 3000, "Y needs 120000 bytes, .* of SRAM are left in tiny"),
    ],
)
def test_a_batch_that_cannot_be_is_one_sentence(config, n, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(config, n=n)
