"""A random program on the RTL against the simulator; one on which they differ is cut down to a few instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from golden.arch.config import NodeConfig
from golden.host import HostError
from golden.iss.node import HangError
from golden.lockstep import Difference, Result
from golden.retire import TraceError
from golden.rig import Rig, RigJob, reduce, shrink
from sim.engine.binding import Engine
from sim.jobs.lockstep import run_lockstep
from sim.suite.buckets import signature


class Reduced(Difference):
    """They differ on a random program; the text has the smallest program that shows the same, ``job``, and what it shows."""

    def __init__(self, text: str, job: RigJob, found: Difference) -> None:
        super().__init__(text, found.place, found.cycle)
        self.job = job


def check(rig: Rig, engine: Engine | None = None, lockstep: Callable[..., Any] = run_lockstep) -> Result:
    """Run a random program on both; ``engine``: where (one of its own when None), whatever ran there before.

    Raises
    ------
    Reduced
        When they differ, and differ again on machines that nothing ran on before.
    Difference
        When they differ, and do not again.
    """
    try:
        return compared(rig.job(), rig.config, engine, lockstep)
    except Difference as found:
        raise cut_down(rig, found, lockstep) from None


def compared(job: RigJob, config: NodeConfig, engine: Engine | None = None, lockstep: Callable[..., Any] = run_lockstep) -> Result:
    """Run a job on both; Difference also when one of them never ends, and when the RTL's trace lacks something."""
    try:
        return lockstep(config, job.inputs, job.launches, strict=True, engine=engine)
    except (HostError, HangError) as endless:
        raise Difference(f"{'RTL' if isinstance(endless, HostError) else 'ISS'} comes to no end: {endless}") from None
    except TraceError as lacking:
        raise Difference(f"the RTL's trace contradicts itself: {lacking}") from None


def cut_down(rig: Rig, first: Difference, lockstep: Callable[..., Any] = run_lockstep) -> Difference:
    """What is to be told of a program that differed: Reduced, or the difference itself when it does not come again."""
    kind = signature(str(first))

    def difference(job: RigJob) -> Difference | None:
        # Each on a machine of its own: what a part of a program leaves in a semaphore would decide about the next part.
        try:
            compared(job, rig.config, None, lockstep)
        except Difference as found:
            return found
        return None

    def fails(job: RigJob) -> bool:
        other = difference(job)
        return other is not None and signature(str(other)) == kind

    try:
        job = reduce(shrink(rig, fails), rig.config, fails)
    except ValueError:  # the same program does not fail a second time
        return first
    found = difference(job) or first
    return Reduced(f"{found}\nthe smallest program that shows it:\n{job.text}this again: {again(rig)}", job, found)


def again(rig: Rig) -> str:
    """The line that runs a program alone, and cuts it down when they differ on it."""
    return f".venv/bin/python -m sim shrink {rig.options}"
