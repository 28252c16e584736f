"""The benchmark table: ceilings worked out by hand, and rows from figures that are played."""

from contextlib import nullcontext

import pytest

from golden.arch.memmap import Counter
from sim.jobs import bench as job
from sim.jobs import machine
from sim.jobs.run import RETIRED, rates


@pytest.mark.parametrize(
    ("extents", "out", "share"),
    [
        ((64, 64, 64), "BF16", 1024 / (1024 + 42)),  # 64 tiles of 16 steps
        ((8, 8, 1024), "BF16", 256 / (256 + 42)),  # one tile: its steps follow each other
        ((128, 128, 4), "BF16", 256 / (2 * 256 + 42)),  # two beats of a drain for each tile of one step
        ((128, 128, 4), "FP32", 256 / (4 * 256 + 42)),
        ((5, 32, 3), "BF16", 4 / (8 + 42)),  # parts of tiles count as tiles
    ],
)
def test_ceilings_by_hand(extents, out, share):
    assert job.ceiling(*extents, out) == pytest.approx(share)


def test_a_row_of_each_kernel_and_shape(monkeypatch):
    """1,128 cycles for everything: GEMM 64x64x64 has 1,024 steps."""
    figures = {"cycles": 1128, "macs": 0, "utilisation": 0.5, "steady": 0.9, "sim_khz": 1.0, "mismatches": 0}
    figures |= {"ipc": 1.5, "simd": 0.0, "ran": 1140, "causes": {"step": 1024, "load": 116}}
    monkeypatch.setattr(machine, "engine", lambda config: nullcontext())
    monkeypatch.setattr(job, "run_job", lambda engine, work: figures)
    said: list[str] = []
    rows = job.bench("d1", 0, said.append)
    assert len(rows) == len(said) == len(job.GEMM_SHAPES) + len(job.CFLOAT8_SHAPES) + 6 * len(job.TRANSPOSED_SHAPES) + len(job.OTHERS)
    of = {(row["kernel"], row["shape"], row["format"], row["transpose"]): row for row in rows}
    assert of["gemm", "64x64x64", "cfloat8", "tn"]["of_ceiling"] == pytest.approx((1024 + 42) / 1128)
    assert [of["sgd", "64x64", "fp32", ""][name] for name in ("ipc", "ran", "step", "load")] == [1.5, 1140, 1024, 116]
    assert of["axpy", "4x4096", "fp32", ""]["ceiling"] is None
    assert "gemm 64x64x64 bf16 nn: 1128 cycles, 0 mismatches" in said


def test_instructions_of_every_kind_count_once():
    spent = dict.fromkeys(Counter, 0) | {counter: 10 << index for index, counter in enumerate(RETIRED)} | {Counter.SIMD_BUSY: 7}
    assert rates(spent, 100) == {"ipc": 3.1, "simd": 0.8}
    assert {counter for counter in Counter if counter.name.startswith("RETIRED_")} == set(RETIRED)
