"""Training data: the handwritten digits that scikit-learn ships (1,797 images of 8x8, ten classes)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRAIN = 1437
TOTAL = 1797


@dataclass(frozen=True)
class Digits:
    """Images as rows of 64 pixels divided by 16 (float32), labels 0 to 9; split by a fixed permutation."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def load_digits() -> Digits:
    """The digits, shuffled with ``default_rng(0)``: the first 1,437 train, the last 360 test."""
    from sklearn.datasets import load_digits as load

    images, labels = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(TOTAL)
    images, labels = (images[order] / 16).astype(np.float32), labels[order].astype(np.int64)
    return Digits(images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:])


def batches(count: int, batch: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Indices of one batch after another, without end: a fresh permutation per epoch, its incomplete last batch dropped."""
    if not 1 <= batch <= count:
        raise ValueError(f"a batch of {batch} does not fit {count} training images: 1 to {count}")
    rng = np.random.default_rng([seed, 1])
    while True:
        order = rng.permutation(count)
        for start in range(0, count - batch + 1, batch):
            yield order[start : start + batch]
