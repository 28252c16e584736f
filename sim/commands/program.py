"""Commands for a person's own program: assembled, listed, run."""

from __future__ import annotations

import argparse
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from golden.arch.mesh import parse, parse_place
from golden.listing import FORMATS, HEX
from sim.commands.command import (
    CONFIG,
    PC,
    RECORD,
    SCOPE,
    WAVES,
    CommandError,
    argument,
    command,
    one_window,
    output_file,
    sentence_of,
    tell_kept,
    whole_number,
    window_around_pc,
    wish,
)
from sim.engine.flips import parse_flip
from sim.events.window import DIFFERENCE, cycles_or_difference
from sim.files import content, whole
from sim.jobs.memory import parse_dump, parse_load

if TYPE_CHECKING:
    from golden.arch.mesh import MeshConfig
    from sim.events.recorder import Wish
    from sim.jobs.program import Work


FILE = argument("file", metavar="FILE.s", help="assembly text (docs/writing-a-kernel.md)")
ARGS = argument("--args", type=whole_number, nargs="*", default=[], metavar="N", help="x1, x2, ... of thread 0")
TRACE = argument(
    "--trace",
    nargs="?",
    const=HEX,
    choices=(HEX, *FORMATS),
    metavar="FORMAT",
    help=f"print every retired instruction, vectors and stored bytes as {', '.join((HEX, *FORMATS))} (default hex)",
)
LOAD = argument("--load", action="append", type=sentence_of(parse_load), default=[], metavar="ADDR=FILE", help="a file into memory first")
_DUMP = argument(
    "--dump",
    action="append",
    type=sentence_of(parse_dump),
    default=[],
    metavar="ADDR,BYTES[:FORMAT]",
    help="memory at the end, in a format of --trace; ADDR is a number or a label",
)
_MESH = (
    argument("--mesh", type=sentence_of(parse), metavar="CxR", help="on every node of a mesh of so many columns and rows"),
    argument("--dead", type=sentence_of(parse_place), nargs="*", default=[], metavar="X,Y", help="nodes of the mesh that are dead"),
    argument("--dram", type=sentence_of(parse_place), nargs="*", default=[], metavar="X,Y", help="edge ports with 32 GB of memory behind"),
    argument("--seed", type=whole_number, default=0, help="of the order in which nodes go on and packets arrive (default 0)"),
)


def work_of(options: argparse.Namespace) -> Work:
    """What ``iss``, ``rtl`` and ``debug`` run."""
    from golden.arch.config import get_config
    from sim.jobs.program import Work, read_program

    config = get_config(options.config)
    if getattr(options, "mesh", None):
        config = config.with_network()
    program = read_program(options.file, config)
    return Work(program, config, tuple(options.args), tuple(options.load), tuple(getattr(options, "dump", ())), options.trace)


def _mesh(options: argparse.Namespace) -> MeshConfig | None:
    """The mesh to run on, if any."""
    if options.mesh:
        mesh = replace(options.mesh, dead=frozenset(options.dead))
        for x, y in options.dram:
            if (x, y) not in mesh.edges:
                raise CommandError(f"--dram {x},{y} is no edge port of a mesh of {mesh.columns}x{mesh.rows}, like 0,1")
        return mesh
    for name in ("dead", "dram"):
        if getattr(options, name):
            raise CommandError(f"--{name} names places of a mesh: give --mesh too")
    return None


@command(
    "asm",
    "Assemble a program and list it.",
    FILE,
    CONFIG,
    argument("--output", type=output_file, metavar="FILE", help="also write the words to FILE"),
)
def _asm(options: argparse.Namespace) -> int:
    from golden.arch.config import get_config
    from golden.listing import program_listing
    from sim.jobs.program import read_program

    program = read_program(options.file, get_config(options.config))
    print(program_listing(program))
    if options.output:
        with whole(options.output) as partial:
            partial.write_bytes(program.image)
    return 0


@command(
    "disasm",
    "Disassemble a file of words (as asm --output writes it).",
    argument("file", metavar="FILE", help="little-endian words of 4 bytes"),
    argument("--origin", type=whole_number, default=0x100, help="address of the first word (default 0x100)"),
)
def _disasm(options: argparse.Namespace) -> int:
    from golden.asm import Program
    from golden.listing import program_listing

    image = content(options.file)
    if options.origin % 4 or options.origin < 0:
        raise CommandError(f"--origin {options.origin:#x} is no address of a word: a multiple of 4, not negative")
    if len(image) % 4 or not image:
        raise CommandError(f"{options.file} has {len(image)} bytes, which are no whole words of 4")
    words = [int.from_bytes(image[i : i + 4], "little") for i in range(0, len(image), 4)]
    print(program_listing(Program(options.origin, words)))
    return 0


