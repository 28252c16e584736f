"""Softmax cross-entropy: logits of any size, masked classes, differences, and programs of several passes."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.job import make_job, random_job
from golden.kernels.softmax import FP32_MAX, MOST_CLASSES, Softmax, labels
from tests.golden.kernels.bench import bf16_values, check, f32_values, gradient, run

TINY = CONFIGS["tiny"]


def outcome(z: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dZ and loss of logits (classes x samples) as numbers; the node's bits are the same."""
    kernel = Softmax(z.shape[1], len(z), z.shape[1])
    values = {"z": z.astype(np.float32).view(np.uint32), "y": labels(classes, z.shape[1], len(z))}
    job = make_job(TINY, kernel, values)
    check(job, TINY)
    return bf16_values(job.expected["dz"]), f32_values(job.expected["loss"])[0]


def alone(logits: list[float], label: int) -> tuple[np.ndarray, float]:
    dz, loss = outcome(np.array(logits)[:, None], np.array([label]))
    return dz[:, 0], float(loss[0])


@pytest.mark.parametrize("value", [0.0, 1.0, -1e4, 1e6, 1e9, -1e9, 1e10, FP32_MAX, -FP32_MAX, 1e-40])
def test_equal_logits_of_any_size(value):
    """ln 10, and dZ of 1/10 less the label: half a place of FP32 at 2.3 for the loss and four roundings; half a place of BF16 for dZ."""
    dz, loss = alone([value] * 10, 0)
    assert abs(loss - np.log(10)) <= 6 * 2.0**-24 * np.log(10)
    assert (np.abs(dz - (0.1 - np.eye(10)[0])) <= 2.0**-8 * np.abs(0.1 - np.eye(10)[0]) + 2.0**-22).all()


@pytest.mark.parametrize("scale", [1e2, 1e4, 1e6, 1e9, 1e30])
def test_a_difference_of_large_logits(scale):
    """The loss is the distance of the label from the maximum: one rounding of the difference, one of its share."""
    _, loss = alone([scale, 0.0, scale / 2], 2)
    exact = float(np.float32(scale)) - float(np.float32(scale / 2))
    assert abs(loss - exact) <= 2.0**-22 * exact


def test_minus_infinity_is_a_masked_class():
    dz, loss = alone([-np.inf] + [0.0] * 9, 1)
    assert abs(loss - np.log(9)) <= 6 * 2.0**-24 * np.log(9)
    assert dz[0] == 0 and abs(dz[1] + 8 / 9) <= 2.0**-8 and (np.abs(dz[2:] - 1 / 9) <= 2.0**-11).all()


def test_a_masked_label_has_an_infinite_loss_and_a_gradient():
    dz, loss = alone([0.0, -np.inf, 0.0], 1)
    assert loss == np.inf and dz.tolist() == [0.5, -1.0, 0.5]


def test_a_label_further_away_than_fp32_goes_is_a_masked_one():
    dz, loss = alone([FP32_MAX, -FP32_MAX], 1)
    assert loss == np.inf and dz.tolist() == [1.0, -1.0]


@pytest.mark.parametrize("logits", [[np.nan, 0.0, 1.0], [0.0, np.inf, 1.0], [-np.inf] * 3, [np.inf, np.inf, -np.inf]])
def test_what_has_no_softmax_is_nan_throughout_its_sample(logits):
    dz, loss = outcome(np.array([logits, [0.0, 1.0, 2.0]]).T, np.array([0, 1]))
    assert np.isnan(dz[:, 0]).all() and np.isnan(loss[0]) and np.isfinite(dz[:, 1]).all() and np.isfinite(loss[1])


@pytest.mark.parametrize("scale", [0.1, 4.0, 30.0])
def test_gradient_against_differences(scale, rng):
    """dZ is rounded to BF16, half a place: 2^-8 of it; before, each exponential errs by (4 |z| + 8) places of 2^-23; differences of h =
    1e-6 err by h^2 and by 2^-52 of the loss over h."""

    def exact_loss(z):
        top = z.max(axis=0)
        return (np.log(np.exp(z - top).sum(axis=0)) + top - z[classes, np.arange(z.shape[1])]).sum() / z.shape[1]

    z, classes = (scale * rng.standard_normal((10, 12))).astype(np.float32).astype(np.float64), rng.integers(0, 10, 12)
    dz, _ = outcome(z, classes)
    exact = gradient(exact_loss, z)
    tolerance = 2.0**-8 * np.abs(exact) + ((4 * np.abs(z).max() + 8) * 2.0**-23) / 12 + 2.0**-52 * 100 * np.abs(z).max() / 1e-6
    assert (np.abs(dz - exact) <= tolerance).all()


def test_gradients_of_a_sample_add_up_to_nothing(rng):
    dz, _ = outcome(4 * rng.standard_normal((10, 20)), rng.integers(0, 10, 20))
    assert (np.abs(dz.sum(axis=0)) <= 10 * 2.0**-8 / 20).all()


def test_labels_are_shares_of_the_batch():
    y = f32_values(labels(np.array([3, 0]), 4))
    assert y.sum() == 0.5 and y[3, 0] == y[0, 1] == 0.25


def test_the_batch_may_be_larger_than_the_samples(rng):
    """A shard's loss and gradient are its part of the whole batch's mean."""
    z, classes = rng.standard_normal((10, 8)).astype(np.float32).view(np.uint32), rng.integers(0, 10, 8)
    whole = Softmax(8, 10, 8).reference(z, labels(classes, 8), Softmax(8, 10, 8).constants())
    for first in (0, 4):
        part = slice(first, first + 4)
        half = Softmax(4, 10, 8).reference(z[:, part], labels(classes[part], 8), Softmax(4, 10, 8).constants())
        assert np.array_equal(half["dz"], whole["dz"][:, part]) and np.array_equal(half["loss"], whole["loss"][:, part])


@pytest.mark.parametrize("n", [1, 15, 16, 17, 31, 32, 33, 64, 100])
def test_ragged_batches(n):
    run(TINY, "softmax", n=n, batch=n)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"n": 0}, "softmax: n is 0, it is a whole number from 1 to 16383"),
        ({"classes": 1}, f"softmax: classes is 1, it is a whole number from 2 to {MOST_CLASSES}"),
        ({"classes": 11}, f"softmax: classes is 11, it is a whole number from 2 to {MOST_CLASSES}"),
        ({"n": 3000}, "y of softmax needs 120000 bytes, .* of SRAM are left in tiny"),
    ],
)
def test_a_batch_that_cannot_be_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        random_job(TINY, "softmax", np.random.default_rng(0), **parameters)
