"""The command that runs a kernel, with a sub-command for each."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.arch.mesh import parse, parse_place
from sim.commands.command import (
    CONFIG,
    CYCLES,
    JSON,
    PC,
    RECORD,
    SCOPE,
    SEED,
    WAVES,
    CommandError,
    argument,
    command,
    real_number,
    sentence_of,
    tell_kept,
    whole_number,
    window_around_pc,
    wish,
)

if TYPE_CHECKING:
    from sim.events.recorder import Wish


def _kernels(parser: argparse.ArgumentParser) -> None:
    """A sub-command for each kernel, its parameters as options."""
    from golden.kernels import KERNELS
    from golden.kernels.kernel import parameters, summary

    types = {int: whole_number, float: real_number, str: str}
    kernels = parser.add_subparsers(dest="kernel", required=True, metavar="KERNEL")
    for name, kernel in sorted(KERNELS.items()):
        sub = kernels.add_parser(name, help=summary(kernel), description=summary(kernel))
        for parameter in parameters(kernel):
            flag = f"--{parameter.name.replace('_', '-')}"
            if parameter.type is bool:
                sub.add_argument(flag, dest=_PARAMETER + parameter.name, action="store_true", help=parameter.what)
                continue
            meaning = f"{parameter.what}: {parameter.range} (default {parameter.default})"
            sub.add_argument(
                flag, dest=_PARAMETER + parameter.name, type=types[parameter.type], default=parameter.default, metavar="VALUE", help=meaning
            )
        sub.add_argument("--threads", type=whole_number, help="threads that share the work (default: as many as the kernel chooses)")
        for flags, settings in (SEED, CONFIG, JSON, RECORD, WAVES, CYCLES, PC, SCOPE, *_MESH):
            sub.add_argument(*flags, **settings)


_MESH = (
    argument("--mesh", type=sentence_of(parse), metavar="CxR", help="on every node of a mesh of so many columns and rows at once"),
    argument("--dead", type=sentence_of(parse_place), nargs="*", default=[], metavar="X,Y", help="nodes of the mesh that are dead"),
)
_PARAMETER = "parameter "  # before the name of what a kernel takes, among the options


def _threads(record: Wish) -> list[dict[str, Any]]:
    """What each thread did in the cycles that were kept."""
    from sim.events.file import Recording
    from sim.events.instructions import follow
    from sim.events.threads import rows

    recording = Recording(record.events)
    return rows(follow(recording, *recording.window(None)))


@command("run", "Run a kernel on random data on the RTL and check it against golden (run KERNEL --help: its parameters).", more=_kernels)
def _run(options: argparse.Namespace) -> int:
    from golden.arch.config import get_config
    from golden.kernels.job import random_job
    from sim.jobs.run import run_kernel
    from sim.views.report import write_json

    given = {name.removeprefix(_PARAMETER): value for name, value in vars(options).items() if name.startswith(_PARAMETER)}
    if options.dead and not options.mesh:
        raise CommandError("--dead names places of a mesh: give --mesh too")
    mesh = options.mesh and replace(options.mesh, dead=frozenset(options.dead))
    where = f"{mesh.columns}x{mesh.rows} of {options.config}" if mesh else options.config
    job = random_job(get_config(options.config), options.kernel, np.random.default_rng(options.seed), options.threads, **given)
    record = wish(options, f"{options.kernel} on {where}", job.program, mesh)
    if mesh:
        from sim.jobs.run_mesh import run_everywhere

        figures = run_everywhere(mesh, job, options.config, record)
    else:
        record = window_around_pc(options, record, job.program, lambda first: run_kernel(job, options.config, first))
        figures = run_kernel(job, options.config, record)
    about = {"kernel": options.kernel, "config": options.config, "seed": options.seed, "threads": len(job.launches)}
    report = {**about, **given, **figures}
    threads = _threads(record) if record and record.events else []
    for key, value in report.items():
        told = ", ".join(f"{name} {count}" for name, count in value.items()) if isinstance(value, dict) else value
        print(f"{key:18} {told:.4f}" if isinstance(told, float) else f"{key:18} {told}")
    for row in threads:
        print("  ".join(f"{name} {count}" for name, count in row.items() if count or name == "thread"))
    tell_kept(record)
    if options.json:
        write_json(options.json, {**report, "stalls": threads} if threads else report)
    return 1 if report["mismatches"] else 0
