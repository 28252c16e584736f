"""Adam: steps against the same in float64, a weight that never had a gradient, what it refuses."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.adam import BETA1, BETA2, EPSILON, Adam
from golden.kernels.placement import Matrix
from tests.golden.kernels.bench import bf16_values, f32_values, run


def test_many_steps_against_float64(rng):
    """As the paper has it, with epsilon below the root: 200 steps of a noisy gradient. Each step adds an error of few units, so that the
    sum stays below 200 times 16 units of what W has moved by at most, and of W."""
    made = Adam(4, 8, rate=0.01)
    w = rng.standard_normal((4, 8))
    state = {"w": np.float32(w), "mean": np.zeros((4, 8), np.float32), "square": np.zeros((4, 8), np.float32)}
    state = {name: values.view(np.uint32) for name, values in state.items()}
    state["powers"] = np.float32([[1, 1] + [0] * 14]).view(np.uint32)
    w, mean, square = f32_values(state["w"]), np.zeros((4, 8)), np.zeros((4, 8))
    beta1, beta2, rest1, rest2, rate = (float(np.float32(x)) for x in (BETA1, BETA2, 1 - BETA1, 1 - BETA2, 0.01))
    for step in range(1, 201):
        dw = np.float32(rng.standard_normal((4, 8)) + w)
        new = made.reference(**state, dw=dw.view(np.uint32), constants=made.constants())
        state = {name: new[name] for name in state}
        mean, square = beta1 * mean + rest1 * dw, beta2 * square + rest2 * np.float64(dw) ** 2
        w = w - rate * mean / (1 - beta1**step) / np.sqrt(square / (1 - beta2**step) + EPSILON)
        assert np.abs(f32_values(new["w"]) - w).max() <= step * 16 * 2.0**-24 * (step * rate + np.abs(w).max())
        assert np.abs(bf16_values(new["copy"]) - f32_values(new["w"])).max() <= 2.0**-8 * np.abs(w).max() * 1.01


def test_the_first_step_moves_by_the_rate():
    """Mean over root is the gradient's sign: 1 - beta cancels."""
    made, zero = Adam(1, 8, rate=0.125), np.zeros((1, 8), np.uint32)
    dw = np.float32([[1, -1, 3, -1e-3, 2.0**40, 1e-6, 0, 5]]).view(np.uint32)
    powers = np.float32([[1, 1] + [0] * 14]).view(np.uint32)
    w = f32_values(made.reference(zero, dw, zero, zero, powers, made.constants())["w"])
    assert np.allclose(w, -0.125 * np.sign(f32_values(dw)), rtol=2.0**-13) and w[0, 6] == 0


@pytest.mark.parametrize("shape", [(1, 1), (72, 16), (65, 10), (3, 100), (200, 1)])
def test_programs_of_shapes_that_networks_have(shape):
    run(CONFIGS["d1"], "adam", m=shape[0], n=shape[1])


def test_a_pitch_that_is_not_the_one_demanded_is_told():
    made = Adam(4, 8)
    right = {name: Matrix(name, 0, 4, 8, "FP32", 32) for name in ("w", "dw", "mean", "square")}
    line = Matrix("line", 0, 1, 16, "FP32", 64)
    with pytest.raises(ValueError, match="adam: copy has 32 bytes from row to row, not 16"):
        made.views(**right, copy=Matrix("copy", 0, 4, 8, "BF16", 32), powers=line, constants=line)
