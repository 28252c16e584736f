"""The route compiler: from a mesh with its dead nodes and links, tables that reach every live node, or a sentence that says why not.

    1. What a router does is its decision by destination and route (XY or YX): dimension order, where that arrives.
    2. A pair that neither dimension order joins gets a path on one of the two routes, through decisions that nobody uses yet.
       Turns outside that route's turn model cost extra, and are refused where they would close a circle of channels (`paths`).
    3. What differs from dimension order is covered with rectangles, one router's table at a time (`rectangles`).
    4. `check` follows every packet through the finished tables and sorts each route's channels; no table is used without it.

A source uses the routes that lead to its destination; what nodes need to know for that are tables of their own (`departures`). Where a
pattern cannot be compiled, `compile_routes` may give up live routers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product

import numpy as np

from golden.arch.mesh import STEP, MeshConfig, Place
from golden.arch.packet import PortId
from golden.arch.route_table import ENTRIES
from golden.noc.departures import departures
from golden.noc.grid import Grid
from golden.noc.paths import MODELS, SIDES, Decisions, Joiner, dimension_orders
from golden.noc.rectangles import ANY_PORT, Wanted, cover
from golden.noc.route_check import astray, check, check_departures, walk
from golden.noc.routing import XY, YX, Entry, dimension_order
from golden.noc.tables import RouteError, Routes

__all__ = ["RouteError", "Routes", "check", "compile_routes", "detours", "walk"]


def compile_routes(mesh: MeshConfig, give_up: int = 0) -> Routes:
    """Tables for a mesh, checked; up to `give_up` live routers may be given up. RouteError when there are none."""
    given_up: list[Place] = []
    while True:
        found = _compile(mesh, tuple(given_up))
        if isinstance(found, Routes):
            check(found)
            return found
        blamed = sorted(found, key=lambda place: sum(mesh.neighbour(place, port) in mesh.places for port in STEP))
        if len(given_up) == give_up:
            raise RouteError(
                f"no tables of {ENTRIES} entries lead round what is dead: the router at {names(blamed[:1])} cannot be served"
                + (f", with {names(given_up)} given up" if given_up else "")
            )
        without = ((place, _without(mesh, place)) for place in blamed)
        given, smaller = next(((place, smaller) for place, smaller in without if smaller), (None, None))
        if smaller is None:
            raise RouteError(f"giving up the router at {names(blamed[:1])} is no way out: it would cut the mesh")
        given_up.append(given)
        mesh = smaller


@lru_cache(maxsize=16)
def detours(mesh: MeshConfig) -> Routes | None:
    """What routers and nodes are told of a mesh where something is dead; None where dimension order leads everywhere.

    RouteError when there are no tables that fit.
    """
    if not (mesh.dead or mesh.dead_links):
        return None
    routes = compile_routes(mesh)
    routes = replace(routes, departures=departures(mesh, routes.allowed))
    check_departures(routes)
    return routes


def _without(mesh: MeshConfig, place: Place) -> MeshConfig | None:
    """The mesh with one more dead node; None when that cuts it."""
    try:
        return MeshConfig(mesh.columns, mesh.rows, mesh.dead | {place}, mesh.dead_links)
    except ValueError:
        return None


def names(places: list[Place] | tuple[Place, ...]) -> str:
    """Places as a person reads them."""
    return ", ".join(f"{x},{y}" for x, y in places)


def _compile(mesh: MeshConfig, given_up: tuple[Place, ...]) -> Routes | list[Place]:
    """Tables by the first turn model that has some; else the routers that the models could not serve."""
    grid = Grid(mesh)
    orders = dimension_orders(grid)
    blamed: list[int] = []
    for model in MODELS:
        plan = Joiner(mesh, grid, orders, model)
        unserved = plan.join()
        if not unserved:
            tables = _tables(grid, mesh, plan.routes)
            if isinstance(tables, dict):
                return Routes(mesh, tables, _allowed(grid, plan.routes), given_up)
            unserved = (tables,)
        blamed += [place for place in unserved if place < grid.nodes]
    return [grid.places[place] for place in dict.fromkeys(blamed)]


def _allowed(grid: Grid, routes: list[Decisions]) -> dict[tuple[Place, Place], dict[int, PortId]]:
    ports = [[PortId(port) if 0 <= port < SIDES else None for port in decisions.port.T.flat] for decisions in routes]
    pairs = ((source, to) for source in grid.places for to in grid.places)
    found = {}
    for pair, xy, yx in zip(pairs, *ports, strict=True):
        if xy is not None or yx is not None:
            found[pair] = {route: port for route, port in ((XY, xy), (YX, yx)) if port is not None}
    return found


def _tables(grid: Grid, mesh: MeshConfig, routes: list[Decisions]) -> dict[Place, list[Entry]] | int:
    """Every router's table, or the index of a router whose table does not fit.

    Entries may cover absent places. Those to which packets would then not come to an end keep dimension order everywhere.
    """
    kept: list[Place] = []
    while True:
        tables = _cover_all(grid, mesh, routes, kept)
        if not isinstance(tables, dict):
            return tables
        lost = astray(grid, mesh, tables, [decisions.waits.copy() for decisions in routes])
        if not lost:
            return tables
        kept += lost


def _cover_all(grid: Grid, mesh: MeshConfig, routes: list[Decisions], kept: Sequence[Place]) -> dict[Place, list[Entry]] | int:
    """Tables that keep dimension order on the way to some absent places."""
    columns, rows = mesh.columns + 2, mesh.rows + 2
    port = np.full((grid.nodes, 2, SIDES, columns, rows), ANY_PORT, np.int8)
    exception = np.zeros(port.shape, bool)
    for route in (XY, YX):
        out = routes[route].port.T
        behind = grid.onward(out)
        sender, to = np.nonzero((out >= 0) & (out < SIDES) & (behind < grid.nodes))
        other = behind[sender, to]
        at = sender, route, out[sender, to], grid.x[to], grid.y[to]
        port[at] = out[other, to]
        exception[at] = out[other, to] != grid.order[route, other, to]
        for place, to in product(mesh.live, kept):
            side = dimension_order(place, to, route)
            if (onward := mesh.neighbour(place, side)) in mesh.places:
                port[grid.index[place], route, side, *to] = dimension_order(onward, to, route)
    tables: dict[Place, list[Entry]] = {}
    for sender in range(grid.nodes):
        tables[grid.places[sender]] = cover(Wanted(port[sender], exception[sender])) if exception[sender].any() else []
        if len(tables[grid.places[sender]]) > ENTRIES:
            return sender
    return tables
