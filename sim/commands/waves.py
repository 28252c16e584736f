"""The command that writes waves of a workload."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sim.commands.command import BATCH, CONFIG, CYCLES, SEED, WORKLOAD, argument, command, whole_number
from sim.files import results
from sim.process import INTERRUPTED


@command(
    "waves",
    "Rerun a workload with waves (make waves).",
    WORKLOAD,
    argument("--steps", type=whole_number, default=1, help="training steps to run (default 1)"),
    CYCLES,
    BATCH,
    SEED,
    CONFIG,
)
def _waves(options: argparse.Namespace) -> int:
    from sim.compile.verilator import wave_format
    from sim.jobs import machine, train
    from sim.jobs.train_nodes import Mismatch
    from sim.jobs.train_options import Options
    from sim.views.waves import opened

    def tell(step: int, loss: float, _cycles: int) -> None:
        print(f"step {step}: loss {loss:.4f}" if step else "data loaded", flush=True)

    machine.check_tools()  # before the compiler is asked for its headers
    latest, name, status = Path("build/waves"), f"{options.workload}.{wave_format()}", 0
    with results(latest, f"waves-{options.workload}") as run:
        path = run.folder / name
        settings = {"seed": options.seed, "config": options.config, "waves": path, "window": options.cycles or (None, None)}
        chosen = Options(options.workload, options.steps, options.batch, **settings)
        try:
            outcome = train.train(chosen, tell)
        except Mismatch as mismatch:  # what the waves are for
            print(mismatch)
            status = 1
        else:
            if outcome.interrupted:
                print(f"interrupted after step {len(outcome.loss)}")
                status = INTERRUPTED
            elif outcome.diverged:
                print(outcome.diverged, file=sys.stderr)
                status = 1
        if path.exists():
            run.finish()
            print(f"waves: {latest / name}; open them with:")
            for line in opened(latest / name):
                print(f"  {line}")
            print(run.told)
    return status
