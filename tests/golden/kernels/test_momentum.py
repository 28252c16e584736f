"""SGD with momentum: steps against float64, the velocity of a constant gradient, shapes that networks have."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.momentum import SgdMomentum
from tests.golden.kernels.bench import f32_values, run


def test_many_steps_against_float64(rng):
    """100 steps: V and W err by a rounding each a step, V's errors fade by the momentum, so that ten of them count at once."""
    made = SgdMomentum(4, 8, rate=0.05)
    constants = next(operand.value for operand in made.operands() if operand.name == "constants")
    momentum, rate = f32_values(constants)[0, :2]
    bits = {"w": np.float32(rng.standard_normal((4, 8))).view(np.uint32), "v": np.zeros((4, 8), np.uint32)}
    w, v = f32_values(bits["w"]), np.zeros((4, 8))
    for step in range(1, 101):
        dw = np.float32(w + rng.standard_normal((4, 8)))
        new = made.reference(**bits, dw=dw.view(np.uint32), constants=constants)
        bits = {name: new[name] for name in bits}
        v = momentum * v + dw
        w = w - rate * v
        assert np.abs(f32_values(new["v"]) - v).max() <= 10 * 2.0**-24 * np.abs(v).max() + 2.0**-22
        assert np.abs(f32_values(new["w"]) - w).max() <= step * 4 * 2.0**-24 * (np.abs(w).max() + 1)


def test_a_constant_gradient_by_hand():
    """Momentum 1/2, rate 1/4, dW = 1: V is 1, 1.5, 1.75; W falls by a quarter of each."""
    made, one = SgdMomentum(1, 1, rate=0.25, momentum=0.5), np.float32([[1]]).view(np.uint32)
    constants = next(operand.value for operand in made.operands() if operand.name == "constants")
    w = v = np.zeros((1, 1), np.uint32)
    seen = []
    for _ in range(3):
        new = made.reference(w, one, v, constants)
        w, v = new["w"], new["v"]
        seen.append((f32_values(v)[0, 0], f32_values(w)[0, 0]))
    assert seen == [(1.0, -0.25), (1.5, -0.625), (1.75, -1.0625)]


@pytest.mark.parametrize("shape", [(1, 1), (72, 16), (65, 10), (3, 100), (200, 1)])
def test_programs_of_shapes_that_networks_have(shape):
    run(CONFIGS["d1"], "sgd-momentum", m=shape[0], n=shape[1])
