"""The command that profiles a training step, on a node or on a mesh."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.arch.mesh import MeshConfig, parse
from sim.commands.command import BATCH, CONFIG, SEED, SHARDS, THREADS, WORKLOAD, argument, command, output_file, sentence_of
from sim.files import results

if TYPE_CHECKING:
    from sim.jobs.profile_events import NodeAccount
    from sim.jobs.train_options import Options
    from sim.views.profile_page import Table

_LINES = 400
"""Of a node's annotated listing on a page."""


@command(
    "profile",
    "Where the matrix unit's cycles go, kernel by kernel and node by node (make profile).",
    WORKLOAD,
    BATCH,
    SEED,
    CONFIG,
    argument("--mesh", type=sentence_of(parse), default=MeshConfig(1, 1), metavar="CxR", help="columns x rows of nodes (default 1x1)"),
    SHARDS,
    THREADS,
    argument("--record", type=output_file, metavar="FILE", help="where the events of the step are kept (default: beside the page)"),
)
def _profile(options: argparse.Namespace) -> int:
    from sim.jobs.train_options import ONE, Options
    from sim.views.profile_page import write_profile
    from sim.views.report import print_table, write_json

    given = {"seed": options.seed, "config": options.config, "threads": options.threads, "mesh": options.mesh, "shards": options.shards}
    chosen = Options(options.workload, batch=options.batch, **given)
    where = "" if chosen.mesh == ONE else f", {chosen.mesh_name} nodes"
    title = f"{chosen.workload}, batch {chosen.batch}{where}"
    about = {"workload": chosen.workload, "config": chosen.config, "batch": chosen.batch, "seed": chosen.seed}
    latest = Path("build/profile")
    with results(latest, f"profile-{chosen.workload}") as run:
        make = _of_a_node if chosen.mesh == ONE else _of_a_mesh
        report, tables, sentences, pictures, accounts = make(chosen, options.record or run.folder / "step.events", run.folder, title)
        for table in tables:
            print_table(table.title, table.columns, table.rows)
        for sentence in sentences:
            print(sentence)
        write_json(run.folder / "report.json", {**about, **report})
        listings = {f"hot spots{name}": lines for name, lines in _listings(accounts)}
        write_profile(run.folder / "profile.html", f"Profile of {title}", sentences, pictures, tables, listings)
        run.finish()
    print(f"page: {latest / 'profile.html'}, report: {latest / 'report.json'}; how to read them: docs/profile.md")
    print(run.told)
    return 0


def _of_a_node(chosen: Options, events: Path, folder: Path, title: str):
    from sim.events.causes import CAUSES
    from sim.events.file import Recording
    from sim.events.recorder import Wish
    from sim.jobs.losses import losses, told
    from sim.jobs.profile import as_it_runs, overlap, profile, total
    from sim.jobs.profile_events import account
    from sim.views.plots import plot_causes
    from sim.views.roofline import plot_roofline

    *rows, step = profile(chosen, 1, Wish(events))
    recording = Recording(events)
    accounts = account(recording, recording.window(), [row["name"] for row in rows])
    together = as_it_runs(accounts[0].kernels, recording.window(), step)
    largest = [told(loss) for loss in losses(together)]
    pictures = [folder / f"{name}.png" for name in ("causes", "as_it_runs", "roofline")]
    plot_causes(pictures[0], rows, list(CAUSES), f"{title}: matrix cycles by cause, each kernel alone")
    plot_causes(pictures[1], together, list(CAUSES), f"{title}: matrix cycles by cause, the step as it runs")
    plot_roofline(pictures[2], [*rows, step], title)
    tables = [
        _by_cause("matrix cycles by cause", "name", [*rows, total(rows), step], "conflicts"),
        _by_cause("the step as it runs, by kernel", "name", together),
        *_threads(accounts),
    ]
    report = {"phases": rows, "kernels": [total(rows)], "step": step, "as_it_runs": together, "losses": largest}
    report["threads"] = accounts[0].threads
    return report, tables, [*largest, overlap(rows, step)], pictures, accounts


