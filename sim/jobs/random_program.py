"""A random program on the RTL against the simulator; one on which they differ is cut down to a few instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from golden.arch.config import NodeConfig
from golden.lockstep import Difference, Result
from golden.rig import Rig, RigJob, reduce, shrink
from sim.engine.binding import Engine
from sim.jobs.lockstep import run_lockstep
from sim.suite.buckets import signature


class Reduced(Difference):
    """They differ on a random program; the text has the smallest program that shows the same, ``job``, and what it shows."""

    def __init__(self, text: str, job: RigJob, found: Difference) -> None:
        super().__init__(text, found.place, found.cycle)
        self.job = job


def check(
    seed: int, config: NodeConfig, length: int = 150, engine: Engine | None = None, lockstep: Callable[..., Any] = run_lockstep
) -> Result:
    """Run the program of a seed on both.

    Raises
    ------
    Reduced
        When they differ.
    """
    rig = Rig(seed, config, length)

    def run(job: RigJob) -> Result:
        return lockstep(config, job.inputs, job.launches, strict=True, engine=engine)

    def difference(job: RigJob) -> Difference | None:
        try:
            run(job)
        except Difference as found:
            return found
        return None

    try:
        return run(rig.job())
    except Difference as found:
        first, kind = found, signature(str(found))

    def fails(job: RigJob) -> bool:
        other = difference(job)
        return other is not None and signature(str(other)) == kind

    try:
        job = reduce(shrink(rig, fails), config, fails)
    except ValueError:  # the same program does not fail a second time
        raise first from None
    found = difference(job) or first
    again = f".venv/bin/python -m sim shrink --seed {seed} --length {length} --config {config.name}"
    raise Reduced(f"{found}\nthe smallest program that shows it:\n{job.text}this again: {again}", job, found)
