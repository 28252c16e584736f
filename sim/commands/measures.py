"""Commands that measure: cycles, utilisation, the cost of a simulation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from golden.arch.mesh import parse
from sim.commands.command import (
    CONFIG,
    JSON,
    SEED,
    CommandError,
    argument,
    command,
    whole_number,
)
from sim.files import check_writable, results, whole

if TYPE_CHECKING:
    from sim.jobs.accuracy import Run


@command(
    "bench",
    "The benchmark table, as JSON and as a page (make bench); --mesh: transfers between nodes and the all-reduce instead.",
    CONFIG,
    SEED,
    argument("--mesh", metavar="XxY", help="columns x rows of nodes that are measured, like 2x2"),
    JSON,
)
def _bench(options: argparse.Namespace) -> int:
    from sim.jobs.bench import NOTES, bench
    from sim.views.report import print_table, write_json, write_page

    if options.mesh is not None:
        return _bench_mesh(options)
    latest, title = Path("build/bench"), f"kernels on {options.config}"
    with results(latest, f"bench-{options.config}") as run:
        rows = bench(options.config, options.seed)
        columns = list(rows[0])
        table = [[row[column] for column in columns] for row in rows]
        print_table(title, columns, table)
        report = {"config": options.config, "seed": options.seed, "rows": rows}
        write_json(run.folder / "report.json", report)
        write_page(run.folder / "report.html", title, columns, table, NOTES)
        run.finish()
    if options.json:
        write_json(options.json, report)
    print(f"report: {latest / 'report.json'}, page: {latest / 'report.html'}")
    print(run.told)
    return 1 if any(row["mismatches"] for row in rows) else 0


def _bench_mesh(options: argparse.Namespace) -> int:
    from sim.jobs.network import figures
    from sim.views.report import write_json

    rows = figures(parse(options.mesh), options.config, options.seed, lambda text: print(text, flush=True))
    if options.json:
        write_json(options.json, {"mesh": options.mesh, "config": options.config, "seed": options.seed, "rows": rows})
    return 1 if any(row["mismatches"] for row in rows) else 0


@command("cost", "What each unit of a node costs to simulate.", CONFIG, SEED)
def _cost(options: argparse.Namespace) -> int:
    from sim.jobs.unit_cost import unit_cost
    from sim.views.report import print_table, write_json

    latest, rows = Path("build/cost"), []
    with results(latest, f"cost-{options.config}") as run:
        for row in unit_cost(options.config, options.seed):
            print(f"{row['unit']}: {row['rest_us']:.2f} us at rest, {row['busy_us']:.2f} us with random inputs", flush=True)
            rows.append(row)
        print_table(f"microseconds a cycle, {options.config}", list(rows[0]), [list(row.values()) for row in rows])
        write_json(run.folder / "report.json", {"config": options.config, "seed": options.seed, "rows": rows})
        run.finish()
    print(f"report: {latest / 'report.json'}")
    print(run.told)
    return 0


@command(
    "accuracy",
    "What small formats cost: digits-mlp in FP32, BF16 and CFloat8 over many seeds, in golden; writes docs/accuracy.md.",
    argument("--seeds", type=whole_number, default=10, help="seeds 0 and up (default 10)"),
    argument("--steps", type=whole_number, help="training steps (default: the workload's); then the page is only printed"),
    JSON,
)
def _accuracy(options: argparse.Namespace) -> int:
    from sim.jobs import accuracy
    from sim.views.report import write_json

    if options.seeds < 2:
        raise CommandError(f"--seeds {options.seeds} gives no deviation: at least 2")
    if options.steps is None:
        check_writable(accuracy.PAGE_FILE)
    elif options.steps < 1:
        raise CommandError(f"--steps {options.steps} trains nothing: at least 1")
    found = accuracy.runs(options.seeds, options.steps, lambda run, seconds: print(_said(run, seconds), flush=True))
    print("\n".join(accuracy.table(found)))
    if options.json:
        write_json(options.json, accuracy.report(found))
    if options.steps is None:
        with whole(accuracy.PAGE_FILE) as page:
            page.write_text("\n".join(accuracy.page(found)) + "\n")
        print(f"page: {accuracy.PAGE_FILE}")
    return 0


def _said(run: Run, seconds: float) -> str:
    return f"{run.format} seed {run.seed}: {100 * run.accuracy:.2f} %, {run.cross_entropy:.4f} nats, {seconds:.0f} s"