def _of_a_mesh(chosen: Options, events: Path, folder: Path, title: str):
    from sim.events.causes import CAUSES
    from sim.events.file import Recording
    from sim.jobs.losses import losses, told
    from sim.jobs.profile_events import account, imbalance, imbalance_told, network_stalls, network_told, together
    from sim.jobs.profile_mesh import record_step
    from sim.jobs.traffic import figures, of_recording
    from sim.views.plots import plot_causes
    from sim.views.traffic import plot_heat, plot_latencies

    window, names = record_step(chosen, events)
    recording = Recording(events)
    accounts = account(recording, window, names)
    nodes, kernels, traffic = [one.row for one in accounts], together(accounts), of_recording(recording, *window)
    balance, stalls, links = imbalance(accounts), network_stalls(recording, window), figures(traffic)
    cycles = window[1] - window[0]
    largest = [told(loss) for loss in losses(kernels)]
    sentences = [f"a step takes {cycles} cycles", *largest, imbalance_told(balance, cycles, len(nodes)), network_told(stalls)]
    sentences += links["sentences"]
    pictures = [folder / f"{name}.png" for name in ("nodes", "causes", "heat", "latency")]
    plot_causes(pictures[0], [{**row, "name": row["node"]} for row in nodes], list(CAUSES), f"{title}: matrix cycles of each node by cause")
    plot_causes(pictures[1], kernels, list(CAUSES), f"{title}: matrix cycles of all nodes by cause, the step as it runs")
    plot_heat(pictures[2], traffic.mesh, traffic.shares, f"{title}: how busy links were")
    plot_latencies(pictures[3], traffic.latencies, f"{title}: {traffic.measured}")
    tables = [
        _by_cause("matrix cycles of each node by cause", "node", nodes, "idle", "conflicts"),
        _by_cause("the step as it runs, all nodes, by kernel", "name", kernels),
        *_threads(accounts),
    ]
    report = {"mesh": chosen.mesh_name, "cycles": cycles, "nodes": nodes, "as_it_runs": kernels, "losses": largest, "imbalance": balance}
    report |= {"network": {**stalls, **{name: links[name] for name in ("links", "latencies")}}}
    report["threads"] = {one.row["node"]: one.threads for one in accounts}
    return report, tables, sentences, pictures, accounts


def _by_cause(title: str, what: str, rows: Sequence[dict[str, Any]], *more: str) -> Table:
    """Rows of cycles and causes, and more figures, named by their ``what``."""
    from sim.events.causes import CAUSES
    from sim.views.profile_page import Table

    columns = ["node" if what == "node" else "kernel", "cycles", *CAUSES, *more]
    return Table(title, columns, [[row[what], row["cycles"], *row["causes"].values(), *(row[name] for name in more)] for row in rows])


def _threads(accounts: Sequence[NodeAccount]) -> list[Table]:
    """What each thread of each node did in its cycles."""
    from sim.views.profile_page import Table

    several = len(accounts) > 1
    rows: list[list[Any]] = [
        [f"{one.row['node']} thread {row['thread']}" if several else f"thread {row['thread']}", *list(row.values())[1:]]
        for one in accounts
        for row in one.threads
    ]
    names = [list(row)[1:] for one in accounts for row in one.threads[:1]][:1]
    return [Table("what threads did", ["thread", *names[0]], rows)] if rows else []


def _listings(accounts: Sequence[NodeAccount]):
    """(name of the node, lines) of each node's annotated listing."""
    from sim.views.hotspots import annotated

    for one in accounts:
        lines = list(annotated(one.found, one.nobody, one.about, one.course))
        more = [f"... {len(lines) - _LINES} lines more: python -m sim hotspots"] if len(lines) > _LINES else []
        yield (f" of node {one.row['node']}" if len(accounts) > 1 else ""), lines[:_LINES] + more
