"""The command that trains."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from golden.arch.mesh import MeshConfig, parse, parse_place
from sim.commands.command import (
    BATCH,
    CONFIG,
    CYCLES,
    RECORD,
    SEED,
    SHARDS,
    THREADS,
    WORKLOAD,
    CommandError,
    argument,
    command,
    real_number,
    sentence_of,
    tell_kept,
    whole_number,
)
from sim.files import results
from sim.process import INTERRUPTED


@command(
    "train",
    "Train a workload on the RTL, checking every weight against golden (make sim).",
    WORKLOAD,
    argument("--steps", type=whole_number, help="training steps (default: the workload's)"),
    BATCH,
    argument("--rate", type=real_number, help="learning rate (default: the workload's)"),
    SEED,
    CONFIG,
    argument("--engine", default="rtl", choices=("rtl", "iss", "golden"), help="rtl (default), iss the simulator, golden NumPy alone"),
    argument("--mesh", type=sentence_of(parse), default=MeshConfig(1, 1), metavar="CxR", help="columns x rows of nodes (default 1x1)"),
    argument("--dead", type=sentence_of(parse_place), nargs="*", default=[], metavar="X,Y", help="nodes of the mesh that are dead"),
    SHARDS,
    THREADS,
    argument("--format", default="bf16", help="of what matrix products read: bf16 (default) or cfloat8"),
    RECORD,
    CYCLES,
    argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run"),
)
def _train(options: argparse.Namespace) -> int:
    if options.cycles and not options.record:
        raise CommandError("--cycles is the window of what is kept: give --record FILE too")
    if options.record and options.engine != "rtl":
        raise CommandError(f"--record keeps what the RTL tells: leave --engine {options.engine} out")
    from sim.events.recorder import Wish
    from sim.jobs import train
    from sim.jobs.train_options import ONE, Options
    from sim.views.plots import plot_loss
    from sim.views.progress import TrainingProgress
    from sim.views.report import write_json

    chosen = Options(
        workload=options.workload,
        steps=options.steps,
        batch=options.batch,
        rate=options.rate,
        seed=options.seed,
        engine=options.engine,
        config=options.config,
        mesh=replace(options.mesh, dead=frozenset(options.dead)),
        format=options.format,
        shards=options.shards,
        threads=options.threads,
        resume=options.resume,
        record=options.record,
        window=options.cycles or (None, None),
    )
    steps = f"{chosen.steps} step{'s' if chosen.steps > 1 else ''}"
    trained = chosen.workload if chosen.format == "bf16" else f"{chosen.workload} in {chosen.format}"
    what = f"{trained}, {steps} of batch {chosen.batch}, seed {chosen.seed}"
    where = {"rtl": f"the RTL ({chosen.config})", "iss": f"the simulator ({chosen.config})", "golden": "golden (NumPy)"}[chosen.engine]
    nodes = "" if chosen.mesh == ONE else f", {chosen.mesh_name} nodes"
    print(f"training {what} on {where}{nodes}", flush=True)
    with results(chosen.latest, f"{chosen.workload}-{chosen.engine}") as run:
        with TrainingProgress(chosen.steps) as progress:
            outcome = train.train(chosen, progress)
        if outcome.interrupted:
            again = f".venv/bin/python -m sim train --resume --steps {chosen.steps} {chosen.flags}"
            print(f"interrupted after step {len(outcome.loss)}; go on with: {again}")
            return INTERRUPTED
        report = train.report(chosen, outcome)
        write_json(run.folder / "report.json", report)
        train.save_weights(run.folder, outcome)
        plot_loss(run.folder / "loss.png", outcome.loss, what)
        run.finish()
    if chosen.engine != "golden":
        print(f"{outcome.compared} values equal to golden in every bit, 0 mismatches")
    if chosen.engine == "rtl":
        per_step = report["cycles"] / len(outcome.cycles)
        print(f"{per_step:.0f} cycles a step, matrix utilisation {100 * report['utilisation']:.1f} %, {report['sim_khz']:.0f} kHz")
    if outcome.accuracy is not None:
        accuracy = f"held-out accuracy {100 * outcome.accuracy:.2f} % of {outcome.held_out}"
        print(f"{accuracy}, final loss {outcome.loss[-1]:.4f}, {outcome.seconds:.0f} s")
    latest = chosen.latest
    tell_kept(options.record and Wish(options.record, mesh=None if chosen.mesh == ONE else chosen.mesh))
    print(f"report: {latest / 'report.json'}, weights: {latest / 'weights.npz'}, loss: {latest / 'loss.png'}")
    print(run.told)
    if outcome.diverged:
        print(outcome.diverged, file=sys.stderr)
        return 1
    return 0
