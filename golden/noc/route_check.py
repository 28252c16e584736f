"""Whether tables may be used: every packet arrives by them as they are written, and no channels wait for each other in a circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import OPPOSITE, STEP, MeshConfig, Place
from golden.arch.packet import PortId
from golden.arch.route_table import DEPARTURES, ENTRIES
from golden.noc.departures import set_out
from golden.noc.grid import NOBODY, Grid
from golden.noc.routing import XY, YX, Entry, branches, dimension_order, look_ahead
from golden.noc.tables import RouteError, Routes
from golden.noc.waits import Waits

SIDES = len(STEP)
Channel = tuple[Place, PortId]
"""A link, by the router that sends and its port."""


class Ways:
    """Where every packet goes by the tables as written. A channel's number is 4 * index of the router that sends + port.

    Attributes
    ----------
    first : int8 (2 routes, places, destinations)
        The port of a source's own router, NOBODY for a route that it does not use.
    hops : int32, of the same shape
        Links on the way, NOBODY where the packet does not arrive.
    next : int32 (2 routes, channels, destinations)
        The channel that follows a channel; `channels` when the packet has arrived, one more when it is lost.
    """

    def __init__(self, routes: Routes) -> None:
        self.grid = grid = Grid(routes.mesh)
        self.channels = SIDES * grid.nodes
        self.first = np.full((2, grid.count, grid.count), NOBODY, np.int8)
        for (source, to), known in routes.allowed.items():
            for route, port in known.items():
                self.first[route, grid.index[source], grid.index[to]] = port
        self.next = np.stack([self._next(routes, route) for route in (XY, YX)])
        self.hops = np.stack([self._hops(route) for route in (XY, YX)])

    def _next(self, routes: Routes, route: int) -> NDArray[np.int32]:
        grid, arrived, lost = self.grid, self.channels, self.channels + 1
        found = np.full((self.channels, grid.count), lost, np.int32)
        here = np.arange(grid.count)
        for sender in range(grid.nodes):
            table = [entry for entry in routes.tables[grid.places[sender]] if route in entry.routes]
            for side in range(SIDES):
                other = int(grid.behind[sender, side])
                if other == NOBODY:
                    continue
                row = found[SIDES * sender + side]
                row[other] = arrived
                if other >= grid.nodes:
                    continue
                port = self._ports(table, side, grid.order[route, other])
                on = (port >= 0) & (port < SIDES) & (port != OPPOSITE[PortId(side)])
                row[on] = SIDES * other + port[on]
                row[(port == PortId.NODE) & (here != other)] = lost
                row[port == NOBODY] = lost
        return found

    def _ports(self, table: list[Entry], side: int, order: NDArray[np.int8]) -> NDArray[np.int32]:
        """The port behind an output for every destination; NOBODY where entries disagree."""
        grid, port = self.grid, np.full(len(order), NOBODY, np.int32)
        unlike = np.zeros(len(order), bool)
        for entry in table:
            if side in entry.outs:
                inside = (grid.x >= entry.x0) & (grid.x <= entry.x1) & (grid.y >= entry.y0) & (grid.y <= entry.y1)
                unlike |= inside & (port != NOBODY) & (port != entry.port)
                port[inside] = entry.port
        return np.where(unlike, NOBODY, np.where(port == NOBODY, order, port))

    def _hops(self, route: int) -> NDArray[np.int32]:
        to = np.arange(self.grid.count)
        lost = np.full((1, self.grid.count), self.channels + 1, np.int32)
        end = np.concatenate([self.next[route], lost - 1, lost])
        links = np.ones_like(end)
        links[self.channels :] = 0
        for _ in range(int(self.channels).bit_length()):
            links += links[end, to]
            end = end[end, to]
        links[end != self.channels] = NOBODY
        channel = SIDES * np.arange(self.grid.count)[:, None] + self.first[route]
        used = (self.first[route] >= 0) & (self.first[route] < SIDES)
        return np.where(used, links[np.where(used, channel, 0), to], NOBODY)

    def waits(self, route: int) -> NDArray[np.int32]:
        """Pairs (n, 2) of channels that follow each other on the way of a packet that some source sends."""
        source, to = np.nonzero(self.first[route] >= 0)
        channel = SIDES * source + self.first[route][source, to]
        used = np.zeros((self.channels + 2, self.grid.count), bool)
        while len(channel):
            fresh = ~used[channel, to]
            channel, to = channel[fresh], to[fresh]
            used[channel, to] = True
            channel = self.next[route][channel, to]
            on = channel < self.channels
            channel, to = channel[on], to[on]
        channel, to = np.nonzero(used[: self.channels])
        after = self.next[route][channel, to]
        on = after < self.channels
        return np.unique(np.stack([channel[on], after[on]], axis=1), axis=0)

    def forks(self, route: int) -> list[tuple[int, int]]:
        """Pairs of channels that follow each other in some multicast: all that one to the whole mesh would use, as far as they live."""
        grid, found = self.grid, []
        corner, far = (1, 1), (int(grid.x[: grid.nodes].max()), int(grid.y[: grid.nodes].max()))
        for sender in range(grid.nodes):
            for side in STEP:
                at = int(grid.behind[sender, side])
                if at == NOBODY or at >= grid.nodes:
                    continue
                for port in branches(grid.places[at], corner, far, route, side) - {PortId.NODE}:
                    if 0 <= grid.behind[at, port] < grid.nodes:
                        found.append((SIDES * sender + side, SIDES * at + port))
        return found


def check(routes: Routes) -> Ways:
    """Every packet arrives by the tables as written, none turns back, and no channels wait for each other in a circle; its ways.

    One to a place where nobody is goes in dimension order, so that it ends.

    RouteError with the first thing that is wrong.
    """
    for place, table in routes.tables.items():
        if len(table) > ENTRIES:
            raise RouteError(f"the table of {place[0]},{place[1]} has {len(table)} entries, a router holds {ENTRIES}")
    ways = Ways(routes)
    grid = ways.grid
    served = (ways.first >= 0).any(axis=0) | np.eye(grid.count, dtype=bool)
    for source, to in np.argwhere(~served[: grid.nodes]).tolist():
        (x, y), (to_x, to_y) = grid.places[source], grid.places[to]
        raise RouteError(f"no route leads from {x},{y} to {to_x},{to_y}")
    for route, source, to in np.argwhere((ways.first >= 0) & (ways.hops < 0)).tolist():
        places = grid.places[source], grid.places[to]
        walk(routes, *places, route, PortId(int(ways.first[route, source, to])))
        raise RouteError(f"a packet from {places[0]} to {places[1]} does not arrive")
    for route in (XY, YX):
        _check_circles(ways, route)
    if lost := astray(grid, routes.mesh, routes.tables, [Waits(ways.channels, ways.waits(route).tolist()) for route in (XY, YX)]):
        raise RouteError(f"packets to {lost[0][0]},{lost[0][1]}, where nobody is, never come to an end")
    return ways


def absent(grid: Grid, mesh: MeshConfig) -> list[Place]:
    """Places that a packet may name, inside the mesh or one step outside, where nobody is."""
    return [(x, y) for x in range(mesh.columns + 2) for y in range(mesh.rows + 2) if (x, y) not in grid.index]


def astray(grid: Grid, mesh: MeshConfig, tables: Mapping[Place, Sequence[Entry]], waits: Sequence[Waits]) -> list[Place]:
    """Absent places to which a packet would not end by meeting nobody: it would turn back, reach a node, or join channels in a circle.

    Such packets set out in dimension order. ``waits`` by route, of all that has a destination; what else they wait for is added.
    """
    found = []
    for to in absent(grid, mesh):
        for route in (XY, YX):
            known = {place: [entry for entry in tables[place] if entry.includes(to, route)] for place in mesh.live}
            if (pairs := _wander(grid, mesh, known, to, route)) is None or waits[route].add(pairs):
                found.append(to)
                break
    return found


def _wander(grid: Grid, mesh: MeshConfig, tables: Mapping[Place, list[Entry]], to: Place, route: int) -> set[tuple[int, int]] | None:
    """Pairs of channels that follow each other on the way to an absent place, from anywhere.

    None when one turns back or ends at a node, or entries disagree.
    """
    pairs: set[tuple[int, int]] = set()
    todo = [(place, dimension_order(place, to, route)) for place in mesh.live]
    while todo:
        at, out = todo.pop()
        onward = mesh.neighbour(at, out)
        if onward not in grid.index or onward not in mesh.places:
            continue
        ports = {entry.port for entry in tables[at] if out in entry.outs} or {dimension_order(onward, to, route)}
        if len(ports) > 1 or ports & {PortId.NODE, OPPOSITE[out]}:
            return None
        [after] = ports
        pair = SIDES * grid.index[at] + out, SIDES * grid.index[onward] + after
        if pair not in pairs:
            pairs.add(pair)
            todo.append((onward, after))
    return pairs


def check_departures(routes: Routes) -> None:
    """Every node sends by a route and port that are allowed, whichever it asks for; RouteError when one does not."""
    grid = Grid(routes.mesh)
    for place, table in routes.departures.items():
        if len(table) > DEPARTURES:
            raise RouteError(f"the node {place[0]},{place[1]} has {len(table)} exceptions for its own packets, it holds {DEPARTURES}")
        for to in grid.places:
            for asked in (XY, YX) if to != place else ():
                route, port = set_out(place, to, asked, table, routes.mesh)
                if routes.allowed[place, to].get(route) != port:
                    raise RouteError(f"the node {place[0]},{place[1]} sends to {to[0]},{to[1]} by a way that leads nowhere")


def _check_circles(ways: Ways, route: int) -> None:
    """Sorts the channels of a route from each node's way in to each node's way out.

    A multicast holds its place until every copy has left, so what it waits for are all its branches: pairs of channels like any others.
    Classes need no more: a request waits for nothing but responses, at its destination, and those for nothing but a node that consumes
    them; so the order of the requests' channels, then that of the responses', is one of both.
    """
    graph: dict[int, list[int]] = {}
    for u, v in (*ways.waits(route).tolist(), *ways.forks(route)):
        graph.setdefault(v, []).append(u)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = [(ways.grid.places[channel // SIDES], PortId(channel % SIDES)) for channel in error.args[1]]
        circle = " - ".join(f"{place[0]},{place[1]} {port.name}" for place, port in names)
        raise RouteError(f"channels of {'XY' if route == XY else 'YX'} wait for each other in a circle: {circle}") from None


def walk(routes: Routes, source: Place, to: Place, route: int, first: PortId) -> list[Channel]:
    """The channels of a packet, its first port given, one table look-up after another.

    RouteError when it meets something dead, turns back, leaves the mesh or goes in circles.
    """
    mesh, at, port, path = routes.mesh, source, first, []
    while port != PortId.NODE:
        if (at, port) in path:
            raise RouteError(f"a packet from {source} to {to} goes in circles at {at}")
        if path and port == OPPOSITE[path[-1][1]]:
            raise RouteError(f"a packet from {source} to {to} turns back at {at}")
        path.append((at, port))
        onward = mesh.neighbour(at, port)
        if onward == to and to not in mesh.places:
            return path
        if onward not in mesh.places:
            raise RouteError(f"a packet from {source} to {to} leaves {at} by {port.name}, where nobody is")
        at, port = onward, look_ahead(at, port, to, route, routes.tables[at])
    if at != to:
        raise RouteError(f"a packet from {source} to {to} ends at {at}")
    return path
