"""The registry of kernels."""

import inspect

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels import KERNELS
from golden.kernels.job import random_bf16, register
from tests.golden.kernels.bench import bf16_values


def test_every_kernel_is_registered_with_its_parameters():
    assert set(KERNELS) == {"gemm", "relu-backward", "sgd", "softmax"}
    for kernel in KERNELS.values():
        names = list(inspect.signature(kernel.build).parameters)
        assert names[:2] == ["config", "rng"] and set(kernel.parameters) <= set(names[2:]) and kernel.summary


def test_every_kernel_builds_from_its_defaults_and_repeats():
    for kernel in KERNELS.values():
        one, two = (kernel.build(CONFIGS["tiny"], np.random.default_rng(3)) for _ in range(2))
        assert one.inputs == two.inputs and one.program.words == two.program.words and set(one.outputs) == set(one.expected)


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="kernel gemm is registered twice"):
        register("gemm", "another")(lambda config, rng: None)


def test_random_numbers_have_the_scale_asked_for():
    values = bf16_values(random_bf16(np.random.default_rng(0), (200, 200), 0.5))
    assert abs(values.std() - 0.5) < 0.01 and abs(values.mean()) < 0.01
