"""Transposition: what lies where, bits that are no numbers, threads."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.job import make_job
from golden.kernels.transpose import Transpose
from tests.golden.kernels.bench import check, run, simulate

TINY = CONFIGS["tiny"]


@pytest.mark.parametrize("format", ["BF16", "FP32"])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (4, 8), (5, 9), (130, 3), (3, 130), (64, 64)])
def test_each_element_at_its_place(m, n, format):
    """Every element is another number: row, then column."""
    made = Transpose(m, n, format)
    x = (np.arange(m)[:, None] * n + np.arange(n)).astype(np.uint16 if format == "BF16" else np.uint32)
    y = simulate(make_job(TINY, made, {"x": x}), TINY)["y"]
    assert all(y[column, row] == x[row, column] for row, column in np.ndindex(m, n))


def test_bits_that_are_no_numbers_stay():
    """Signalling NaN, with its payload."""
    check(make_job(TINY, Transpose(2, 2, "FP32"), {"x": np.array([[0x7F800001, 0xFFC12345], [1 << 31, 1]], np.uint32)}), TINY)


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_any_number_of_threads(threads):
    run(TINY, "transpose", threads=threads, m=37, n=61)
