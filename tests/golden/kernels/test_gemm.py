"""GEMM: the reference against float64, gradients against differences, the program against the reference."""

import itertools

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.memmap import SRAM_LIMIT
from golden.kernels import KERNELS, gemm
from golden.kernels.gemm import GemmShape, panels
from golden.kernels.job import random_bf16
from golden.numerics import convert
from tests.golden.kernels.bench import bf16_values, check, f32_values, gradient, simulate, to_bf16

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]
ORDERS = list(itertools.product((False, True), repeat=2))
RAGGED = [(1, 1, 1), (5, 3, 2), (8, 8, 4), (9, 17, 5), (17, 13, 17), (33, 20, 9), (16, 16, 32), (40, 24, 3), (7, 50, 21), (64, 9, 37)]


def build(config=TINY, seed: int = 0, **parameters):
    return KERNELS["gemm"].build(config, np.random.default_rng(seed), **parameters)


# --- reference -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["BF16", "FP32"])
@pytest.mark.parametrize("bias", [False, True])
def test_reference_against_float64(out, bias, rng):
    """docs/numerics.md 7.9: (2 n + g) Q + half a place of the result (2^-8 of it in BF16, 2^-24 in FP32); n = k / 4 steps, g <= n, and Q at
    most 2^-30 of the largest product or 2^-39 of the bias."""
    for m, n, k in ((3, 5, 7), (8, 8, 64), (17, 9, 300)):
        for transpose_a, transpose_b in ORDERS:
            shape = GemmShape(m, n, k, transpose_a, transpose_b, out, bias)
            a = random_bf16(rng, (k, m) if transpose_a else (m, k), 3.0)
            b = random_bf16(rng, (n, k) if transpose_b else (k, n), 0.2)
            start = rng.standard_normal(n).astype(np.float32)
            got = gemm.reference(shape, a, b, start.view(np.uint32))
            left = bf16_values(a.T if transpose_a else a)
            right = bf16_values(b.T if transpose_b else b)
            exact = left @ right + (start.astype(np.float64) if bias else 0)
            quantum = max(2.0**-30 * np.abs(left).max() * np.abs(right).max(), 2.0**-39 * np.abs(start).max())
            place = 2.0**-8 if out == "BF16" else 2.0**-24
            tolerance = (3 * -(-k // 4) * quantum + place * np.abs(exact)) * (1 + 2.0**-8)
            values = bf16_values(got) if out == "BF16" else f32_values(got)
            assert (np.abs(values - exact) <= tolerance).all()


def test_reference_clamps_with_relu(rng):
    a, b = random_bf16(rng, (6, 8)), random_bf16(rng, (8, 5))
    plain = bf16_values(gemm.reference(GemmShape(6, 5, 8), a, b))
    clamped = gemm.reference(GemmShape(6, 5, 8, relu=True), a, b)
    assert np.array_equal(bf16_values(clamped), np.maximum(plain, 0)) and not (clamped >> 15).any() and (plain < 0).any()


def test_gradients_against_differences(rng):
    """L = sum(C G): dA = G B' and dB = A' G, with the storage orders that training uses; integers, so that products are exact."""
    a, b, g = (rng.integers(-4, 5, shape).astype(np.float64) for shape in ((6, 7), (7, 5), (6, 5)))
    da = gemm.reference(GemmShape(6, 7, 5, False, True, "FP32"), to_bf16(g), to_bf16(b))  # B as it is stored: n x k
    db = gemm.reference(GemmShape(7, 5, 6, True, False, "FP32"), to_bf16(a), to_bf16(g))
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
    check(build(m=m, n=n, k=k, transpose_a=transpose_a, transpose_b=transpose_b, seed=turn, **options), TINY)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("out", ["BF16", "FP32"])
def test_every_ending(bias, relu, out):
    check(build(m=19, n=27, k=13, bias=bias, relu=relu, out=out), TINY)


def test_any_number_of_threads_gives_the_same_bits():
    results = [simulate(build(m=70, n=21, k=10, threads=threads, bias=True), TINY)["C"] for threads in (1, 2, 3, 4)]
    assert all(np.array_equal(result, results[0]) for result in results[1:])


def test_random_shapes(rng):
    for _ in range(12):
        m, n, k = (int(x) for x in rng.integers(1, 50, 3))
        options = {name: bool(rng.integers(2)) for name in ("transpose_a", "transpose_b", "bias", "relu")}
        check(build(m=m, n=n, k=k, threads=int(rng.integers(1, 5)), seed=m, **options), TINY)


def test_the_longest_k_that_a_descriptor_holds():
    """16,383 terms are 4,096 steps: 1,023 passes of four and 3 more, and positions up to the end of their field."""
    check(build(D1, m=3, n=2, k=16_383, transpose_b=True), D1)


def test_special_numbers_pass_through():
    """Inf, NaN and zeros of both signs in A."""
    job = build(m=8, n=8, k=8)
    a = np.full((8, 8), 0x3F80, np.uint16)
    a[0, 0], a[1, 1], a[2, :], a[3, 3] = 0x7F80, 0x7FC1, 0x8000, 0xFF80
    matrix = next(image for address, image in job.inputs if address == job.inputs[0][0])
    assert len(matrix) == a.nbytes
    job.inputs[0] = (job.inputs[0][0], a.tobytes())
    b = np.frombuffer(job.inputs[1][1], np.uint16).reshape(8, 8)
    job.expected["C"] = gemm.reference(GemmShape(8, 8, 8), a, b)
    check(job, TINY)
    with np.errstate(invalid="ignore"):
        wide = convert.bits_f32(convert.bf16_to_f32(simulate(job, TINY)["C"]))
    assert np.isinf(wide[0]).all() and np.isnan(wide[1]).all() and (wide[2] == 0).all() and np.isinf(wide[3]).all()


def test_panels_share_rows_evenly():
    assert panels(70, 4) == [(0, 16), (16, 16), (32, 16), (48, 22)]
    assert panels(5, 4) == [(0, 5)] and panels(17, 4) == [(0, 16), (16, 1)] and panels(64, 1) == [(0, 64)]
    for m in range(1, 100):
        for threads in range(1, 5):
            parts = panels(m, threads)
            assert parts[0][0] == 0 and all(rows > 0 for _, rows in parts) and sum(rows for _, rows in parts) == m
            assert all(start % 16 == 0 for start, _ in parts)


def test_work_is_counted_without_padding():
    assert build(m=3, n=5, k=7).macs == 105
    assert build(m=3, n=5, k=7, transpose_a=True).info == {"shape": "3x5x7", "transpose": "tn"}


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"m": 0}, "gemm: m is 0, a shape has at least 1"),
        ({"n": -3}, "gemm: n is -3, a shape has at least 1"),
        ({"k": 0}, "gemm: k is 0, a shape has at least 1"),
        ({"k": 1_000_000}, "a loop of 62499 passes cannot be written, 16383 can"),
        ({"threads": 5}, "gemm: 5 threads, a node has 1 to 4"),
        ({"threads": 0}, "gemm: 0 threads, a node has 1 to 4"),
        ({"threads": -1}, "gemm: -1 threads, a node has 1 to 4"),
        ({"format": "fp8"}, "gemm: format fp8 is not in this machine, only bf16"),
        ({"out": "BF8"}, "gemm: C in BF8 does not exist, only BF16 and FP32"),
        ({"m": 300, "n": 300, "k": 300}, r"A needs 182400 bytes, \d+ of the 131072 bytes of SRAM are left in tiny"),
    ],
)
def test_a_shape_that_cannot_be_is_one_sentence(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**parameters)


def test_a_matrix_beyond_a_descriptor_is_one_sentence():
    assert SRAM_LIMIT == D1.sram_bytes
    with pytest.raises(ValueError, match="A has 9000 rows, a descriptor holds 8191"):
        build(D1, m=9000, n=1, k=1)
    with pytest.raises(ValueError, match="A has 20000 columns, a descriptor holds 16383"):
        build(D1, m=1, n=1, k=20_000)
