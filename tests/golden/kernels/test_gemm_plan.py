"""The division of a product among threads: the same bits, the cheapest of all, and costs against cycles of the RTL."""

import itertools

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.gemm import Gemm
from golden.kernels.gemm_link import Link
from golden.kernels.gemm_plan import alone, plan
from golden.kernels.job import make_job
from golden.kernels.kernel import Part
from tests.golden.kernels.bench import check

D1 = CONFIGS["d1"]
ORDERS = list(itertools.product((False, True), repeat=2))
SHAPES = [(1, 1, 1), (5, 32, 3), (17, 13, 17), (8, 8, 100), (16, 100, 8), (64, 40, 4), (33, 7, 5), (40, 40, 9), (3, 70, 20), (80, 24, 12)]


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
@pytest.mark.parametrize(("transpose_a", "transpose_b"), ORDERS)
def test_the_chosen_division_gives_the_bits(m, n, k, transpose_a, transpose_b):
    """Bias, ReLU, formats of C and CFloat8 take turns."""
    turn = SHAPES.index((m, n, k)) + 3 * transpose_a + 5 * transpose_b
    options = {"bias": turn % 4 == 0, "relu": turn % 3 == 0, "out": ("BF16", "FP32", "CFloat8_1_4_3")[turn % 3]}
    made = Gemm(m, n, k, transpose_a, transpose_b, **options, format="cfloat8" if turn % 5 == 0 else "bf16")
    check(make_job(D1, made, made.example(np.random.default_rng(turn)), None), D1)


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_parts_cover_c_once(m, n, k):
    seen = np.zeros((m, n), int)
    for part in plan(Gemm(m, n, k)).parts:
        gemm = part.kernel.gemm if isinstance(part.kernel, Link) else part.kernel
        row, column = part.origins.get("c", (0, 0))
        seen[row : row + gemm.m, column : column + gemm.n] += 1
        assert gemm.k == k
    assert (seen == 1).all()


def shape_of(part: Part) -> tuple[type, int, int]:
    gemm = part.kernel.gemm if isinstance(part.kernel, Link) else part.kernel
    return type(part.kernel), gemm.m, gemm.n


@pytest.mark.parametrize(
    ("extents", "parts"),
    [
        ((64, 64, 64), [(Gemm, 16, 64)] * 4),
        ((8, 8, 1024), [(Link, 8, 8)]),  # one tile: nothing to share, and sixteen steps' registers in turn
        ((64, 8, 64), [(Link, 16, 8)] * 4),
        ((8, 64, 64), [(Link, 8, 32)] * 2),  # columns, because there is one row of tiles
        ((5, 32, 3), [(Link, 5, 32)]),  # too short for a second start
    ],
)
def test_divisions_of_a_few_shapes(extents, parts):
    assert list(map(shape_of, plan(Gemm(*extents)).parts)) == parts


@pytest.mark.parametrize(
    ("extents", "cycles"),
    [
        ((128, 128, 128), 8464),
        ((64, 64, 64), 1132),
        ((32, 32, 32), 178),
        ((48, 32, 32), 261),
        ((128, 128, 4), 1262),
        ((64, 64, 8), 385),
        ((8, 64, 64), 186),
        ((64, 8, 64), 210),
        ((16, 128, 8), 202),
        ((80, 24, 12), 246),
    ],
)
def test_the_cost_of_one_thread_is_near_what_was_measured(extents, cycles):
    """On ``d1``, `python -m sim run gemm --threads 1`: a sixth of it."""
    assert abs(alone(Gemm(*extents)) - cycles) < cycles / 6


def test_a_choice_is_the_kernels_own():
    assert Gemm(64, 64, 64).split(None) == plan(Gemm(64, 64, 64)).parts and len(Gemm(64, 64, 64).split(1)) == 1
