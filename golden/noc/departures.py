"""Where a packet sets out that a node sends itself: which route, and the first port. The rule, and the tables of a mesh with dead nodes.

A packet whose route is free keeps the one that was asked for; one to an edge port of the west or east takes YX, to the north or south XY.
Exceptions (`golden.arch.route_table`) name the one route that leads to a rectangle of destinations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from golden.arch.mesh import MeshConfig, Place
from golden.arch.packet import PortId
from golden.arch.route_table import DEPARTURES
from golden.noc.rectangles import ANY_PORT, Box, Wanted, boxes
from golden.noc.routing import XY, YX, dimension_order

Allowed = Mapping[tuple[Place, Place], Mapping[int, PortId]]
"""For (source, destination), the routes that lead there with the port of the source's own router."""
_ANOTHER = len(PortId)
"""Another thing than any entry says."""


@dataclass(frozen=True)
class Departure:
    """An exception: the node's own packets to the rectangle (ends included) take `route` and leave by `port`, None: by dimension order."""

    x0: int
    x1: int
    y0: int
    y1: int
    route: int
    port: PortId | None

    def matches(self, to: Place) -> bool:
        return self.x0 <= to[0] <= self.x1 and self.y0 <= to[1] <= self.y1

    def fields(self) -> dict[str, int]:
        """As the node's table holds it."""
        rectangle = {"x0": self.x0, "x1": self.x1, "y0": self.y0, "y1": self.y1}
        return {**rectangle, "next": 0 if self.port is None else 1 << self.port, "routes": 1 << self.route, "outs": 0}


def bound_for(to: Place, mesh: MeshConfig) -> int | None:
    """The route to an edge port; None to a node, where either leads."""
    if to[0] in (0, mesh.columns + 1):
        return YX
    return XY if to[1] in (0, mesh.rows + 1) else None


def set_out(at: Place, to: Place, asked: int, table: Iterable[Departure], mesh: MeshConfig) -> tuple[int, PortId]:
    """Route and first port of a packet from the node `at` that asks for a route."""
    found = [entry for entry in table if entry.matches(to)]
    bound = bound_for(to, mesh)
    route = max(entry.route for entry in found) if found else asked if bound is None else bound
    port = next((entry.port for entry in found if entry.port is not None), None)
    return route, dimension_order(at, to, route) if port is None else port


def departures(mesh: MeshConfig, allowed: Allowed) -> dict[Place, list[Departure]]:
    """Every node's exceptions. What is absent keeps dimension order: such a packet ends where it meets nobody.

    Where they would not fit, entries also take packets whose route is free.
    """
    found, places = {}, [*mesh.live, *mesh.edges]
    for place in mesh.live:
        ways = {to: allowed.get((place, to), {}) for to in places if to != place}
        found[place] = _covered(place, ways, mesh, strict=True)
        if len(found[place]) > DEPARTURES:
            found[place] = _covered(place, ways, mesh, strict=False)
    return found


def _covered(place: Place, ways: Mapping[Place, Mapping[int, PortId]], mesh: MeshConfig, strict: bool) -> list[Departure]:
    """By route, and whether the first port is not that of dimension order: what destinations want of an entry."""
    shape = (2, 2, mesh.columns + 2, mesh.rows + 2)
    port, exception = np.full(shape, _ANOTHER, np.int8), np.zeros(shape, bool)
    port[:, :, *place] = ANY_PORT
    for to, known in ways.items():
        plain = {route for route, first in known.items() if first == dimension_order(place, to, route)}
        bound = bound_for(to, mesh)
        usual = {XY, YX} if bound is None else {bound}
        if plain >= usual:
            if not strict:
                port[sorted(usual), 0, *to] = ANY_PORT
        elif plain:
            port[min(plain), 0, *to], exception[min(plain), 0, *to] = 0, True
        elif known:
            route, first = min(known.items())
            port[route, 1, *to], exception[route, 1, *to] = first, True
    found = boxes(Wanted(port, exception), ("xy", "yx")) if exception.any() else ()
    return [_entry(box) for box in found]


def _entry(box: Box) -> Departure:
    (route,), (detour,) = box.routes, box.outs
    return Departure(box.low[0], box.high[0], box.low[1], box.high[1], route, PortId(box.port) if detour else None)
