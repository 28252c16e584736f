"""The digits: split, scale, batches that repeat."""

import itertools

import numpy as np
import pytest

from golden.workloads.data import TOTAL, TRAIN, batches, load_digits


def test_the_split_is_the_fixed_permutation():
    from sklearn.datasets import load_digits as load

    digits = load_digits()
    images, labels = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(1797)
    assert digits.train_images.shape == (1437, 64) and digits.test_images.shape == (360, 64)
    assert np.array_equal(digits.train_images[5], images[order[5]].astype(np.float32) / 16)
    assert np.array_equal(digits.test_labels, labels[order[1437:]])
    assert (TRAIN, TOTAL) == (1437, 1797) and digits.train_images.max() == 1.0
    assert digits.train_images.dtype == np.float32 and digits.train_labels.dtype == np.int64


def test_a_seed_gives_the_same_batches_and_every_image_once_an_epoch():
    one, two, other = (list(itertools.islice(batches(100, 30, seed), 7)) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    for epoch in (one[:3], one[3:6]):
        assert len(set(np.concatenate(epoch))) == 90
    assert not np.array_equal(one[0], one[3]), "each epoch has its own order"


@pytest.mark.parametrize("batch", [0, -1, 101])
def test_a_batch_that_does_not_fit_is_one_sentence(batch):
    with pytest.raises(ValueError, match=f"a batch of {batch} does not fit 100 training images: 1 to 100"):
        next(batches(100, batch, 0))
