"""SGD: the reference against float64 and differences, the program against the reference."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels import KERNELS, sgd
from golden.kernels.placement import Allocator
from tests.golden.kernels.bench import bf16_values, check, f32_values, gradient

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]


def build(config=TINY, **parameters):
    return KERNELS["sgd"].build(config, np.random.default_rng(5), **parameters)


def test_reference_against_float64(rng):
    """W - rate dW is rounded once: half a place of FP32, 2^-24 of the result; the copy once more to BF16, half a place: 2^-8 of it."""
    w, dw = (rng.standard_normal((20, 30)).astype(np.float32) for _ in range(2))
    rate = np.float32(0.3)
    new, copy = sgd.reference(w.view(np.uint32), dw.view(np.uint32), rate.view(np.uint32))
    exact = w.astype(np.float64) - rate.astype(np.float64) * dw.astype(np.float64)
    assert (np.abs(f32_values(new) - exact) <= 2.0**-24 * np.abs(exact)).all()
    assert (np.abs(bf16_values(copy) - f32_values(new)) <= 2.0**-8 * np.abs(f32_values(new))).all()


def test_a_step_descends_as_differences_say(rng):
    """L = sum((W - T)^2) / 2 with dW = W - T: the step along central differences, whose error is float64's over h."""
    w, target = (rng.standard_normal((4, 5)).astype(np.float32) for _ in range(2))
    dw = w - target
    new, _ = sgd.reference(w.view(np.uint32), dw.view(np.uint32), np.float32(0.25).view(np.uint32))
    slope = gradient(lambda v: ((v - target) ** 2).sum() / 2, w.astype(np.float64), 1e-4)
    expected = w.astype(np.float64) - 0.25 * slope
    # dW is rounded to FP32, the result too: 2^-24 of each; differences: 2^-52 * L / h.
    tolerance = 2.0**-24 * (np.abs(slope) + np.abs(expected)) + 2.0**-52 * 100 / 1e-4
    assert (np.abs(f32_values(new) - expected) <= tolerance).all()


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 8), (3, 5), (65, 32), (33, 10), (7, 33), (4, 128), (2, 100), (130, 3)])
def test_ragged_shapes(m, n):
    """Padding is walked too, and up to a pass (32 elements) after the last row; what follows does not change."""
    check(build(m=m, n=n), TINY, padding=4 * sgd.PASS)


def test_a_matrix_with_more_elements_than_a_row_of_a_descriptor_holds():
    check(build(D1, m=200, n=100), D1, padding=4 * sgd.PASS)


def test_the_gradient_does_not_change():
    """The last pass of W ends before dW begins."""
    job = build(m=5, n=3)
    dw_address, dw_image = job.inputs[1]
    node = Node(TINY)
    node.write(job.program.origin, job.program.image)
    for address, image in job.inputs:
        node.write(address, image)
    simulator = Simulator(node)
    node.threads[0].start(job.launches[0].pc, job.launches[0].args)
    simulator.finish()
    assert node.read(dw_address, len(dw_image)) == dw_image


def test_place_leaves_room_for_whole_passes():
    space = Allocator(TINY)
    matrices = sgd.place(space, "W", 5, 3)
    assert [m.pitch for m in matrices] == [32, 32, 16] and sgd.walked(5, 3) == 64
    for one, two in zip(matrices, (*matrices[1:], space.matrix("next", 1, 1, "BF16")), strict=True):
        assert one.address + sgd.folded(one).size <= two.address
        assert sgd.folded(one).rows * sgd.PASS == 64


def test_matrices_of_other_pitches_are_refused():
    space = Allocator(TINY)
    w, dw, copy = (space.matrix(name, 4, 4, format) for name, format in (("W", "FP32"), ("dW", "FP32"), ("c", "BF16")))
    with pytest.raises(ValueError, match="sgd: pitches 16, 16, 16 B of W, dW and the copy are not 2 : 2 : 1"):
        sgd.arguments(w, dw, copy, space.matrix("rate", 1, 16, "FP32"))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"m": 0}, "sgd: 0x32, a shape has at least 1"),
        ({"n": 0}, "sgd: 65x0, a shape has at least 1"),
        ({"m": 500, "n": 100}, "W needs 208000 bytes, .* of SRAM are left in tiny"),
        ({"m": 100_000}, "a loop of 25000 passes cannot be written, 16383 can"),
    ],
)
def test_a_shape_that_cannot_be_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**parameters)
