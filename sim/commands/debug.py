"""The command that steps a person's program."""

from __future__ import annotations

import argparse

from sim.commands.command import CONFIG, CommandError, argument, command, whole_number
from sim.commands.program import ARGS, FILE, LOAD, TRACE, work_of


@command(
    "debug",
    "Step a program on the simulator, or on the RTL: commands on standard input, h lists them; --gdb: for a debugger that people know.",
    FILE,
    CONFIG,
    ARGS,
    LOAD,
    TRACE,
    argument("--rtl", action="store_true", help="on the RTL, through its debug packets"),
    argument("--gdb", type=whole_number, metavar="PORT", help="wait here for GDB (0: any free port)"),
)
def _debug(options: argparse.Namespace) -> int:
    from sim.jobs.debug_packets import Commanded
    from sim.jobs.debugger import HELP, Simulated
    from sim.jobs.machine import engine

    work = work_of(options)
    if options.gdb is not None:
        return _gdb(options, work)
    debugger = Commanded(work, print, engine(options.config, trace=True)) if options.rtl else Simulated(work, print)
    print(HELP)
    try:
        while debugger.command(input("> ")):
            pass
    except EOFError:
        print()
    return 0


def _gdb(options: argparse.Namespace, work) -> int:
    from sim.jobs.debug_packets import Threads
    from sim.jobs.gdb import serve
    from sim.jobs.host import connect

    if not 0 <= options.gdb < 1 << 16:
        raise CommandError(f"--gdb {options.gdb} is no port: 0 to 65535")
    if options.trace:
        raise CommandError("--trace prints what a step did, and GDB shows it itself: leave --gdb out")
    host = connect("rtl" if options.rtl else "iss", options.config)
    serve(Threads(host, work, *([host.engine.run] if options.rtl else [])), options.gdb, print)
    return 0
