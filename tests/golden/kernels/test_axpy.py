"""axpy: rows of any length, one rounding."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.axpy import Axpy
from golden.kernels.kernel import line
from tests.golden.kernels.bench import f32_values, run


@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 16), (2, 127), (2, 128), (1, 1000), (40, 40)])
def test_rows_of_any_length(m, n):
    run(CONFIGS["tiny"], "axpy", m=m, n=n, a=-1.25)


def test_a_long_stream():
    run(CONFIGS["d1"], "axpy", m=4, n=4096)


def test_a_product_that_only_an_fma_keeps():
    """(1 + 2^-23)(1 - 2^-23) - 1 = -2^-46, which a product rounded to FP32 would lose."""
    x, y = np.float32([[1 - 2.0**-23]]).view(np.uint32), np.float32([[-1]]).view(np.uint32)
    assert f32_values(Axpy(1, 1).reference(x, y, line(1 + 2.0**-23))["y"]).tolist() == [[-(2.0**-46)]]
