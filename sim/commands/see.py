"""Commands that show what a run recorded, without simulating it again."""

from __future__ import annotations

import argparse

from golden.arch.isa import THREADS
from sim.commands.command import CYCLES, CommandError, argument, command, output_file, whole_number

_EVENTS = argument("file", metavar="FILE", help="events that rtl or run recorded (--record FILE)")


def _thread(text: str) -> int:
    """Type of an argument: a thread's number."""
    number = whole_number(text)
    if not 0 <= number < THREADS:
        raise argparse.ArgumentTypeError(f"there is no thread {number}: 0 to {THREADS - 1}")
    return number


@command(
    "pipeline",
    "Draw the pipeline of recorded cycles, instruction by instruction.",
    _EVENTS,
    CYCLES,
    argument("--thread", type=_thread, metavar="N", help="one thread only"),
    argument("--kanata", type=output_file, metavar="LOG", help="write a log for Konata instead (default: all cycles recorded)"),
)
def _pipeline(options: argparse.Namespace) -> int:
    from sim.events.file import Recording
    from sim.events.instructions import follow
    from sim.views.kanata import write_kanata
    from sim.views.pipeline import WIDEST, drawing, legend

    recording = Recording(options.file)
    first, last = recording.window(options.cycles, None if options.kanata else WIDEST)
    course = follow(recording, first, last)
    if options.kanata:
        if options.thread is not None:
            raise CommandError("--thread chooses lines of the drawing; a log holds all threads: leave one of them out")
        write_kanata(options.kanata, course)
        print(f"{len(course.lives)} instructions in cycles {first} to {last - 1}: {options.kanata}")
        print(f"open it in Konata, https://shioyadan.github.io/Konata (nothing is uploaded), by dropping {options.kanata} there")
        return 0
    print(f"{recording.about.title}: cycles {first} to {last - 1}")
    for line in [*drawing(course, options.thread), *legend()]:
        print(line)
    return 0
