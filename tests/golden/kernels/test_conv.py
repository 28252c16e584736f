"""Convolution: against loops in float64, gradients against differences, programs longer than a hardware loop, shapes that cannot be."""

from types import SimpleNamespace

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.conv import Conv, ConvBackwardX
from golden.kernels.conv_weights import ConvBackwardW
from golden.kernels.job import make_job
from tests.golden.kernels.bench import bf16_values, f32_values, gradient, run, simulate, to_bf16

D1 = CONFIGS["d1"]
SHAPES = [(3, 4, 4, 1), (2, 5, 3, 2), (1, 1, 1, 1), (2, 1, 4, 2), (2, 6, 5, 2), (1, 2, 2, 1)]


def convolved(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """By the definition: samples x rows x columns x channels with 3 x 3 x channels x filters."""
    samples, height, width, _ = x.shape
    y = np.zeros((samples, -(-height // stride), -(-width // stride), w.shape[3]))
    for row, column in np.ndindex(y.shape[1:3]):
        for down, right in np.ndindex(3, 3):
            at, beside = stride * row + down - 1, stride * column + right - 1
            if 0 <= at < height and 0 <= beside < width:
                y[:, row, column] += x[:, at, beside] @ w[down, right]
    return y


def drawn(rng, m: int, height: int, width: int, stride: int, channels: int = 4, filters: int = 8):
    """Integers, whose sums are exact: X, W and the weights of a loss that is linear in Y."""
    x, w = (rng.integers(-4, 5, shape).astype(float) for shape in ((m, height, width, channels), (3, 3, channels, filters)))
    return x, w, rng.integers(-4, 5, convolved(x, w, stride).shape).astype(float)


def flat(values: np.ndarray) -> np.ndarray:
    """BF16 as a kernel takes it: a row a sample."""
    return to_bf16(values.reshape(len(values), -1))


@pytest.mark.parametrize(("m", "height", "width", "stride"), SHAPES)
def test_the_reference_is_the_definition(m, height, width, stride, rng):
    x, w, _ = drawn(rng, m, height, width, stride)
    made = Conv(m, height, width, 1, 2, stride, out="FP32").reference(flat(x), to_bf16(w.reshape(-1, 8)))
    assert np.array_equal(f32_values(made["y"]), convolved(x, w, stride).reshape(m, -1))


@pytest.mark.parametrize(("m", "height", "width", "stride"), SHAPES)
def test_gradients_against_differences(m, height, width, stride, rng):
    """L = sum(Y G) is linear in each operand: differences are exact but for float64's rounding, 2^-52 of the loss over h."""
    x, w, g = drawn(rng, m, height, width, stride)
    shape = (m, height, width, 1, 2, stride)
    dx = ConvBackwardX(*shape).reference(flat(g), to_bf16(w.reshape(-1, 8)))["dx"]
    dw = ConvBackwardW(*shape).reference(flat(x), flat(g))["dw"]
    tolerance = 4 * 2.0**-52 * (convolved(abs(x), abs(w), stride) * abs(g)).sum() / 1e-3
    of_x = gradient(lambda at: (convolved(at, w, stride) * g).sum(), x, 1e-3)
    of_w = gradient(lambda at: (convolved(x, at, stride) * g).sum(), w, 1e-3)
    assert np.allclose(f32_values(dx), of_x.reshape(m, -1), rtol=0, atol=tolerance)
    assert np.allclose(f32_values(dw), of_w.reshape(-1, 8), rtol=0, atol=tolerance)


def test_worked_by_hand():
    """A row of three pixels 1, 2, 3 in the first of four channels; the filter's middle row is 10, 100, 1000, the others are not met."""
    x = np.zeros((1, 1, 3, 4))
    x[0, 0, :, 0] = 1, 2, 3
    w = np.full((3, 3, 4, 4), 7.0)
    w[1, :, 0, :] = np.array([10, 100, 1000])[:, None]
    y = Conv(1, 1, 3, 1, 1, out="FP32").reference(flat(x), to_bf16(w.reshape(36, 4)))["y"]
    assert f32_values(y).reshape(3, 4).tolist() == [[2100.0] * 4, [3210.0] * 4, [320.0] * 4]


def test_reference_clamps_with_relu(rng):
    shape, values = {"m": 2, "height": 3, "width": 3}, Conv(2, 3, 3).example(rng)
    plain, clamped = (Conv(**shape, relu=relu).reference(**values)["y"] for relu in (False, True))
    assert np.array_equal(bf16_values(clamped), np.maximum(bf16_values(plain), 0)) and (bf16_values(plain) < 0).any()


def test_work_is_counted_without_the_border():
    """Of 3x3 taps on 2x2 pixels four a pixel lie inside; of 3 pixels with a stride of 2, two and two a side."""
    assert Conv(5, 2, 2, 1, 1).macs == 5 * 16 * 16
    assert ConvBackwardW(1, 3, 3, 1, 2, 2).macs == 4 * 4 * 4 * 8


# --- programs ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["conv", "conv-backward-x", "conv-backward-w"])
@pytest.mark.parametrize(
    "shape",
    [
        {"m": 40, "height": 4, "width": 4, "channels": 2, "filters": 4},
        {"m": 2, "height": 4, "width": 4, "channels": 9, "filters": 8},
        {"m": 3, "height": 7, "width": 6, "channels": 4, "filters": 9, "stride": 2},
        {"m": 1, "height": 2, "width": 20, "channels": 16, "filters": 1, "stride": 1},
        {"m": 33, "height": 1, "width": 2, "channels": 1, "filters": 16, "stride": 2},
    ],
)
def test_programs_longer_than_a_hardware_loop(name, shape):
    """Blocks of samples, rows and pixels in counted branches; many channels in loops; more than one block of filters."""
    run(D1, name, **shape)


@pytest.mark.parametrize("kernel", [Conv, ConvBackwardX])
def test_any_number_of_threads_gives_the_same_bits(kernel):
    made = kernel(55, 4, 4, 1, 2, 2)
    values = made.example(np.random.default_rng(4))
    results = [simulate(make_job(D1, made, values, threads), D1) for threads in (1, 2, 3, 4)]
    assert all(np.array_equal(a, b) for result in results for a, b in zip(result.values(), results[0].values(), strict=True))


def test_infinite_filters_meet_the_zeros_beside_an_image_and_no_rows_above():
    """0 Inf is NaN: at the left edge the filter's first column meets zeros, at the upper edge its first row meets nothing."""
    made = Conv(1, 3, 3, 1, 1)
    values = {"x": np.full((1, 36), 0x3F80, np.uint16), "w": np.full((36, 4), 0x3F80, np.uint16)}
    values["w"].reshape(3, 3, 4, 4)[0, 0] = 0x7F80
    job = make_job(D1, made, values)
    wide = bf16_values(job.expected["y"]).reshape(3, 3, 4)
    assert np.isfinite(wide[0]).all() and np.isnan(wide[1:, 0]).all() and np.isinf(wide[1:, 1:]).all()
    assert np.array_equal(simulate(job, D1)["y"], job.expected["y"])


# --- shapes --------------------------------------------------------------------------------------------------------------------------


def shaped(rows: int, columns: int, format: str = "BF16") -> SimpleNamespace:
    return SimpleNamespace(rows=rows, columns=columns, format=format)


def test_shapes_say_what_is_convolved():
    operands = {"x": shaped(32, 4 * 4 * 8), "w": shaped(72, 16), "y": shaped(32, 2 * 2 * 16)}
    assert Conv.of(operands) == Conv(32, 4, 4, 2, 4, 2) and Conv.of(operands, relu=True).relu
    assert Conv.of({"x": shaped(7, 24), "w": shaped(36, 4), "y": shaped(7, 24)}) == Conv(7, 2, 3, 1, 1, 1)


def test_shapes_that_do_not_fit_are_one_sentence():
    with pytest.raises(ValueError, match="conv: no image of 16 pixels gives a result of 5, with a stride of 1 or 2"):
        Conv.of({"x": shaped(32, 16 * 8), "w": shaped(72, 16), "y": shaped(32, 5 * 16)})
