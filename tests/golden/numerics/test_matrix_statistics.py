"""The conditions that the matrix arithmetic was chosen by: error against a sequential FP32 chain, and no drift.

Exact sums come from float64, whose own error (below 2^-46 of a sum of 4,096 terms) is far below what is measured.
"""

import numpy as np
import pytest

from golden.numerics.convert import bits_f32, f32_bits, f32_to_bf16
from golden.numerics.matrix import UNIT_EXPONENT, Accumulators, drain_f32, gemm_acc

K = 4096

# How many times smaller than the chain's the error has to be: about half of what is measured. Few large products decide
# the last one, which varies from 7 to 16 from seed to seed.
FACTOR = {"normal": 12, "uniform": 10, "uniform positive": 15, "relu": 8, "log-normal 1": 15, "log-normal 3": 4}

DATA = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "uniform": lambda rng, shape: rng.random(shape) * 2 - 1,
    "uniform positive": lambda rng, shape: rng.random(shape),
    "relu": lambda rng, shape: np.maximum(rng.standard_normal(shape), 0),
    "log-normal 1": lambda rng, shape: np.exp(rng.standard_normal(shape)) * rng.choice([-1.0, 1.0], shape),
    "log-normal 3": lambda rng, shape: np.exp(3 * rng.standard_normal(shape)) * rng.choice([-1.0, 1.0], shape),
}


def bf16(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """BF16 words and the values that they hold."""
    words = f32_to_bf16(f32_bits(values))
    return words, bits_f32(words.astype(np.uint32) << 16).astype(np.float64)


def held(acc: Accumulators) -> np.ndarray:
    """Values of the accumulators before the drain, in float64."""
    return np.ldexp(acc.s.astype(np.float64), (8 * acc.e + UNIT_EXPONENT).astype(np.int32))


def sequential_chain(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """FP32 FMA chain: a product of two BF16 numbers is exact in FP32, so multiply and add is the fused operation."""
    total = np.zeros((a.shape[0], b.shape[1]), dtype=np.float32)
    for k in range(a.shape[1]):
        total += a[:, k, None].astype(np.float32) * b[k].astype(np.float32)
    return total.astype(np.float64)


@pytest.mark.parametrize("kind", DATA)
def test_error_is_below_that_of_a_sequential_fp32_chain(kind):
    """Root mean square over 1,024 dot products."""
    rng = np.random.default_rng(41)
    make = DATA[kind]
    a_words, a = bf16(make(rng, (32, K)))
    b_words, b = bf16(DATA["normal" if kind == "relu" else kind](rng, (K, 32)))
    truth = a @ b
    ours = bits_f32(drain_f32(gemm_acc(a_words, b_words))).astype(np.float64) - truth
    chain = sequential_chain(a, b) - truth
    ratio = np.sqrt((ours**2).mean() / (chain**2).mean())
    print(f"{kind}: rms error {ratio:.3f} of the chain's")
    assert ratio < 1 / FACTOR[kind]


def test_error_with_four_bit_significands_is_still_below_the_chain():
    rng = np.random.default_rng(42)
    a_words, b_words = (f32_to_bf16(f32_bits(rng.standard_normal((32, K)))) & 0xFFF0 for _ in range(2))
    a, b = (bits_f32(w.astype(np.uint32) << 16).astype(np.float64) for w in (a_words, b_words))
    truth = a @ b.T
    ours = bits_f32(drain_f32(gemm_acc(a_words, b_words.T))).astype(np.float64) - truth
    chain = sequential_chain(a, b.T) - truth
    ratio = np.sqrt((ours**2).mean() / (chain**2).mean())
    print(f"4-bit significands: rms error {ratio:.3f} of the chain's")
    assert ratio < 0.5


@pytest.mark.parametrize("blocks", [32, pytest.param(245, marks=pytest.mark.slow)])
def test_no_drift_over_many_dot_products(blocks):
    """Mean signed error within 3 standard errors, of the drained result and of the accumulator before the drain; a million when slow."""
    side = 64
    rng = np.random.default_rng(43)
    sums = np.zeros((3, 2))
    count = 0
    for _ in range(blocks):
        a_words, a = bf16(rng.standard_normal((side, K), dtype=np.float32))
        b_words, b = bf16(rng.standard_normal((K, side), dtype=np.float32))
        truth = a @ b
        acc = gemm_acc(a_words, b_words)
        drained = bits_f32(drain_f32(acc)).astype(np.float64) - truth
        inner = held(acc) - truth
        for row, errors in zip(sums, (drained, inner, inner * np.sign(truth)), strict=True):
            row += errors.sum(), (errors**2).sum()
        count += side * side
    assert count == blocks * side * side
    z = sums[:, 0] / np.sqrt(sums[:, 1])
    print(f"{count} dot products: z drained {z[0]:+.2f}, held {z[1]:+.2f}, held towards or from zero {z[2]:+.2f}")
    assert (np.abs(z) < 3).all()
