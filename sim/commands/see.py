"""Commands that show what a run recorded, without simulating it again."""

from __future__ import annotations

import argparse
from pathlib import Path

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
        print(f"open it in Konata, https://shioyadan.github.io/Konata/stable (nothing is uploaded), by dropping {options.kanata} there")
        return 0
    print(f"{recording.about.title}: cycles {first} to {last - 1}")
    for line in [*drawing(course, options.thread), *legend(course)]:
        print(line)
    return 0


@command(
    "timeline",
    "Write recorded cycles as a trace for Perfetto: threads, units, memory and counters on one axis.",
    _EVENTS,
    CYCLES,
    argument("--output", type=output_file, required=True, metavar="JSON", help="where to write it"),
)
def _timeline(options: argparse.Namespace) -> int:
    from sim.events.file import Recording
    from sim.events.instructions import follow
    from sim.views.timeline import write_timeline

    recording = Recording(options.file)
    first, last = recording.window(options.cycles)
    count = write_timeline(options.output, follow(recording, first, last), recording.about)
    print(f"{count} entries of cycles {first} to {last - 1}: {options.output}; 1 us on its axis is 1 cycle")
    print(f"open it at https://ui.perfetto.dev (nothing is uploaded): Open trace file, {options.output}")
    return 0


@command(
    "inspect",
    "Print the state of a node at a cycle: threads, instructions under way, registers written so far; of waves, signals.",
    argument("file", metavar="FILE", help="events (--record FILE), or waves of one node (--waves FILE)"),
    argument("--at", type=whole_number, required=True, metavar="CYCLE", help="the cycle"),
    argument("--scope", metavar="NAME", help="of waves: all signals below a scope of the node, like core.vector.issue"),
)
def _inspect(options: argparse.Namespace) -> int:
    if options.file.endswith((".fst", ".vcd")):
        from sim.views import waves

        with open(options.file, "rb"):  # what is not there is told as such
            pass
        for line in waves.state(Path(options.file), options.at, options.scope):
            print(line)
        return 0
    if options.scope:
        raise CommandError("--scope chooses signals of waves, and events have none: leave it out")
    from sim.events.file import Recording
    from sim.events.instructions import follow
    from sim.views.state import state

    recording = Recording(options.file)
    cycle, _ = recording.window((options.at, options.at + 1))
    first, _ = recording.window()
    for line in state(follow(recording, first, cycle + 1), recording.about, cycle):
        print(line)
    return 0


@command(
    "hotspots",
    "List a recorded program with the cycles of the matrix unit that each instruction cost, by cause.",
    _EVENTS,
    CYCLES,
)
def _hotspots(options: argparse.Namespace) -> int:
    from sim.events.file import Recording
    from sim.events.hotspots import spots
    from sim.events.instructions import follow
    from sim.views.hotspots import annotated

    recording = Recording(options.file)
    first, last = recording.window(options.cycles)
    course = follow(recording, first, last)
    for line in annotated(*spots(course), recording.about, course):
        print(line)
    return 0


@command(
    "compare",
    "Say what became faster or slower between two profiles, and by which cause.",
    argument("before", metavar="A.json", help="report of python -m sim profile"),
    argument("after", metavar="B.json", help="another one"),
)
def _compare(options: argparse.Namespace) -> int:
    from sim.jobs.compare import compare, differences, only, read_profile
    from sim.views.report import print_table

    before, after = read_profile(options.before), read_profile(options.after)
    for sentence in differences(before, after):
        print(sentence)
    table = [
        [change.name, change.before, change.after, change.after - change.before, change.ratio, change.why]
        for change in compare(before, after)
    ]
    print_table(f"{options.before} and {options.after}", ["kernel", "before", "after", "cycles", "after / before", "by cause"], table)
    for sentence in only(before, after):
        print(sentence)
    return 0
