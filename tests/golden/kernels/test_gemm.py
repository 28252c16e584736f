"""GEMM: the reference against float64, gradients against differences, the program against the reference."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.memmap import SRAM_LIMIT
from golden.kernels.gemm import Gemm
from golden.kernels.job import make_job, random_job
from golden.kernels.kernel import random_bf16
from tests.golden.kernels.bench import bf16_values, check, f32_values, gradient, run, simulate, to_bf16

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]
ORDERS = list(itertools.product((False, True), repeat=2))
RAGGED = [(1, 1, 1), (5, 3, 2), (8, 8, 4), (9, 17, 5), (17, 13, 17), (33, 20, 9), (16, 16, 32), (40, 24, 3), (7, 50, 21), (64, 9, 37)]


def build(config=TINY, **parameters):
    return random_job(config, "gemm", np.random.default_rng(0), **parameters)


# --- reference -----------------------------------------------------------------------------------------------------------------


def test_reference_clamps_with_relu(rng):
    a, b = random_bf16(rng, 6, 8), random_bf16(rng, 8, 5)
    plain = bf16_values(Gemm(6, 5, 8).reference(a, b)["c"])
    clamped = Gemm(6, 5, 8, relu=True).reference(a, b)["c"]
    assert np.array_equal(bf16_values(clamped), np.maximum(plain, 0)) and not (clamped >> 15).any() and (plain < 0).any()


def test_gradients_against_differences(rng):
    """L = sum(C G): dA = G B' and dB = A' G, with the storage orders that training uses; integers, so that products are exact."""
    a, b, g = (rng.integers(-4, 5, shape).astype(np.float64) for shape in ((6, 7), (7, 5), (6, 5)))
    da = Gemm(6, 7, 5, False, True, out="FP32").reference(to_bf16(g), to_bf16(b))["c"]  # B as it is stored: n x k
    db = Gemm(7, 5, 6, True, False, out="FP32").reference(to_bf16(a), to_bf16(g))["c"]
    # The loss is linear in each operand: differences are exact but for float64's rounding, 2^-52 of the loss over h.
    tolerance = 4 * 2.0**-52 * np.abs(a @ b * g).sum() / 1e-3
    assert np.allclose(f32_values(da), gradient(lambda x: ((x @ b) * g).sum(), a, 1e-3), rtol=0, atol=tolerance)
    assert np.allclose(f32_values(db), gradient(lambda x: ((a @ x) * g).sum(), b, 1e-3), rtol=0, atol=tolerance)


# --- program ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "n", "k"), RAGGED)
@pytest.mark.parametrize(("transpose_a", "transpose_b"), ORDERS)
def test_ragged_shapes_in_all_storage_orders(m, n, k, transpose_a, transpose_b):
    """Threads, formats, bias and ReLU take turns over the shapes."""
    turn = RAGGED.index((m, n, k)) + 3 * transpose_a + 5 * transpose_b
    options = {"threads": 1 + turn % 4, "out": ("BF16", "FP32")[turn % 2], "bias": turn % 3 == 0, "relu": turn % 5 < 2}
    run(TINY, "gemm", turn, m=m, n=n, k=k, transpose_a=transpose_a, transpose_b=transpose_b, **options)


@pytest.mark.parametrize(("m", "n", "k"), [*RAGGED, (8, 9, 12), (17, 16, 40), (9, 8, 36)])
@pytest.mark.parametrize(("transpose_a", "transpose_b"), ORDERS)
def test_ragged_shapes_in_cfloat8(m, n, k, transpose_a, transpose_b):
    """Pairs of formats and biases take turns over the shapes; k ends in either half of a load."""
    turn = m + n + 3 * transpose_a + 5 * transpose_b
    formats = {f"format_{side}": ("1_4_3", "1_5_2")[turn >> place & 1] for place, side in enumerate("ab")}
    biases = {"bias_a": 5 + turn % 7, "bias_b": 9 - turn % 5}
    shape = {"m": m, "n": n, "k": k, "transpose_a": transpose_a, "transpose_b": transpose_b}
    run(TINY, "gemm", turn, 1 + turn % 4, **shape, format="cfloat8", bias=turn % 3 == 0, relu=turn % 5 < 2, **formats, **biases)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("out", ["BF16", "FP32"])
def test_every_ending(bias, relu, out):
    run(TINY, "gemm", m=19, n=27, k=13, bias=bias, relu=relu, out=out)


@pytest.mark.parametrize("transpose_a", [False, True])
def test_any_number_of_threads_gives_the_same_bits(transpose_a):
    options = {"m": 70, "n": 21, "k": 10, "bias": True, "transpose_a": transpose_a}
    results = [simulate(build(threads=threads, **options), TINY)["c"] for threads in (1, 2, 3, 4)]
    assert all(np.array_equal(result, results[0]) for result in results[1:])


def test_the_longest_k_that_a_descriptor_holds():
    """16,383 terms are 4,096 steps: 1,023 passes of four and 3 more, and positions up to the end of their field."""
    run(D1, "gemm", m=3, n=2, k=16_383, transpose_b=True)


def test_special_numbers_pass_through():
    """Inf, NaN and zeros of both signs in A."""
    kernel = Gemm(8, 8, 8)
    values = kernel.example(np.random.default_rng(0))
    a = values["a"] = np.full((8, 8), 0x3F80, np.uint16)
    a[0, 0], a[1, 1], a[2, :], a[3, 3] = 0x7F80, 0x7FC1, 0x8000, 0xFF80
    job = make_job(TINY, kernel, values)
    check(job, TINY)
    wide = bf16_values(job.expected["c"])
    assert np.isinf(wide[0]).all() and np.isnan(wide[1]).all() and (wide[2] == 0).all() and np.isinf(wide[3]).all()


def test_work_is_counted_without_padding():
    assert Gemm(3, 5, 7).macs == build(m=3, n=5, k=7).macs == 105


def test_shapes_say_what_is_multiplied():
    a, b, c = (
        SimpleNamespace(rows=rows, columns=columns, format=form) for rows, columns, form in ((7, 3, "BF16"), (5, 7, "BF16"), (3, 5, "FP32"))
    )
    made = Gemm.of({"a": a, "b": b, "c": c}, transpose_a=True, transpose_b=True, relu=True)
    assert made == Gemm(3, 5, 7, True, True, out="FP32", relu=True)
    assert Gemm.of({"a": b, "b": a, "c": SimpleNamespace(rows=5, columns=3, format="BF16"), "bias": c}) == Gemm(5, 3, 7, bias=True)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"m": 0}, "gemm: m is 0, it is a whole number from 1 to 8191"),
        ({"n": -3}, "gemm: n is -3, it is a whole number from 1 to 16383"),
        ({"k": 1_000_000}, "gemm: k is 1000000, it is a whole number from 1 to 16383"),
        ({"threads": 5}, "gemm: 5 threads, a node has 1 to 4"),
        ({"threads": 0}, "gemm: 0 threads, a node has 1 to 4"),
        ({"threads": -1}, "gemm: -1 threads, a node has 1 to 4"),
        ({"format": "fp8"}, "gemm: format is 'fp8', it is bf16 or cfloat8"),
        ({"format": "cfloat8", "bias_a": 64}, "gemm: bias_a is 64, it is a whole number from 0 to 63"),
        ({"out": "BF8"}, "gemm: out is 'BF8', it is BF16 or FP32"),
        ({"m": 300, "n": 300, "k": 300}, r"a of gemm needs 182400 bytes, \d+ of the 131072 bytes of SRAM are left in tiny"),
    ],
)
def test_a_shape_that_cannot_be_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**parameters)


def test_a_matrix_beyond_a_descriptor_is_one_sentence():
    assert SRAM_LIMIT == D1.sram_bytes
    with pytest.raises(ValueError, match="b of gemm has 9000 rows, a descriptor holds 8191"):
        build(D1, m=1, n=1, k=9000)
