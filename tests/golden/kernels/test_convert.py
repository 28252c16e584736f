"""Conversion to CFloat8: places worked by hand; everything else that holds for kernels is in test_kernel.py."""

import numpy as np
import pytest

from golden.kernels.job import make_job
from golden.kernels.kernel import KERNELS
from golden.kernels.mode import mode_line
from golden.numerics.convert import f32_bits, f32_to_bf16
from tests.golden.iss.bench import TINY
from tests.golden.kernels.bench import check


@pytest.mark.parametrize("source", ["BF16", "FP32"])
def test_by_hand(source):
    """Bias 7 of 1_4_3: 1 is 0x38, 1.0625 ties to 1, 1.1875 to 1.25; 500 is beyond 480; -0 stays."""
    values = f32_bits(np.array([[1.0, 1.0625, 1.1875, 500.0, -0.0]]))
    kernel = KERNELS["convert"](m=1, n=5, source=source, out="CFloat8_1_4_3", bias=7)
    x = f32_to_bf16(values) if source == "BF16" else values
    assert kernel.reference(x=x, mode=mode_line(result=7))["y"].tolist() == [[0x38, 0x38, 0x3A, 0x7F, 0x80]]


@pytest.mark.parametrize("n", [31, 32, 33, 64, 65, 100])
@pytest.mark.parametrize("source", ["BF16", "FP32"])
def test_columns_of_several_passes_do_not_touch_each_other(source, n, rng):
    kernel = KERNELS["convert"](m=5, n=n, source=source)
    check(make_job(TINY, kernel, kernel.example(rng)), TINY)
