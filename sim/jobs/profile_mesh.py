"""A training step of a mesh, recorded: what its profile is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sim.jobs import train
from sim.jobs.train_nodes import Nodes
from sim.jobs.train_options import Options


def record_step(options: Options, events: Path, warm_steps: int = 1) -> tuple[tuple[int, int], Sequence[str]]:
    """Train one step more than ``warm_steps`` and keep the events of all; the last one's cycles, and the names of its kernels.

    Everything is compared with golden (Mismatch).
    """
    batches, step = options.model.training(options.batch, options.seed), options.step()
    nodes = Nodes(replace(options, record=events))
    try:
        outcome = train.Outcome(step.begin(options.model.initial(step, options.seed)))
        nodes.begin(step.state(outcome.state))
        for _ in range(warm_steps + 1):
            outcome = train.advance(options, step, outcome, next(batches), nodes)
            window = nodes.last_step
    finally:
        nodes.machine.close()
    names = dict.fromkeys(name for layout in nodes.mesh.layouts.values() for name in layout.phases)
    return window, list(names)
