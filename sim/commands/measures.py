"""Commands that measure: cycles, utilisation, the cost of a simulation."""

from __future__ import annotations

import argparse
from pathlib import Path

from sim.commands.command import BATCH, CONFIG, SEED, WORKLOAD, command


@command("bench", "The benchmark table, as JSON and as a page (make bench).", CONFIG, SEED)
def _bench(options: argparse.Namespace) -> int:
    from sim.jobs.bench import NOTES, bench
    from sim.views.report import print_table, write_json, write_page

    rows = bench(options.config, options.seed)
    columns, title = list(rows[0]), f"kernels on {options.config}"
    table = [[row[column] for column in columns] for row in rows]
    print_table(title, columns, table)
    path = write_json("build/bench/report.json", {"config": options.config, "seed": options.seed, "rows": rows})
    print(f"report: {path}, page: {write_page(path.with_suffix('.html'), title, columns, table, NOTES)}")
    return 1 if any(row["mismatches"] for row in rows) else 0


@command("cost", "What each unit of a node costs to simulate.", CONFIG, SEED)
def _cost(options: argparse.Namespace) -> int:
    from sim.jobs.unit_cost import unit_cost
    from sim.views.report import print_table, write_json

    rows = []
    for row in unit_cost(options.config, options.seed):
        print(f"{row['unit']}: {row['rest_us']:.2f} us at rest, {row['busy_us']:.2f} us with random inputs")
        rows.append(row)
    print_table(f"microseconds a cycle, {options.config}", list(rows[0]), [list(row.values()) for row in rows])
    print(f"report: {write_json('build/bench/cost.json', {'config': options.config, 'seed': options.seed, 'rows': rows})}")
    return 0


@command("profile", "Where the matrix unit's cycles go, kernel by kernel (make profile).", WORKLOAD, BATCH, SEED, CONFIG)
def _profile(options: argparse.Namespace) -> int:
    from sim.jobs.profile import CAUSES, overlap, profile, total
    from sim.jobs.train import Options
    from sim.views.plots import plot_causes
    from sim.views.report import print_table, write_json

    chosen = Options(options.workload, batch=options.batch, seed=options.seed, config=options.config)
    *rows, step = profile(chosen)
    table = [[row["name"], row["cycles"], *row["causes"].values()] for row in [*rows, total(rows), step]]
    print_table("matrix cycles by cause", ["kernel", "cycles", *CAUSES], table)
    print(overlap(rows, step))
    folder, about = (
        Path("build/profile"),
        {"workload": chosen.workload, "config": chosen.config, "batch": chosen.batch, "seed": chosen.seed},
    )
    path = write_json(folder / "report.json", {**about, "phases": rows, "kernels": [total(rows)], "step": step})
    plot_causes(folder / "causes.png", rows, list(CAUSES), f"{chosen.workload}, batch {chosen.batch}: matrix cycles by cause")
    print(f"report: {path}, plot: {folder / 'causes.png'}")
    return 0
