"""Every registered kernel on the RTL, every output bit equal to its NumPy reference."""

from itertools import product

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.memmap import Counter
from golden.asm.text import AsmError
from golden.kernels import KERNELS
from golden.kernels.job import make_job, random_job
from golden.kernels.kernel import parameters
from golden.kernels.softmax import Softmax, labels
from sim.jobs import machine
from sim.jobs.host import Host
from sim.jobs.run import run_job
from tests.golden.kernels.bench import fitting

pytestmark = pytest.mark.system

SHAPES = ((16, 16, 16), (32, 32, 32), (5, 32, 3), (3, 11, 32), (17, 13, 17), (31, 32, 31), (1, 1, 1), (8, 8, 100), (64, 40, 4), (33, 7, 5))
CONFIG = get_config("tiny")


def run(engine, name, rng, **given):
    report = run_job(engine, random_job(CONFIG, name, rng, **given))
    assert report["mismatches"] == 0, f"{name} {given}: {report}"
    assert report["compared"] > 0
    return report


def has_parts(name: str) -> bool:
    """Whether the machine has every part that the kernel needs."""
    try:
        random_job(CONFIG, name, np.random.default_rng(0))
    except AsmError:
        return False
    return True


def asked(name: str) -> dict[str, object]:
    """A kernel's defaults."""
    return {parameter.name: parameter.default for parameter in parameters(KERNELS[name])}


@pytest.mark.parametrize("name", list(filter(has_parts, sorted(KERNELS))))
def test_every_kernel_at_shapes_that_are_drawn(engine, rng, name):
    """The defaults, one element, and shapes up to 40."""
    extents = [parameter for parameter in parameters(KERNELS[name]) if parameter.type is int]
    run(engine, name, rng)
    run(engine, name, rng, **{extent.name: int(extent.least) for extent in extents})
    for _ in range(5):
        drawn = {extent.name: int(rng.integers(extent.least, min(40, extent.most) + 1)) for extent in extents}
        run(engine, name, rng, **fitting(name, asked(name) | drawn))


@pytest.mark.parametrize("transpose_a, transpose_b", list(product((False, True), repeat=2)))
def test_gemm_in_every_storage_order(engine, rng, transpose_a, transpose_b):
    for m, n, k in SHAPES:
        run(engine, "gemm", rng, m=m, n=n, k=k, transpose_a=transpose_a, transpose_b=transpose_b)


@pytest.mark.parametrize("transpose_a, transpose_b", list(product((False, True), repeat=2)))
def test_gemm_of_cfloat8(engine, rng, transpose_a, transpose_b):
    """Every pair of formats, biases drawn near those that keep numbers apart."""
    pairs = product(("1_4_3", "1_5_2"), repeat=2)
    for (m, n, k), (format_a, format_b) in zip(SHAPES[:8], (*pairs, *product(("1_5_2", "1_4_3"), repeat=2)), strict=True):
        formats = {"format": "cfloat8", "format_a": format_a, "format_b": format_b}
        biases = {side: int(rng.integers(4, 20)) for side in ("bias_a", "bias_b")}
        run(engine, "gemm", rng, m=m, n=n, k=k, transpose_a=transpose_a, transpose_b=transpose_b, **formats, **biases)


@pytest.mark.parametrize("out", ["BF16", "FP32"])
def test_gemm_with_bias_and_relu(engine, rng, out):
    for m, n, k in SHAPES[:6]:
        run(engine, "gemm", rng, m=m, n=n, k=k, out=out, bias=True, relu=True)


def test_gemm_gives_the_same_bits_on_one_to_four_threads(engine):
    for threads in (1, 2, 3, 4):
        run(engine, "gemm", np.random.default_rng(5), m=72, n=24, k=20, threads=threads)


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (7, 33), (5, 64)])
def test_relu_backward(engine, rng, shape):
    run(engine, "relu-backward", rng, m=shape[0], n=shape[1])


@pytest.mark.parametrize("shape", [(1, 1), (33, 10), (65, 32), (3, 100)])
def test_sgd(engine, rng, shape):
    run(engine, "sgd", rng, m=shape[0], n=shape[1])


@pytest.mark.parametrize("samples", [1, 16, 32, 40, 70])
def test_softmax(engine, rng, samples):
    run(engine, "softmax", rng, n=samples, batch=samples)


def test_softmax_of_large_equal_and_masked_logits(engine):
    """The bits of golden, whose values tests/golden/kernels/test_softmax.py holds against float64."""
    kernel, columns = Softmax(4, 10, 4), [[1e9] * 10, [1e10] * 10, [-np.inf] + [0.0] * 9, [np.nan] + [np.inf] * 9]
    z = np.float32(columns).T.copy().view(np.uint32)
    job = make_job(CONFIG, kernel, {"z": z, "y": labels(np.array([0, 0, 1, 1]), 4)})
    assert run_job(engine, job)["mismatches"] == 0


def test_the_counters_of_the_matrix_slot_add_up(engine, rng):
    run(engine, "gemm", rng, m=32, n=32, k=32)
    counters = Host(engine).counters()
    parts = [counter for counter in Counter if Counter.MATRIX_STEPS <= counter <= Counter.MATRIX_IDLE]
    assert counters[Counter.CYCLES] == sum(counters[part] for part in parts) > 0
    assert counters[Counter.MATRIX_STEPS] == 2 * 4 * 4 * 8  # warmed up once, then measured


def test_machine_factory_names_configurations():
    with pytest.raises(ValueError, match="no configuration 'huge'"):
        machine.design("huge")
