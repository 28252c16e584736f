"""Routes of a mesh for a person: in sentences, as figures, and how often random dead nodes can be routed round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from golden.arch.mesh import LARGEST, MeshConfig, Place
from golden.arch.route_table import ENTRIES
from golden.noc.routes import RouteError, Routes, compile_routes, names, walk

GIVE_UP = 4
"""Live routers that may be given up unless a person says otherwise."""
ROUTE_NAMES = ("XY", "YX")


def routes_of(mesh: MeshConfig, source: Place, to: Place, routes: Routes) -> dict[str, list[Place]]:
    """The places on the way between two nodes by every route that leads there. ValueError for a node that is none or dead."""
    for place in (source, to):
        if place not in (*mesh.places, *mesh.edges):
            raise ValueError(f"{place[0]},{place[1]} is not in a mesh of {mesh.columns}x{mesh.rows}")
        if place in mesh.dead:
            raise ValueError(f"the node {place[0]},{place[1]} is dead")
        if place in routes.given_up:
            raise ValueError(f"the node {place[0]},{place[1]} was given up: the tables do without it")
    if source not in mesh.places:
        raise ValueError(f"{source[0]},{source[1]} is an edge port: a route is shown from a node")
    if source == to:
        raise ValueError(f"the route from {source[0]},{source[1]} to itself has no link")
    found = {}
    for route, first in sorted(routes.allowed[source, to].items()):
        found[ROUTE_NAMES[route]] = [*(place for place, _ in walk(routes, source, to, route, first)), to]
    return found


def describe(routes: Routes) -> list[str]:
    """What a person wants to know, in sentences."""
    mesh, sizes = routes.mesh, [len(table) for table in routes.tables.values()]
    largest = max(sizes)
    where = f" ({names([place for place, table in routes.tables.items() if len(table) == largest][:3])})" if largest else ""
    return [
        f"{mesh.columns}x{mesh.rows}: {len(mesh.live)} live nodes, every one reaches every other and all {len(mesh.edges)} edge ports.",
        f"Live routers given up: {names(routes.given_up) or 'none'}.",
        f"{sum(map(bool, sizes))} routers need a table; the largest has {largest} of {ENTRIES} entries{where}.",
        "Every packet was followed through the finished tables; no channels wait for each other in a circle.",
    ]


def report(routes: Routes, shown: dict[str, list[Place]]) -> dict[str, Any]:
    """Fields of the JSON file: the tables as routers hold them, and the routes that were asked for."""
    mesh = routes.mesh
    return {
        "mesh": f"{mesh.columns}x{mesh.rows}",
        "dead": sorted(mesh.dead - set(routes.given_up)),
        "dead_links": sorted(sorted(link) for link in mesh.dead_links),
        "given_up": list(routes.given_up),
        "largest_table": max(map(len, routes.tables.values())),
        "tables": {f"{x},{y}": [entry.fields() for entry in table] for (x, y), table in routes.tables.items() if table},
        "shown": shown,
    }


@dataclass(frozen=True)
class Sample:
    """One random dead set: what became of it."""

    outcome: str  # of OUTCOMES
    entries: int
    seconds: float


OUTCOMES = ("fits", "gives up", "refused")


def sample(columns: int, rows: int, dead: int, rng: np.random.Generator, give_up: int) -> Sample:
    """A random set of dead nodes that does not cut the mesh, compiled."""
    places = [(x, y) for y in range(1, rows + 1) for x in range(1, columns + 1)]
    while True:
        chosen = rng.choice(len(places), dead, replace=False)
        try:
            mesh = MeshConfig(columns, rows, frozenset(places[int(i)] for i in chosen))
            break
        except ValueError:
            continue
    started = perf_counter()
    try:
        routes = compile_routes(mesh, give_up)
    except RouteError:
        return Sample("refused", 0, perf_counter() - started)
    entries = max(map(len, routes.tables.values()))
    return Sample("gives up" if routes.given_up else "fits", entries, perf_counter() - started)


def statistics(
    columns: int, rows: int, counts: Sequence[int], sets: int, seed: int, give_up: int, tell: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """A row for every number of dead nodes: shares of random sets, the largest table, seconds for one.

    ValueError for a number that no mesh of the size can lose.
    """
    for size in (columns, rows):
        if not 1 <= size <= LARGEST:
            raise ValueError(f"a mesh of {columns}x{rows}: columns and rows must be 1 to {LARGEST}")
    for count in counts:
        if not 0 <= count < columns * rows / 2:
            raise ValueError(f"{count} dead of {columns * rows} nodes: at least 0 and less than half")
    if sets < 1:
        raise ValueError(f"{sets} random sets: at least 1")
    found = []
    for index, count in enumerate(counts):
        samples = []
        for n in range(sets):
            samples.append(sample(columns, rows, count, np.random.default_rng([seed, count, n]), give_up))
            tell(index * sets + n + 1, len(counts) * sets)
        kinds = Counter(one.outcome for one in samples)
        found.append(
            {
                "dead": count,
                "sets": sets,
                **{outcome.replace(" ", "_"): kinds[outcome] / sets for outcome in OUTCOMES},
                "largest_table": max(one.entries for one in samples),
                "seconds": float(np.mean([one.seconds for one in samples])),
            }
        )
    return found
