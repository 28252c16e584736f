"""ReLU backward: against differences, signs and special numbers by hand, long and wide matrices."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.job import random_job
from golden.kernels.kernel import random_bf16
from golden.kernels.relu import ReluBackward
from tests.golden.kernels.bench import bf16_values, gradient, run

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]


def test_reference_against_differences(rng):
    """L = sum(max(X, 0) dY) away from the kink; the result is dY rounded to BF16: half a place, 2^-8 of it (and float64 over h)."""
    x, dy = random_bf16(rng, 9, 7), rng.standard_normal((9, 7)).astype(np.float32)
    x[np.abs(bf16_values(x)) < 1e-3] = 0x3F80
    got = bf16_values(ReluBackward(9, 7).reference(dy.view(np.uint32), x)["dx"])
    exact = gradient(lambda v: (np.maximum(v, 0) * dy).sum(), bf16_values(x))
    assert (np.abs(got - exact) <= 2.0**-8 * np.abs(dy) + 1e-8).all()
    assert (got[bf16_values(x) < 0] == 0).all() and (got != 0).any()


def test_what_is_not_positive_gives_plus_zero():
    """0, -0, -Inf, NaN and the smallest negative; the smallest positive and Inf pass dY."""
    x = np.array([[0x0000, 0x8000, 0xFF80, 0x7FC0, 0x8001, 0x0001, 0x7F80]], np.uint16)
    dy = np.full(x.shape, np.float32(-1.5)).view(np.uint32)
    assert ReluBackward(1, 7).reference(dy, x)["dx"].tolist() == [[0, 0, 0, 0, 0, 0xBFC0, 0xBFC0]]


@pytest.mark.parametrize(("m", "n"), [(1, 1), (5, 33), (9, 64), (32, 65), (8, 100)])
def test_wide_shapes(m, n):
    run(TINY, "relu-backward", m=m, n=n)


def test_loops_longer_than_an_immediate_counts():
    run(D1, "relu-backward", m=4099, n=2)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"m": 0}, "relu-backward: m is 0, it is a whole number from 1 to 8191"),
        ({"n": 100_000}, "relu-backward: n is 100000, it is a whole number from 1 to 16383"),
        ({"m": 1000, "n": 100}, "dy of relu-backward needs 400000 bytes, .* of SRAM are left in tiny"),
        ({"m": 9, "n": 16_300}, r"the program needs \d+ bytes, tiny has 131072 bytes of SRAM"),
    ],
)
def test_a_shape_that_cannot_be_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        random_job(TINY, "relu-backward", np.random.default_rng(0), **parameters)
