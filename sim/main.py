"""The program: parses arguments, calls one function of a job, and tells an error in one sentence; no work of its own."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from sim.process import BAD_INPUT, INTERRUPTED, NOBODY_READS, Stops, end_early, of_standard_output, open_streams, silence


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments without the list of all arguments above it; a command's are asked for when it is meant."""

    fill: Callable[[argparse.ArgumentParser], None] | None = None

    def __init__(self, **settings: Any) -> None:
        """No abbreviations: a kernel without extent m would take --m for --mesh."""
        super().__init__(**settings, allow_abbrev=False)

    def parse_known_args(self, args=None, namespace=None):
        if self.fill:
            fill, self.fill = self.fill, None
            fill(self)
        return super().parse_known_args(args, namespace)

    def print_help(self, file: Any = None) -> None:
        """The help; an error of the stream, which argparse keeps to itself, is the caller's."""
        print(self.format_help(), end="", file=file, flush=True)

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see: {self.prog} --help)\n")


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0 when everything asked for was done and every comparison held."""
    open_streams()
    if sys.flags.optimize > 1:
        print("python -m sim: what kernels compute stands in docstrings: leave out -OO, or PYTHONOPTIMIZE=2", file=sys.stderr)
        return BAD_INPUT
    with Stops() as stops:
        try:
            status = _run(argv)
            sys.stdout.flush()
        except KeyboardInterrupt as stop:  # with where it came, if somebody knew
            end_early()
            print(" ".join(["interrupted", *map(str, stop.args)]), file=sys.stderr)
            status = INTERRUPTED
        except OSError as error:
            if not of_standard_output(error):
                raise
            silence(sys.stdout)
            if error.errno == errno.EPIPE:  # as with `| head`
                return NOBODY_READS
            print(f"python -m sim: standard output: {os.strerror(error.errno)}", file=sys.stderr)
            return BAD_INPUT
        return 128 + stops.number if status == INTERRUPTED and stops.number else status


def _run(argv: list[str] | None) -> int:
    from sim.commands import COMMANDS

    parser = _Parser(prog="python -m sim", description="Build, run and measure the training node.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.summary, description=command.summary)
        sub.fill = command.arguments
        sub.set_defaults(run=command.run, parser=sub)
    try:
        options, unknown = parser.parse_known_args(argv)
    except SystemExit as ended:  # after --help, whose text may not have reached anybody yet
        return ended.code
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except Exception as error:
        text = None if of_standard_output(error) else sentence(error)
        if text is None:
            raise
        end_early()
        print(f"{options.parser.prog}: {text}", file=sys.stderr)
        return BAD_INPUT


def sentence(error: Exception) -> str | None:
    """What a person is told. None for a bug, which shows where it happened.

    Errors that this project defines carry a sentence for people, and so does what it raises as ValueError; of the system's own
    errors those about files do.
    """
    if isinstance(error, OSError) and error.strerror:
        files = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return ": ".join([*files[-1:], error.strerror])
    if isinstance(error, ValueError) or type(error).__module__.split(".")[0] in ("golden", "rtl", "sim"):
        return str(error)
    return None
