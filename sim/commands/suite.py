"""Commands about the project as a whole: its Verilog, its verification, its pages."""

from __future__ import annotations

import argparse
from pathlib import Path

from sim.commands.command import CONFIG, argument, command
from sim.files import results, whole


@command("verilog", "Plain Verilog of a node for other flows (make verilog).", CONFIG)
def _verilog(options: argparse.Namespace) -> int:
    import shutil

    from sim.jobs.machine import design

    made = design(options.config)
    path = Path(f"build/verilog/node_{options.config}.v")
    with whole(path) as partial:
        shutil.copyfile(made.verilog, partial)
    print(f"Verilog: {path} (top module {made.top})")
    return 0


@command(
    "timing",
    "Estimate for a 7 nm library, per unit, before layout (make timing).",
    argument("--liberty", metavar="FILE", help="a .lib or .lib.gz file (default: the one beside the checkout)"),
    argument("--units", nargs="*", metavar="UNIT", help="only these units (an unknown name lists them)"),
)
def _timing(options: argparse.Namespace) -> int:
    from sim.suite.timing import PERIOD_PS, timing
    from sim.views.report import write_json

    latest = Path("build/timing")
    with results(latest, "timing") as run:
        report = timing(options.liberty, options.units or None)
        write_json(run.folder / "report.json", report)
        run.finish()
    print(f"report: {latest / 'report.json'}")
    print(run.told)
    slow = [row["unit"] for row in report["units"] if row["worst_ps"] > PERIOD_PS]
    if slow:
        print(f"over {PERIOD_PS} ps: {', '.join(slow)}")
    return 1 if report["not_run"] else 0


@command(
    "formal",
    "Proofs of the network's parts, and planted faults that they catch (make formal).",
    argument("--parts", nargs="*", metavar="PART", help="only these parts (an unknown name lists them)"),
)
def _formal(options: argparse.Namespace) -> int:
    from sim.suite.formal import formal
    from sim.views.report import write_json

    latest = Path("build/formal")
    with results(latest, "formal") as run:
        report = formal(options.parts or None)
        write_json(run.folder / "report.json", report)
        run.finish()
    print(f"report: {latest / 'report.json'}")
    print(run.told)
    proved = all(row["passed"] for row in report["properties"])
    return 0 if proved and all(row["caught"] for row in report["planted"]) else 1


@command("times", "What was built here, and what each stage took the last time.")
def _times(options: argparse.Namespace) -> int:
    from sim.compile import cache
    from sim.compile.stages import total
    from sim.views.report import print_table

    known = cache.times()
    if not known:
        print("nothing was built here yet")
        return 0
    names = list(dict.fromkeys(name for taken in known.values() for name in taken))
    rows = []
    for what, taken in known.items():
        spent = [*(taken.get(name) for name in names), total(taken)]
        rows.append([what, *(f"{s.seconds:.1f} / {s.processor:.1f}" if s else "" for s in spent)])
    print_table("seconds / seconds of processors", ["build", *names, "all"], rows)
    return 0


@command("docs", "Write the generated pages anew (make docs).", argument("--check", action="store_true", help="only tell which are stale"))
def _docs(options: argparse.Namespace) -> int:
    from sim.jobs.docs import write_docs

    stale = write_docs(check=options.check)
    print("\n".join(str(page) for page in stale or []) or "the generated pages are fresh")
    return 1 if options.check and stale else 0
