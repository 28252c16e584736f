"""Jobs: what a host does to run a kernel."""

from dataclasses import dataclass

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.arch.memmap import PROGRAM_BASE
from golden.kernels.job import SPILL, START_REGISTERS, UnknownKernel, make_job, named, random_job
from golden.kernels.kernel import MOST_REGISTERS, Kernel, Operand, Role
from golden.kernels.placement import steps
from tests.golden.kernels.bench import check

TINY = CONFIGS["tiny"]


def test_arguments_that_a_start_cannot_carry_lie_below_the_program():
    job = random_job(TINY, "softmax", np.random.default_rng(0), n=5)
    (launch,) = job.launches
    assert len(launch.args) == START_REGISTERS and [len(image) for address, image in job.inputs if address == SPILL] == [16]
    assert SPILL + 8 * (MOST_REGISTERS - START_REGISTERS) <= PROGRAM_BASE


def test_threads_of_one_shape_share_a_subroutine():
    """Panels of 32, 32 and 38 rows: two texts, two entries."""
    job = random_job(TINY, "gemm", np.random.default_rng(0), threads=3, m=102, n=8, k=8)
    assert [launch.thread for launch in job.launches] == [0, 1, 2]
    assert sorted(name for name in job.program.labels if "_" not in name) == ["gemm0", "gemm2", "start0", "start2"]


@dataclass(frozen=True)
class Swapped(Kernel):
    """Y = X through a line of scratch."""

    name = "swapped"

    def operands(self):
        return Operand("x", 1, 16, "FP32"), Operand("t", 1, 16, "FP32", Role.SCRATCH), Operand("y", 1, 16, "FP32", Role.OUT)

    def reference(self, x):
        return {"y": x}

    def text(self, label):
        lines = ["setd d0, x1, x2", "setd d1, x3, x4", "setd d2, x5, x6", "vld.c v1, d0", "vst.c v1, d1", "vld.c v2, d1", "vst.c v2, d2"]
        return "\n".join([f"{label}:", *lines, "jr x31"]) + "\n"

    def views(self, x, t, y):
        return tuple(matrix.descriptor(**steps("x", 8, "y", 1)) for matrix in (x, t, y))


def test_scratch_is_memory_that_nobody_else_sees():
    job = make_job(TINY, Swapped(), {"x": np.arange(16, dtype=np.uint32)[None]})
    assert set(job.outputs) == set(job.expected) == {"y"}
    with pytest.raises(AssertionError, match="64 bytes outside the outputs changed|bytes outside the outputs changed"):
        check(job, TINY)


def test_a_kernel_that_is_not_there():
    with pytest.raises(UnknownKernel, match="no kernel 'fft': there are adam, .*gemm, .*softmax"):
        named("fft")
    with pytest.raises(UnknownKernel, match="axpy takes no k, z: it takes m, n, a"):
        named("axpy", k=3, z=4)
