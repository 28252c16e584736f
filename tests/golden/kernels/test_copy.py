"""Copies: bits that are no numbers, long rows, threads."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.copy import Copy
from golden.kernels.job import make_job
from tests.golden.kernels.bench import check, run

TINY = CONFIGS["tiny"]


def test_bits_that_are_no_numbers_stay():
    check(make_job(TINY, Copy(1, 3, "BF16"), {"x": np.array([[0x7F81, 0xFFC1, 0x8001]], np.uint16)}), TINY)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(("m", "n"), [(1, 5000), (3, 1000), (200, 5)])
def test_long_and_many_rows(m, n, threads):
    run(TINY, "copy", threads=threads, m=m, n=n)
