"""What a command is, and the arguments that several of them take."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from golden.arch import isa
from sim.events.window import cycles
from sim.files import check_writable


class CommandError(RuntimeError):
    """What a person did or has wrong, in one sentence."""


@dataclass(frozen=True)
class Command:
    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def wish(options: argparse.Namespace, title: str, program: Any = None, mesh: Any = None) -> Any:
    """What ``RECORD``, ``WAVES`` and ``CYCLES`` ask for, None for nothing; CommandError when only the window is given.

    ``mesh``: on which it runs; then ``nodes`` are those whose waves are wanted.
    """
    if not options.record and not options.waves:
        if options.cycles or options.pc:
            name = "cycles" if options.cycles else "pc"
            raise CommandError(f"--{name} is the window of what is kept: give --record FILE or --waves FILE too")
        if not options.scope:
            return None
    if options.scope and not options.waves:
        raise CommandError("--scope chooses signals of waves: give --waves FILE too")
    from sim.events.recorder import Wish

    one_window(options, mesh)
    first, last = options.cycles or (None, None)
    kept = Wish(options.record, as_written(options.waves), first or 0, last, title, program, mesh, scopes=tuple(options.scope))
    if mesh and getattr(options, "nodes", None):
        from sim.jobs.machine import numbers_of

        return replace(kept, shown=numbers_of(mesh, options.nodes))
    return kept


def as_written(path: Path | None) -> Path | None:
    """A file of waves by the name of the format that this machine can write."""
    from sim.compile.verilator import wave_format

    return path and (path.with_suffix(f".{wave_format()}") if path.suffix in (".fst", ".vcd") else path)


def one_window(options: argparse.Namespace, mesh: Any = None) -> None:
    """CommandError when ``CYCLES`` and ``PC`` are both given, or ``PC`` on a mesh."""
    if options.pc and options.cycles:
        raise CommandError("--cycles and --pc are two windows: leave one of them out")
    if options.pc and mesh:
        raise CommandError("--pc finds an instruction on a node alone: leave --mesh out, or give --cycles A:B")


def window_around_pc(options: argparse.Namespace, kept: Any, program: Any, run: Callable[[Any], object]) -> Any:
    """What ``wish`` gave, of the cycles around the instruction of ``PC`` if given; ``run`` runs all once and keeps what is wished."""
    if not kept or not options.pc:
        return kept
    from sim.events.around import around_pc
    from sim.jobs.memory import address

    found = around_pc(kept, program, address(program, options.pc), run)
    print(f"{options.pc} is dispatched in cycle {found.focus}: once more, for what is around it", flush=True)
    return found


def tell_kept(kept: Any) -> None:
    """How what was kept is looked at."""
    if kept and kept.events and kept.events.exists():
        print(f"events: {kept.events}; look at them with: python -m sim pipeline {kept.events}")
        if kept.mesh:
            print(f"what its links carried: python -m sim traffic {kept.events}")
    if kept and kept.waves and kept.waves.exists():
        tell_waves(kept.waves, kept.program, kept.focus)


def tell_waves(path: Path, program: Any = None, focus: int | None = None) -> None:
    """How waves are opened; a picture of some cycles of them for people without a viewer."""
    from sim.views.waves import opened
    from sim.views.waves_picture import draw

    commands = opened(path, program, focus)
    picture = path.with_suffix(".png")
    first, last = draw(picture, path, program, focus)
    print(f"waves: {path}; a picture of cycles {first} to {last}: {picture}; open them with:")
    for line in commands:
        print(f"  {line}")


def draw_traffic(options: argparse.Namespace, found: Any, title: str) -> None:
    """The pictures that ``HEAT`` and ``LATENCY`` ask for, of a `sim.jobs.traffic.Traffic`."""
    from sim.views.traffic import plot_heat, plot_latencies

    if options.heat:
        plot_heat(options.heat, found.mesh, found.shares, f"{title}: how busy links were")
        print(f"heat map: {options.heat}")
    if options.latency:
        plot_latencies(options.latency, found.latencies, f"{title}: {found.measured}")
        print(f"latencies: {options.latency}")


COMMANDS: dict[str, Command] = {}


def command(name: str, summary: str, *arguments: tuple[tuple[str, ...], dict[str, Any]], more: Callable[[Any], None] | None = None):
    """Decorator: a function of the parsed options becomes a command; arguments are those of ``add_argument``, ``more`` adds others."""

    def enter(function: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
        def add(parser: argparse.ArgumentParser) -> None:
            for flags, settings in arguments:
                parser.add_argument(*flags, **settings)
            if more:
                more(parser)

        COMMANDS[name] = Command(summary, add, function)
        return function

    return enter


def argument(*flags: str, **settings: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return flags, settings


def whole_number(text: str) -> int:
    """Type of an argument: decimal, or as C writes it (0x100)."""
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def real_number(text: str) -> float:
    """Type of an argument: a number, not NaN or Inf."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not finite")
    return value


def seed_number(text: str) -> int:
    """Type of an argument: what NumPy takes for a seed."""
    value = whole_number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative, a seed is 0 or more")
    return value


def sentence_of(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Type of an argument: what ``parse`` makes of it, whose ValueError says what is wrong."""

    def typed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


def output_file(text: str) -> Path:
    """Type of an argument: a file that can be written."""
    try:
        check_writable(text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {error.strerror}") from None
    return Path(text)


SEED = argument("--seed", type=seed_number, default=0, help="seed of everything random (default 0)")
CONFIG = argument("--config", default="d1", help="configuration: d1 or tiny (default d1)")
CYCLES = argument("--cycles", type=cycles, metavar="A:B", help="from cycle A of the run to before B")
RECORD = argument("--record", type=output_file, metavar="FILE", help="keep the events of --cycles (default: the first 100000) in FILE")
PC = argument("--pc", metavar="ADDRESS", help="keep what is around the first dispatch of the instruction there (or a label)")
SCOPE = argument("--scope", action="append", default=[], metavar="NAME", help="waves of this scope alone, like vector.issue")
WAVES = argument("--waves", type=output_file, metavar="FILE", help="write waves of --cycles (default: the first 1200) to FILE")
HEAT = argument("--heat", type=output_file, metavar="FILE", help="draw how busy each link was, by class: a PNG, or FILE.svg")
LATENCY = argument("--latency", type=output_file, metavar="FILE", help="draw how late packets came: a PNG, or FILE.svg")
JSON = argument("--json", type=output_file, metavar="FILE", help="also write the figures to FILE")
WORKLOAD = argument("--workload", default="digits-mlp", help="what to train (default digits-mlp; an unknown name lists all)")
THREADS = argument("--threads", type=whole_number, default=isa.THREADS, help="threads of a node that share a step (default all)")
SHARDS = argument("--shards", type=whole_number, help="shards of the batch (default: the smallest power of two that serves every node)")
BATCH = argument("--batch", type=whole_number, help="rows of data per step (default: the workload's)")
