"""What every classifier of the digits shares: X and Y from the data, initial weights, classes from transposed logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from golden.kernels.softmax import labels
from golden.numerics import convert
from golden.workloads.data import Digits, batches, load_digits
from golden.workloads.graph import Step
from golden.workloads.tensors import Tensor
from golden.workloads.workload import Workload

PIXELS, CLASSES = 64, 10
ONE_BF16 = np.uint16(0x3F80)


class DigitsClassifier(Workload):
    """A classifier of the handwritten digits: its inputs are X (BF16, a row an image, a last column of ones) and Y."""

    @cached_property
    def data(self) -> Digits:
        return load_digits()

    def data_inputs(self, step: Step, batch: int) -> tuple[Tensor, Tensor]:
        """X (batch x 65; the host has it in BF16) and Y (10 x batch, one-hot labels divided by the batch)."""
        return step.input("X", batch, PIXELS + 1, step.activations), step.input("Y", CLASSES, batch, "FP32", samples=1)

    def pixels(self, images: NDArray[np.float32]) -> NDArray[np.uint16]:
        """X of images."""
        return with_ones(images)

    def initial(self, step: Step, seed: int) -> dict[str, NDArray]:
        """Normal with variance 2 / inputs, biases (the last row) 0."""
        rng = np.random.default_rng([seed, 0])
        weights = {}
        for tensor in step.saved:
            if tensor.format != "FP32":
                continue
            values = np.zeros((tensor.rows, tensor.columns), np.float32)
            values[:-1] = rng.standard_normal((tensor.rows - 1, tensor.columns)) * np.sqrt(2 / (tensor.rows - 1))
            weights[tensor.name] = values.view(np.uint32)
        return weights

    def training(self, batch: int, seed: int) -> Iterator[Mapping[str, NDArray]]:
        images = self.pixels(self.data.train_images)
        for chosen in batches(len(images), batch, seed):
            yield {"X": images[chosen], "Y": labels(self.data.train_labels[chosen], batch)}

    def held_out(self, batch: int) -> Iterator[tuple[Mapping[str, NDArray], NDArray[np.int64]]]:
        images = self.pixels(self.data.test_images)
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            x = np.zeros((batch, images.shape[1]), np.uint16)
            x[: len(part)] = part
            yield {"X": x}, self.data.test_labels[start : start + batch]

    def classes(self, logits: NDArray) -> NDArray[np.int64]:
        """The class with the greatest logit, per column."""
        return np.argmax(convert.bits_f32(logits), axis=0)


def with_ones(images: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Images in BF16 with a last column of ones."""
    return np.hstack([convert.f32_to_bf16(convert.f32_bits(images)), np.full((len(images), 1), ONE_BF16)])
