"""Commands that show what a run recorded, without simulating it again."""

from __future__ import annotations

import argparse
from pathlib import Path

from golden.arch.isa import THREADS
from sim.commands.command import (
    CYCLES,
    HEAT,
    JSON,
    LATENCY,
    CommandError,
    argument,
    command,
    draw_traffic,
    output_file,
    whole_number,
)

_EVENTS = argument("file", metavar="FILE", help="events that rtl, run or train recorded (--record FILE)")
_NODE = argument("--node", metavar="X,Y", help="of a mesh, the node that is looked at (default: the first one)")


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
    _NODE,
    argument("--kanata", type=output_file, metavar="LOG", help="write a log for Konata instead (default: all cycles recorded)"),
)
def _pipeline(options: argparse.Namespace) -> int:
    from sim.events.file import Recording
    from sim.events.instructions import follow
    from sim.views.kanata import write_kanata
    from sim.views.pipeline import WIDEST, drawing, legend

    recording = Recording(options.file)
    first, last = recording.window(options.cycles, None if options.kanata else WIDEST)
    node = recording.node(options.node)
    course = follow(recording, first, last, node)
    if options.kanata:
        if options.thread is not None:
            raise CommandError("--thread chooses lines of the drawing; a log holds all threads: leave one of them out")
        write_kanata(options.kanata, course)
        print(f"{len(course.lives)} instructions in cycles {first} to {last - 1}: {options.kanata}")
        print(f"open it in Konata, https://shioyadan.github.io/Konata/stable (nothing is uploaded), by dropping {options.kanata} there")
        return 0
    print(f"{recording.about.of(node).title}: cycles {first} to {last - 1}")
    for line in [*drawing(course, options.thread), *legend(course)]:
        print(line)
    return 0


@command(
    "timeline",
    "Write recorded cycles as a trace for Perfetto: threads, units, memory, links and counters on one axis, of every node.",
    _EVENTS,
    CYCLES,
    argument("--node", metavar="X,Y", help="of a mesh, one node alone (default: all)"),
    argument("--output", type=output_file, required=True, metavar="JSON", help="where to write it"),
)
def _timeline(options: argparse.Namespace) -> int:
    from sim.events.file import Recording
    from sim.events.instructions import follow
    from sim.views.timeline import write_timeline

    recording = Recording(options.file)
    first, last = recording.window(options.cycles)
    chosen = [recording.node(options.node)] if options.node else range(len(recording.about.places))
    count = write_timeline(options.output, [(follow(recording, first, last, node), recording.about.of(node)) for node in chosen])
    print(f"{count} entries of cycles {first} to {last - 1}: {options.output}; 1 us on its axis is 1 cycle")
    print(f"open it at https://ui.perfetto.dev (nothing is uploaded): Open trace file, {options.output}")
    return 0


@command(
    "inspect",
    "Print the state of a node at a cycle: threads, instructions under way, registers written so far; of waves, signals.",
    argument("file", metavar="FILE", help="events (--record FILE), or waves of one node (--waves FILE)"),
    argument("--at", type=whole_number, required=True, metavar="CYCLE", help="the cycle"),
    _NODE,
    argument("--scope", metavar="NAME", help="of waves: all signals below a scope of the node, like core.vector.issue"),
)
def _inspect(options: argparse.Namespace) -> int:
    if options.file.endswith((".fst", ".vcd")):
        if options.node:
            raise CommandError("--node chooses a node of events: waves hold those that were asked for (--nodes)")
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
    node = recording.node(options.node)
    for line in state(follow(recording, first, cycle + 1, node), recording.about.of(node), cycle):
        print(line)
    return 0


@command(
    "hotspots",
    "List a recorded program with the cycles of the matrix unit that each instruction cost, by cause.",
    _EVENTS,
    CYCLES,
    _NODE,
)
def _hotspots(options: argparse.Namespace) -> int:
    from sim.events.file import Recording
    from sim.events.hotspots import spots
    from sim.events.instructions import follow
    from sim.views.hotspots import annotated

    recording = Recording(options.file)
    first, last = recording.window(options.cycles)
    node = recording.node(options.node)
    course = follow(recording, first, last, node)
    for line in annotated(*spots(course), recording.about.of(node), course):
        print(line)
    return 0


@command(
    "traffic",
    "Say what the links of a recorded mesh carried, and how late packets came; --heat and --latency draw it.",
    _EVENTS,
    CYCLES,
    HEAT,
    LATENCY,
    JSON,
)
def _traffic(options: argparse.Namespace) -> int:
    from sim.events.file import Recording
    from sim.jobs.traffic import figures, of_recording
    from sim.views.report import write_json

    recording = Recording(options.file)
    window = recording.window(options.cycles)
    found = of_recording(recording, *window)
    title = f"{recording.about.title}, cycles {window[0]} to {window[1] - 1}"
    report = figures(found)
    print(title)
    for sentence in report["sentences"]:
        print(sentence)
    draw_traffic(options, found, title)
    if options.json:
        write_json(options.json, report)
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
