"""How a random program that fails is cut down: whole snippets first, then threads and single instructions, as long as it fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.asm import assemble
from golden.asm.text import AsmError
from golden.iss.errors import RuleError
from golden.iss.node import HangError, Simulator
from golden.iss.state import Node
from golden.kernels.job import Launch
from golden.rig.rig import RigJob

LIMIT = 20_000  # instructions that a program may execute; random ones execute a few thousand
Job = TypeVar("Job", covariant=True)
Item = TypeVar("Item")


class Shrinkable(Protocol[Job]):
    """A random program, or one for each node of a mesh."""

    seed: int

    def numbers(self) -> list[int]: ...

    def job(self, keep: Collection[int] | None = None) -> Job: ...


def fewest(items: Sequence[Item], fails: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """Items that still fail, none of which can be left out alone: halves, then smaller parts are left out as long as the rest fails."""
    keep = list(items)
    part = max(1, len(keep) // 2)
    while True:
        at, smaller = 0, False
        while at < len(keep):
            rest = keep[:at] + keep[at + part :]
            if fails(rest):
                keep, smaller = rest, True
            else:
                at += part
        if part == 1 and not smaller:
            return keep
        part = max(1, part // 2)


def shrink(rig: Shrinkable[Job], fails: Callable[[Job], bool]) -> Job:
    """A small job that still ``fails``, with the fewest snippets.

    Raises
    ------
    ValueError
        When the whole job does not fail.
    """
    if not fails(rig.job(rig.numbers())):
        raise ValueError(f"rig: seed {rig.seed} does not fail")
    return rig.job(fewest(rig.numbers(), lambda keep: fails(rig.job(keep))))


def reduce(job: RigJob, config: NodeConfig, fails: Callable[[RigJob], bool]) -> RigJob:
    """The job with the fewest threads, then the fewest instructions, that still ``fails``; it is legal, and its text has no comments.

    ``fails`` is asked about legal jobs only: those that the strict simulator runs to their ends as it does the whole one.
    """
    job = _written(job, _lines(job.text), job.launches)

    def still(candidate: RigJob | None) -> bool:
        return candidate is not None and _legal(candidate, config) and fails(candidate)

    launches = fewest(job.launches, lambda some: bool(some) and still(_written(job, _lines(job.text), some)))
    job = _written(job, _lines(job.text), launches)
    lines = fewest(_lines(job.text), lambda some: still(_written(job, some, launches)))
    return _written(job, lines, launches)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(";")]


def _written(job: RigJob, lines: Sequence[str], launches: Sequence[Launch]) -> RigJob | None:
    """The job with another text and some of its threads; None when that is no program."""
    text = "\n".join(lines) + "\n"
    try:
        program = assemble(text, source=f"rig{job.seed}")
        started = [replace(launch, pc=program.labels[f"start{launch.thread}"]) for launch in launches]
    except (AsmError, KeyError):
        return None
    return replace(job, text=text, program=program, inputs=[(program.origin, program.image), *job.inputs[1:]], launches=started)


def loaded(job: RigJob, config: NodeConfig) -> Simulator:
    """The strict simulator of a node with the job's bytes, its threads started, counters reading 0."""
    node = Node(config, external=lambda thread, csr: 0)
    for address, image in job.inputs:
        node.write(address, image)
    for launch in job.launches:
        node.threads[launch.thread].start(launch.pc, launch.args)
    return Simulator(node, strict=True)


def _legal(job: RigJob, config: NodeConfig) -> bool:
    """Whether the strict simulator runs the job to its end, with the one fault that it was made for."""
    simulator = loaded(job, config)
    try:
        for _ in simulator.run(LIMIT):
            pass
    except (RuleError, HangError):
        return False
    ends = {thread.index: thread.cause.name for thread in simulator.node.threads if thread.state is not ThreadState.IDLE}
    return ends == (dict([job.faulting]) if job.faulting else {})
