"""One kernel on random data: on the RTL, against its reference, with its figures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from golden.arch.memmap import Counter
from golden.kernels.job import Job
from sim.engine.binding import Engine
from sim.events.recorder import Wish, recording
from sim.jobs import machine
from sim.jobs.host import Host
from sim.jobs.profile import account

MACS_PER_CYCLE = 256
RETIRED = (
    Counter.RETIRED_FRONT,
    Counter.RETIRED_SCALAR,
    Counter.RETIRED_VECTOR_MEMORY,
    Counter.RETIRED_SIMD,
    Counter.RETIRED_MATRIX,
)
"""Together all instructions."""


def run_job(engine: Engine, job: Job, warm: bool = True, record: Wish | None = None) -> dict[str, Any]:
    """Run a job and compare every output bit; the figures of the measured run.

    ``causes`` add up to ``ran``, the cycles in which a thread ran.
    ``warm``: run it once before, so that the instruction cache holds the program. ``record``: what is kept of the measured run.
    """
    host = Host(engine)
    host.load(job)
    if warm:
        host.run(job.launches)
        host.write(job.inputs)
    before, started = host.counters(), time.perf_counter()
    first = engine.cycle
    with recording(engine, record):
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
    spent = {counter: after[counter] - before[counter] for counter in Counter}
    ran, steps = account("a job", spent), spent[Counter.MATRIX_STEPS]
    return {
        "cycles": cycles,
        "macs": job.macs,
        "utilisation": job.macs / MACS_PER_CYCLE / cycles,
        "mismatches": mismatches,
        "compared": compared,
        "steps": steps,
        "steady": steps / (after[Counter.LAST_STEP] - after[Counter.FIRST_STEP] + 1) if steps else None,
        **rates(spent, ran["cycles"]),
        "ran": ran["cycles"],
        "causes": ran["causes"],
        "sim_khz": simulated / seconds / 1e3,
        "simulated_cycles": simulated,
    }


def rates(spent: Mapping[Counter, int], cycles: int) -> dict[str, float]:
    """Instructions and SIMD operations of all threads per cycle, from differences of counters."""
    return {"ipc": sum(spent[counter] for counter in RETIRED) / cycles, "simd": spent[Counter.RETIRED_SIMD] / cycles}


def run_kernel(job: Job, config: str = "d1", record: Wish | None = None) -> dict[str, Any]:
    """Run and compare on a node of its own; the figures of ``python -m sim run``. ``record``: what is kept of the measured run."""
    with machine.engine(config, trace=bool(record and record.events), waved=bool(record and record.waves)) as engine:
        return run_job(engine, job, record=record)
