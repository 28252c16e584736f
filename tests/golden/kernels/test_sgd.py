"""SGD: a step along differences, padding that is walked, pitches, and what does not change."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels.job import random_job
from golden.kernels.kernel import line
from golden.kernels.placement import Allocator
from golden.kernels.sgd import Sgd
from tests.golden.kernels.bench import f32_values, gradient, run

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]


def test_a_step_descends_as_differences_say(rng):
    """L = sum((W - T)^2) / 2 with dW = W - T: the step along central differences, whose error is float64's over h."""
    w, target = (rng.standard_normal((4, 5)).astype(np.float32) for _ in range(2))
    dw = w - target
    new = Sgd(4, 5).reference(w.view(np.uint32), dw.view(np.uint32), line(0.25))["w"]
    slope = gradient(lambda v: ((v - target) ** 2).sum() / 2, w.astype(np.float64), 1e-4)
    expected = w.astype(np.float64) - 0.25 * slope
    # dW is rounded to FP32, the result too: 2^-24 of each; differences: 2^-52 * L / h.
    tolerance = 2.0**-24 * (np.abs(slope) + np.abs(expected)) + 2.0**-52 * 100 / 1e-4
    assert (np.abs(f32_values(new) - expected) <= tolerance).all()


@pytest.mark.parametrize(("m", "n"), [(65, 32), (33, 10), (4, 128), (2, 100), (130, 3)])
def test_ragged_shapes(m, n):
    """Padding is walked too, and up to a pass (32 elements) after the last row; what follows does not change."""
    run(TINY, "sgd", m=m, n=n)


def test_a_matrix_with_more_elements_than_a_row_of_a_descriptor_holds():
    run(D1, "sgd", m=200, n=100)


def test_the_gradient_does_not_change():
    """The last pass of W ends before dW begins."""
    job = random_job(TINY, "sgd", np.random.default_rng(0), m=5, n=3)
    dw_address, dw_image = job.inputs[1]
    node = Node(TINY)
    node.write(job.program.origin, job.program.image)
    for address, image in job.inputs:
        node.write(address, image)
    simulator = Simulator(node)
    node.threads[0].start(job.launches[0].pc, job.launches[0].args)
    simulator.finish()
    assert node.read(dw_address, len(dw_image)) == dw_image


def test_operands_have_room_for_whole_passes():
    """Rows of 16 bytes of the copy hold 8 elements: 5 rows of them are 40, two passes of 32."""
    w, dw, copy, rate = Sgd(5, 3, rate=0.5).operands()
    assert [operand.pitch for operand in (w, dw, copy)] == [32, 32, 16] and [o.size for o in (w, dw, copy)] == [256, 256, 128]
    assert (f32_values(rate.value) == 0.5).all()


def test_matrices_of_other_pitches_are_refused():
    space = Allocator(TINY)
    w, dw, copy = (space.matrix(name, 4, 4, format) for name, format in (("W", "FP32"), ("dW", "FP32"), ("c", "BF16")))
    with pytest.raises(ValueError, match="sgd: pitches 16, 16, 16 B of W, dW and the copy are not 2 : 2 : 1"):
        Sgd(4, 4).views(w, dw, copy, space.matrix("rate", 1, 16, "FP32"))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"m": 0}, "sgd: m is 0, it is a whole number from 1 to 8191"),
        ({"rate": -1.0}, r"sgd: rate is -1.0, it is a number from 0 to 3e\+38 \(learning rate\)"),
        ({"m": 500, "n": 100}, "w of sgd needs 208000 bytes, .* of SRAM are left in tiny"),
    ],
)
def test_a_shape_that_cannot_be_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        random_job(TINY, "sgd", np.random.default_rng(0), **parameters)