@command(
    "iss",
    "Run a program on the instruction-set simulator.",
    FILE,
    CONFIG,
    ARGS,
    LOAD,
    _DUMP,
    TRACE,
    *_MESH,
    argument("--races", action="store_true", help="report accesses of two threads to the same bytes that nothing orders"),
    argument("--record", type=output_file, metavar="FILE", help="keep events in FILE: an instruction takes the place of a cycle"),
)
def _iss(options: argparse.Namespace) -> int:
    work = work_of(options)
    if options.record and options.mesh:
        raise CommandError("--record keeps the events of a run on one node of the simulator: leave --mesh out")
    if options.races and options.mesh:
        raise CommandError("--races watches the threads of one node as they run: leave --mesh out")
    if mesh := _mesh(options):
        from sim.jobs import mesh_program

        return 0 if mesh_program.simulate(work, mesh, print, options.seed, options.dram) else 1
    return 0 if _simulated(options, work) else 1


def _simulated(options: argparse.Namespace, work: Work) -> bool:
    """Run on the simulator, keep its events if that is wished."""
    from sim.events.recorder import Wish
    from sim.jobs.program import simulate

    title = f"{options.file} on the simulator, an instruction a cycle"
    kept = Wish(options.record, title=title, program=work.program) if options.record else None
    ended = simulate(work, print, kept, options.file if options.races else None)
    tell_kept(kept)
    return ended


@command(
    "rtl",
    "Run a program on the RTL, every retired instruction compared with the simulator.",
    FILE,
    CONFIG,
    ARGS,
    LOAD,
    _DUMP,
    TRACE,
    *_MESH,
    argument("--dram-pace", type=whole_number, nargs=2, metavar=("BYTES", "CYCLES"), help="bytes a cycle, cycles of an access (64 200)"),
    argument("--flip", type=sentence_of(parse_flip), nargs="*", default=[], metavar="A-B:N:BIT", help="a wrong bit in packet N of a link"),
    WAVES,
    RECORD,
    argument(
        "--cycles",
        type=cycles_or_difference,
        metavar="A:B",
        help="what --waves and --record keep: from cycle A to before B, or the word difference, for what is around the first one",
    ),
    PC,
    SCOPE,
    argument("--nodes", type=sentence_of(parse_place), nargs="*", default=[], metavar="X,Y", help="nodes of the mesh whose waves they are"),
)
def _rtl(options: argparse.Namespace) -> int:
    mesh = _mesh(options)
    if options.dram_pace and not (mesh and options.dram):
        raise CommandError("--dram-pace is the pace of memory at edge ports: give --mesh and --dram too")
    if mesh:
        from sim.jobs import mesh_lockstep, mesh_program
        from sim.jobs.dram import Pace

        if options.cycles == DIFFERENCE:
            raise CommandError("--cycles difference finds one on a node alone: leave --mesh out, or give A:B")
        work, pace = work_of(options), Pace(*options.dram_pace or ())
        record = wish(options, f"{options.file} on {options.mesh.columns}x{options.mesh.rows} of {options.config}", work.program, mesh)
        around = mesh_lockstep.Around(record, options.dram, pace, options.flip)
        try:
            return 0 if mesh_program.run_rtl(work, mesh, print, options.seed, around) else 1
        finally:
            tell_kept(record)
    for name in ("nodes", "flip"):
        if getattr(options, name):
            raise CommandError(f"--{name} names places of a mesh: give --mesh too")
    return 0 if _kept(options, work_of(options)) else 1


def _kept(options: argparse.Namespace, work: Work) -> bool:
    """Run on one node and keep what is wished; around a difference what a second run shows, which is the first again."""
    from golden.lockstep import Difference
    from sim.events.around import around as around_cycle
    from sim.jobs.program import run_rtl

    def silent(first: Wish) -> None:
        with suppress(Difference):
            run_rtl(replace(work, dumps=(), trace=None), lambda _: None, first)

    around = options.cycles == DIFFERENCE
    one_window(options)
    asked = argparse.Namespace(**{**vars(options), "cycles": None}) if around else options
    record = wish(asked, f"{options.file} on {options.config}", work.program)
    if around and not record:
        raise CommandError("--cycles is the window of what is kept: give --record FILE or --waves FILE too")
    record = window_around_pc(options, record, work.program, silent)
    try:
        ended = run_rtl(work, print, None if around else record)
    except Difference as found:
        if not around:
            tell_kept(record)
            raise
        if found.cycle is None:
            raise
        record = around_cycle(record, found.cycle)
        print(f"the difference is in cycle {found.cycle}: once more, for what is around it", flush=True)
        silent(record)
        tell_kept(record)
        raise
    if around:
        print("there is no difference, so nothing was kept")
    else:
        tell_kept(record)
    return ended
