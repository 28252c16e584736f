"""Commands about the network alone: routes round what is dead, traffic on a mesh of routers."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from golden.arch.mesh import MeshConfig, Place, parse, parse_place
from sim.commands.command import (
    HEAT,
    JSON,
    LATENCY,
    SEED,
    CommandError,
    argument,
    command,
    draw_traffic,
    output_file,
    real_number,
    sentence_of,
    whole_number,
)
from sim.files import results


def _link(text: str) -> frozenset[Place]:
    """Type of an argument: a link of a text like ``3,4-4,4``."""
    ends = text.split("-")
    if len(ends) != 2:
        raise ValueError(f"a link is written x,y-x,y, like 3,4-4,4, not {text!r}")
    return frozenset(map(parse_place, ends))


_MESH = argument("--mesh", default="8x8", help="columns x rows (default 8x8)")
_DEAD = argument("--dead", type=sentence_of(parse_place), nargs="+", default=[], metavar="X,Y", help="dead nodes")
_DEAD_LINKS = argument("--dead-links", type=sentence_of(_link), nargs="+", default=[], metavar="X,Y-X,Y", help="dead links")


def _mesh(options: argparse.Namespace) -> MeshConfig:
    return parse(options.mesh, frozenset(options.dead), frozenset(options.dead_links))


@command(
    "routes",
    "Tables for a mesh with dead nodes or links, checked; --random: how often random dead nodes can be routed round.",
    _MESH,
    _DEAD,
    _DEAD_LINKS,
    argument("--give-up", type=whole_number, metavar="N", help="live routers that the tables may do without (default 4)"),
    argument("--show", type=sentence_of(parse_place), nargs=2, metavar=("A", "B"), help="the routes from node A to node or edge port B"),
    argument("--svg", type=output_file, metavar="FILE", help="write a picture of the mesh, its tables and the shown routes to FILE"),
    argument("--random", type=whole_number, nargs="+", metavar="N", help="random sets of N dead nodes instead of --dead"),
    argument("--sets", type=whole_number, default=20, help="random sets for each N (default 20)"),
    SEED,
    JSON,
)
def _routes(options: argparse.Namespace) -> int:
    from golden.arch.route_table import ENTRIES
    from golden.noc.routes import compile_routes
    from sim.jobs.routes import GIVE_UP, describe, report, routes_of
    from sim.views.mesh_svg import Drawing, write_mesh
    from sim.views.report import write_json

    give_up = GIVE_UP if options.give_up is None else options.give_up
    if give_up < 0:
        raise CommandError(f"--give-up {give_up}: at least 0")
    if options.random is not None:
        return _random(options, give_up)
    mesh = _mesh(options)
    routes = compile_routes(mesh, give_up)
    shown = routes_of(routes.mesh, *options.show, routes) if options.show else {}
    print("\n".join(describe(routes)))
    for name, places in shown.items():
        print(f"{name}, {len(places) - 1} links: {' '.join(f'{x},{y}' for x, y in places)}")
    if options.json:
        write_json(options.json, report(routes, shown))
    if options.svg:
        sizes = {place: len(table) for place, table in routes.tables.items()}
        links = [tuple(sorted(link)) for link in mesh.dead_links]
        drawing = Drawing(mesh.columns, mesh.rows, sizes, ENTRIES, mesh.dead, routes.given_up, links, shown)
        write_mesh(options.svg, drawing, f"{mesh.columns}x{mesh.rows}, {len(mesh.dead)} dead: entries in the routers' tables")
        print(f"picture: {options.svg}")
    return 0


def _random(options: argparse.Namespace, give_up: int) -> int:
    from sim.jobs.routes import statistics
    from sim.views.progress import CountProgress
    from sim.views.report import print_table, write_json

    if options.dead or options.dead_links or options.show or options.svg:
        raise CommandError("--random draws its own dead nodes: it goes without --dead, --dead-links, --show and --svg")
    mesh = _mesh(options)
    with CountProgress("compiling routes", "sets") as tell:
        rows = statistics(mesh.columns, mesh.rows, options.random, options.sets, options.seed, give_up, tell)
    title = f"random dead nodes that do not cut a mesh of {options.mesh}, seed {options.seed}, up to {give_up} routers given up"
    print_table(title, list(rows[0]), [list(row.values()) for row in rows])
    if options.json:
        write_json(options.json, {"mesh": options.mesh, "seed": options.seed, "give_up": give_up, "rows": rows})
    return 0


@command(
    "noc",
    "Traffic on a mesh of routers, every packet checked; --sweep: the load at which the mesh saturates.",
    _MESH,
    argument("--pattern", default="uniform", help="who sends to whom (default uniform; an unknown name lists all)"),
    argument("--rate", type=real_number, help="packets a cycle of each sending node (default 0.1); with --sweep where to look first"),
    argument("--classes", type=whole_number, default=2, help="classes in use, 1 or 2 (default 2)"),
    argument("--multicast", type=real_number, default=0, metavar="SHARE", help="so many of the packets go to a rectangle (default 0)"),
    _DEAD,
    _DEAD_LINKS,
    argument("--cycles", type=whole_number, default=40_000, help="cycles that are measured (default 40000)"),
    argument("--warm", type=whole_number, default=10_000, help="cycles before them (default 10000)"),
    argument("--threads", type=whole_number, default=os.cpu_count() or 1, help="cores that share the routers (default all)"),
    argument("--sweep", action="store_true", help="find the last load that holds, with curves (build/noc)"),
    argument("--points", type=whole_number, default=8, help="loads of the curve below saturation (default 8)"),
    HEAT,
    LATENCY,
    SEED,
    JSON,
)
def _noc(options: argparse.Namespace) -> int:
    from golden.noc.routes import compile_routes
    from golden.noc.traffic import destinations
    from sim.jobs.noc import Load, measure, source_routes, wrong
    from sim.views.progress import CountProgress
    from sim.views.report import write_json

    if options.threads < 1:
        raise CommandError(f"--threads {options.threads}: at least 1")
    if options.points < 0:
        raise CommandError(f"--points {options.points}: at least 0")
    rate = 0.1 if options.rate is None else options.rate
    times = {"warm": options.warm, "measured": options.cycles}
    load = Load(options.pattern, rate, options.classes, seed=options.seed, multicast=options.multicast, **times)
    mesh = _mesh(options)
    destinations(mesh, load.pattern)
    routes = compile_routes(mesh)
    if options.sweep and (options.heat or options.latency):
        raise CommandError("--heat and --latency draw one load: leave --sweep out")
    if options.sweep:
        return _sweep(options, routes, load)
    seen = []
    watch = seen.append if options.heat or options.latency else None
    with CountProgress(f"{load.pattern} at {load.rate:g}", "cycles") as tell:
        row = measure(routes, source_routes(routes), load, options.threads, tell, watch=watch)
    for name, value in row.items():
        print(f"{name:18} {value:.4f}" if isinstance(value, float) else f"{name:18} {value}")
    for traffic in seen:
        draw_traffic(options, traffic, f"{options.mesh}, {load.pattern} at {load.rate:g}")
    if options.json:
        write_json(options.json, row)
    return 1 if wrong(row) else 0


def _sweep(options: argparse.Namespace, routes, load) -> int:
    from sim.jobs.noc import LONGEST_MEAN, wrong
    from sim.jobs.noc_sweep import Sweep, step_of
    from sim.views.plots import plot_loads
    from sim.views.progress import CountProgress
    from sim.views.report import write_json

    latest, title = Path("build/noc"), f"{options.mesh}, {load.pattern}, {load.classes} class{'es' if load.classes == 2 else ''}"
    if load.multicast:
        title += f", {100 * load.multicast:g} % multicasts"
    if routes.mesh.dead:
        title += f", {len(routes.mesh.dead)} dead"
    with results(latest, f"noc-{load.pattern}") as run:
        with CountProgress("first load", "cycles") as tell:

            def say(row: dict) -> None:
                share = 100 * row["accepted_share"]
                print(f"load {row['rate']:.4f}: mean latency {row['mean_latency']:.1f}, accepted {share:.1f} %", flush=True)
                tell.what = "next load"

            sweep = Sweep(routes, load, step_of(load.pattern), options.threads, say, tell)
            found = sweep.run(options.rate, options.points)
        about = {"mesh": options.mesh, "dead": sorted(routes.mesh.dead), "pattern": load.pattern, "classes": load.classes}
        about |= {"multicast": load.multicast}
        report = {**about, "seed": load.seed, "warm": load.warm, "cycles": load.measured, **found}
        write_json(run.folder / "report.json", report)
        plot_loads(run.folder / "loads.png", found["rows"], found["saturation"], LONGEST_MEAN, title)
        run.finish()
    if options.json:
        write_json(options.json, report)
    print(f"{title}: saturation at {found['saturation']:g} packets per sending node and cycle")
    print(f"report: {latest / 'report.json'}, curves: {latest / 'loads.png'}")
    print(run.told)
    return 1 if any(wrong(row) for row in found["rows"]) else 0
