"""ReLU backward: against float64 differences, and the program against the reference."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels import KERNELS, relu
from golden.kernels.job import random_bf16
from tests.golden.kernels.bench import bf16_values, check, f32_values, gradient

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]


def build(config=TINY, **parameters):
    return KERNELS["relu-backward"].build(config, np.random.default_rng(5), **parameters)


def test_reference_against_differences(rng):
    """L = sum(max(X, 0) dY) away from the kink; the result is dY rounded to BF16: half a place, 2^-8 of it (and float64 over h)."""
    x, dy = random_bf16(rng, (9, 7)), rng.standard_normal((9, 7)).astype(np.float32)
    x[np.abs(bf16_values(x)) < 1e-3] = 0x3F80
    got = bf16_values(relu.reference(x, dy.view(np.uint32)))
    exact = gradient(lambda v: (np.maximum(v, 0) * dy).sum(), bf16_values(x))
    assert (np.abs(got - exact) <= 2.0**-8 * np.abs(dy) + 1e-8).all()
    assert (got[bf16_values(x) < 0] == 0).all() and (got != 0).any()


def test_what_is_not_positive_gives_plus_zero():
    """0, -0, -Inf, NaN and the smallest negative; the smallest positive passes dY."""
    x = np.array([[0x0000, 0x8000, 0xFF80, 0x7FC0, 0x8001, 0x0001, 0x7F80]], np.uint16)
    dy = np.full(x.shape, np.float32(-1.5)).view(np.uint32)
    assert relu.reference(x, dy).tolist() == [[0, 0, 0, 0, 0, 0xBFC0, 0xBFC0]]
    assert f32_values(dy)[0, 0] == -1.5


@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 31), (4, 32), (5, 33), (9, 64), (32, 65), (17, 7), (8, 100)])
def test_ragged_shapes(m, n):
    check(build(m=m, n=n), TINY)


def test_loops_longer_than_an_immediate_counts():
    check(build(D1, m=4099, n=2), D1)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"m": 0}, "relu-backward: 0x32, a shape has at least 1"),
        ({"n": -1}, "relu-backward: 32x-1, a shape has at least 1"),
        ({"m": 1000, "n": 100}, "dY needs 400000 bytes, .* of SRAM are left in tiny"),
        ({"m": 1, "n": 100_000}, "relu-backward: 100000 columns, a descriptor holds 16383"),
        ({"m": 7, "n": 16_383}, r"the program needs \d+ bytes, tiny has 131072 bytes of SRAM"),
    ],
)
def test_a_shape_that_cannot_be_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**parameters)
