"""The commands of ``python -m sim``: arguments, one call into a job, what is printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class CommandError(RuntimeError):
    """What a person did or has wrong, in one sentence."""


@dataclass(frozen=True)
class Command:
    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS: dict[str, Command] = {}


def command(name: str, summary: str, *arguments: tuple[tuple[str, ...], dict[str, Any]]):
    """Decorator: a function of the parsed options becomes a command; arguments are those of ``add_argument``."""

    def enter(function: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
        def add(parser: argparse.ArgumentParser) -> None:
            for flags, settings in arguments:
                parser.add_argument(*flags, **settings)

        COMMANDS[name] = Command(summary, add, function)
        return function

    return enter


def argument(*flags: str, **settings: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return flags, settings


SEED = argument("--seed", type=int, default=0, help="seed of everything random (default 0)")
CONFIG = argument("--config", default="d1", help="configuration: d1 or tiny (default d1)")
JSON = argument("--json", metavar="FILE", help="also write the figures to FILE")
_WORKLOAD = argument("--workload", default="digits-mlp", help="what to train (default digits-mlp)")
_BATCH = argument("--batch", type=int, default=32, help="images per step (default 32)")


@command(
    "train",
    "Train a workload on the RTL, checking every weight against golden (make sim).",
    _WORKLOAD,
    argument("--steps", type=int, help="training steps (default: the workload's)"),
    _BATCH,
    SEED,
    CONFIG,
    argument("--engine", default="rtl", choices=("rtl", "golden"), help="rtl (default), or golden for NumPy alone"),
    argument("--mesh", default="1x1", help="columns x rows of nodes (this machine has 1x1)"),
    argument("--shards", type=int, default=1, help="shards of the batch (this machine has 1)"),
    argument("--format", default="bf16", help="number format of the matrix products (this machine has bf16)"),
    argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run"),
)
def _train(options: argparse.Namespace) -> int:
    from sim.jobs import train
    from sim.views.plots import plot_loss
    from sim.views.progress import TrainingProgress
    from sim.views.report import write_json

    for name, only in (("mesh", "1x1"), ("shards", 1), ("format", "bf16")):
        if getattr(options, name) != only:
            raise CommandError(f"--{name} {getattr(options, name)} is not in this machine: only {only}")
    chosen = train.Options(
        workload=options.workload,
        steps=train.digits_mlp.STEPS if options.steps is None else options.steps,
        batch=options.batch,
        seed=options.seed,
        engine=options.engine,
        config=options.config,
        resume=options.resume,
    )
    what = f"{chosen.workload}, {chosen.steps} steps of batch {chosen.batch}, seed {chosen.seed}"
    print(f"training {what} on {'the RTL (' + chosen.config + ')' if chosen.engine == 'rtl' else 'golden (NumPy)'}", flush=True)
    with TrainingProgress(chosen.steps) as progress:
        try:
            outcome = train.train(chosen, progress)
        except train.Mismatch as mismatch:
            raise CommandError(f"RTL and golden differ.\n{mismatch}") from None
    if outcome.interrupted:
        again = f".venv/bin/python -m sim train --resume --workload {chosen.workload} --steps {chosen.steps} --batch {chosen.batch}"
        again += f" --seed {chosen.seed} --engine {chosen.engine} --config {chosen.config}"
        print(f"interrupted after step {len(outcome.loss)}; go on with: {again}")
        return 130
    report = train.report(chosen, outcome)
    write_json(chosen.folder / "report.json", report)
    train.save_weights(chosen, outcome)
    plot_loss(chosen.folder / "loss.png", outcome.loss, what)
    if chosen.engine == "rtl":
        print(f"{outcome.compared} values equal to golden in every bit, 0 mismatches")
        per_step = report["cycles"] / len(outcome.cycles)
        print(f"{per_step:.0f} cycles a step, matrix utilisation {100 * report['utilisation']:.1f} %, {report['sim_khz']:.0f} kHz")
    print(f"held-out accuracy {100 * outcome.accuracy:.2f} % on 360 images, final loss {outcome.loss[-1]:.4f}, {outcome.seconds:.0f} s")
    print(f"report: {chosen.folder / 'report.json'}, weights: {chosen.folder / 'weights.npz'}, loss: {chosen.folder / 'loss.png'}")
    return 0


@command(
    "run",
    "Run a registered kernel on random data on the RTL and check it against golden.",
    argument("kernel", help="name of the kernel (an unknown name lists them)"),
    *(argument(f"--{name}", type=int, help=f"extent {name} of the kernel's shape") for name in ("m", "n", "k")),
    argument("--format", help="number format: bf16"),
    argument("--out", help="format of the result: BF16 or FP32"),
    argument("--transpose-a", action="store_true", default=None, help="A is stored transposed (k x m)"),
    argument("--transpose-b", action="store_true", default=None, help="B is stored transposed (n x k)"),
    argument("--threads", type=int, help="threads that share the work (default: the kernel's choice)"),
    SEED,
    CONFIG,
    JSON,
)
def _run(options: argparse.Namespace) -> int:
    from sim.jobs.run import run_kernel
    from sim.views.report import write_json

    names = ("m", "n", "k", "format", "out", "transpose_a", "transpose_b", "threads")
    parameters = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    report = run_kernel(options.kernel, options.config, options.seed, parameters)
    for key, value in report.items():
        print(f"{key:18} {value:.4f}" if isinstance(value, float) else f"{key:18} {value}")
    if options.json:
        write_json(options.json, report)
    return 1 if report["mismatches"] else 0
