"""``python -m sim``: parses arguments, calls one function of a job, and tells an error in one sentence; no work of its own."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

BAD_INPUT, NOBODY_READS = 2, 141  # the latter as a shell has it: 128 and SIGPIPE


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments without the list of all arguments above it; a command's are asked for when it is meant."""

    fill: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, args=None, namespace=None):
        if self.fill:
            fill, self.fill = self.fill, None
            fill(self)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see: {self.prog} --help)\n")


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0 when everything asked for was done and every comparison held."""
    from sim.commands import COMMANDS, INTERRUPTED

    parser = _Parser(prog="python -m sim", description="Build, run and measure the training node.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.summary, description=command.summary)
        sub.fill = command.arguments
        sub.set_defaults(run=command.run, parser=sub)
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        status = run(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # As with `| head`. What is still buffered would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    except Exception as error:
        text = sentence(error)
        if text is None:
            raise
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


if __name__ == "__main__":
    sys.exit(main())
