"""The command that writes waves of a workload."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sim.commands.command import (
    BATCH,
    CONFIG,
    PC,
    SCOPE,
    SEED,
    SHARDS,
    THREADS,
    WORKLOAD,
    argument,
    command,
    one_window,
    tell_waves,
    whole_number,
    window_around_pc,
)
from sim.events.window import DIFFERENCE, cycles_or_difference
from sim.files import results
from sim.process import INTERRUPTED

if TYPE_CHECKING:
    from sim.events.recorder import Wish
    from sim.jobs.train_options import Options

_MOST = 10_000
"""Cycles that are kept of a step, its last ones."""


@command(
    "waves",
    "Rerun a workload with waves (make waves).",
    WORKLOAD,
    argument("--steps", type=whole_number, default=1, help="training steps to run (default 1)"),
    argument(
        "--cycles",
        type=cycles_or_difference,
        metavar="A:B",
        help="from cycle A of the run to before B, or the word difference, for the step in which RTL and golden first differ",
    ),
    PC,
    SCOPE,
    BATCH,
    SHARDS,
    THREADS,
    SEED,
    CONFIG,
)
def _waves(options: argparse.Namespace) -> int:
    from sim.compile.verilator import wave_format
    from sim.events.recorder import Wish
    from sim.jobs import machine
    from sim.jobs.train_nodes import program
    from sim.jobs.train_options import Options

    one_window(options)
    machine.check_tools()  # before the compiler is asked for its headers
    latest, name = Path("build/waves"), f"{options.workload}.{wave_format()}"
    with results(latest, f"waves-{options.workload}") as run:
        given = {"seed": options.seed, "config": options.config, "shards": options.shards, "threads": options.threads}
        chosen = Options(options.workload, options.steps, options.batch, **given)
        kept = Wish(waves=run.folder / name, program=program(chosen), scopes=tuple(options.scope))
        if options.cycles == DIFFERENCE:
            kept = _around_difference(chosen, kept)
            if kept is None:
                print("there is no difference, so no waves were written")
                return 0
        elif options.cycles:
            kept = replace(kept, first=options.cycles[0] or 0, last=options.cycles[1])
        kept = window_around_pc(options, kept, kept.program, lambda first: _run(chosen, first, lambda *_: None))
        status = _run(chosen, kept, _tell)
        if kept.waves.exists():
            run.finish()
            tell_waves(latest / name, kept.program, kept.focus)
            print(run.told)
    return status


def _tell(step: int, loss: float, _cycles: int) -> None:
    print(f"step {step}: loss {loss:.4f}" if step else "data loaded", flush=True)


def _run(chosen: Options, kept: Wish, tell) -> int:
    """Train and keep what is wished; the exit status. A difference is what waves are for, and is told."""
    from sim.jobs import train
    from sim.jobs.train_nodes import Mismatch

    asked = replace(chosen, waves=kept.waves, record=kept.events, window=(kept.first, kept.last), scopes=kept.scopes)
    try:
        outcome = train.train(asked, tell)
    except Mismatch as mismatch:
        print(mismatch)
        return 1
    if outcome.interrupted:
        print(f"interrupted after step {len(outcome.loss)}")
        return INTERRUPTED
    if outcome.diverged:
        print(outcome.diverged, file=sys.stderr)
        return 1
    return 0


def _around_difference(chosen: Options, kept: Wish) -> Wish | None:
    """The same of the cycles of the step in which RTL and golden first differ, found by a first run; None when they never do."""
    from sim.jobs import train
    from sim.jobs.train_nodes import Mismatch

    try:
        train.train(chosen, lambda *_: None)
    except Mismatch as mismatch:
        first, last = mismatch.cycles
        print(f"the difference came in cycles {first} to {last - 1}: once more, for what is around it", flush=True)
        return replace(kept, first=max(first, last - _MOST), last=last)
    return None
