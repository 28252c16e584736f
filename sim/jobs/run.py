"""One kernel on random data: on the RTL, against its reference, with its figures."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from golden.arch.config import get_config
from golden.arch.memmap import Counter
from golden.kernels import KERNELS
from golden.kernels.job import Job
from sim.engine.binding import Engine
from sim.jobs import machine
from sim.jobs.host import Host

MACS_PER_CYCLE = 256


class UnknownKernel(ValueError):
    """No kernel of that name, or a parameter that it does not take."""


def make_job(name: str, config: str, seed: int, parameters: dict[str, Any]) -> Job:
    """The job of a registered kernel; ValueError in one sentence when it cannot be."""
    if name not in KERNELS:
        raise UnknownKernel(f"no kernel {name!r}: there are {', '.join(sorted(KERNELS))}")
    unknown = set(parameters) - set(KERNELS[name].parameters)
    if unknown:
        raise UnknownKernel(f"{name} takes no {', '.join(sorted(unknown))}: it takes {', '.join(KERNELS[name].parameters)}")
    return KERNELS[name].build(get_config(config), np.random.default_rng(seed), **parameters)


def run_job(engine: Engine, job: Job, warm: bool = True) -> dict[str, Any]:
    """Run a job and compare every output bit; the figures of the measured run.

    ``warm``: run it once before, so that the instruction cache holds the program.
    """
    host = Host(engine)
    host.load(job)
    if warm:
        host.run(job.launches)
        host.write(job.inputs)
    before, started = host.counters(), time.perf_counter()
    first = engine.cycle
    host.run(job.launches)
    seconds, simulated = time.perf_counter() - started, engine.cycle - first
    after = host.counters()
    mismatches = compared = 0
    for name, matrix in job.outputs.items():
        got, expected = host.read_matrix(matrix), job.expected[name]
        mismatches += int((got != expected).sum())
        compared += expected.size
    last = max(after[Counter.LAST_STORE], after[Counter.LAST_STEP])
    cycles = last - after[Counter.START_CYCLE] + 1
    steps = after[Counter.MATRIX_STEPS] - before[Counter.MATRIX_STEPS]
    return {
        "cycles": cycles,
        "macs": job.macs,
        "utilisation": job.macs / MACS_PER_CYCLE / cycles,
        "mismatches": mismatches,
        "compared": compared,
        "steps": steps,
        "steady": steps / (after[Counter.LAST_STEP] - after[Counter.FIRST_STEP] + 1) if steps else None,
        "sim_khz": simulated / seconds / 1e3,
        "simulated_cycles": simulated,
        **{key: value for key, value in job.info.items()},
    }


def run_kernel(name: str, config: str = "d1", seed: int = 0, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """Build, run, compare; the report of ``python -m sim run``."""
    job = make_job(name, config, seed, parameters or {})
    with machine.engine(config) as engine:
        report = run_job(engine, job)
    return {"kernel": name, "config": config, "seed": seed, **report}
