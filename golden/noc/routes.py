"""The route compiler: from a mesh with its dead nodes and links, tables that reach every live node, or a sentence that says why not.

    1. What a router does is its decision by destination and route (XY or YX): dimension order, where that arrives.
    2. A pair that neither dimension order joins gets a path on one of the two routes, through decisions that nobody uses yet.
       Turns outside that route's turn model cost extra, and are refused where they would close a cycle of channels.
    3. What differs from dimension order is covered with rectangles, one router's table at a time (`golden.arch.route_table`).
    4. `check` walks every packet through the finished tables and sorts each route's channels; no table is used without it.

A source uses the routes that lead to its destination. Where a pattern cannot be compiled, `compile_routes` may give up live routers.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from golden.arch.mesh import OPPOSITE, STEP, MeshConfig, Place, beside
from golden.arch.packet import PortId
from golden.arch.route_table import ENTRIES
from golden.noc.rectangles import Wanted, cover
from golden.noc.routing import XY, YX, Entry, dimension_order, look_ahead

N, E, S, W = PortId.NORTH, PortId.EAST, PortId.SOUTH, PortId.WEST
Channel = tuple[Place, PortId]
"""A link, by the router that sends and its port."""

# Turns beside those of dimension order that a route may take: none of these sets closes a cycle with it.
MODELS: tuple[tuple[frozenset[PortId], frozenset[PortId]], ...] = (
    (frozenset({N}), frozenset({W})),
    (frozenset({S}), frozenset({W})),
    (frozenset({N}), frozenset({E})),
    (frozenset({S}), frozenset({E})),
    (frozenset(), frozenset()),
)
"""Directions of travel out of which XY and YX may turn against their order."""
OUTSIDE_COST = 20


class RouteError(ValueError):
    """The mesh cannot be routed; one sentence."""


@dataclass(frozen=True)
class Routes:
    """Tables of a mesh, and what sources know.

    Attributes
    ----------
    mesh : with the routers that were given up among its dead.
    tables : exceptions of every live router, at most `ENTRIES`.
    allowed : for (source, destination), the routes that lead there; first port of each by `first`.
    given_up : live nodes that the tables do without.
    """

    mesh: MeshConfig
    tables: dict[Place, list[Entry]]
    allowed: dict[tuple[Place, Place], dict[int, PortId]]
    given_up: tuple[Place, ...] = ()


def compile_routes(mesh: MeshConfig, give_up: int = 0) -> Routes:
    """Tables for a mesh, checked; up to `give_up` live routers may be given up. RouteError when there are none."""
    given_up: list[Place] = []
    while True:
        blame: Place | None = None
        for model in MODELS:
            plan = _Plan(mesh, model)
            blame = plan.join_all() or plan.cover_all()
            if blame is None:
                routes = Routes(mesh, plan.tables, plan.allowed, tuple(given_up))
                check(routes)
                return routes
        if len(given_up) == give_up:
            raise RouteError(
                f"no tables of {ENTRIES} entries lead round what is dead: the router at {blame[0]},{blame[1]} cannot be served"
                + (f", with {given_up} given up" if given_up else "")
            )
        given_up.append(blame)
        try:
            mesh = MeshConfig(mesh.columns, mesh.rows, mesh.dead | {blame}, mesh.dead_links)
        except ValueError as error:
            raise RouteError(f"giving up the router at {blame[0]},{blame[1]} is no way out: {error}") from None


@dataclass
class _Plan:
    """One try, with one turn model."""

    mesh: MeshConfig
    model: tuple[frozenset[PortId], frozenset[PortId]]
    # By route: the decision of a router for a destination; the channels that may follow a channel.
    next: tuple[dict, dict] = field(default_factory=lambda: ({}, {}))
    after: tuple[dict, dict] = field(default_factory=lambda: (defaultdict(set), defaultdict(set)))
    tables: dict[Place, list[Entry]] = field(default_factory=dict)
    allowed: dict[tuple[Place, Place], dict[int, PortId]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.targets = [*self.mesh.live, *self.mesh.edges]
        for to in self.targets:
            for route in (XY, YX):
                self._follow_dimension_order(to, route)

    def _follow_dimension_order(self, to: Place, route: int) -> None:
        arrives: dict[Place, bool] = {to: True}
        for start in self.mesh.live:
            path, at = [], start
            while at is not None and at not in arrives:
                path.append(at)
                at = self.mesh.neighbour(at, dimension_order(at, to, route)) if at in self.mesh.places else None
            good = at is not None and arrives[at]
            for place in path:
                arrives[place] = good
            if good:
                for place in path:
                    self.next[route][place, to] = dimension_order(place, to, route)
                for here, there in zip(path, [*path[1:], at], strict=False):
                    if (there, to) in self.next[route]:
                        self.after[route][here, self.next[route][here, to]].add((there, self.next[route][there, to]))

    def join_all(self) -> Place | None:
        """Gives every pair a route; a router that has none to somewhere, or nobody has one to, when that fails."""
        for to in self.targets:
            for start in self.mesh.live:
                if start != to and not any((start, to) in self.next[route] for route in (XY, YX)):
                    path = min((found for route in (XY, YX) if (found := self._search(start, to, route))), default=None)
                    if path is None:
                        return start
                    self._take(to, *path[1:])
            for start in self.mesh.live:
                if start != to:
                    known = {route: self.next[route][start, to] for route in (XY, YX) if (start, to) in self.next[route]}
                    self.allowed[start, to] = known
        return None

    def _search(self, start: Place, to: Place, route: int) -> tuple[int, int, list[Channel]] | None:
        """(cost, route, channels) of the cheapest path, as far as the first router whose decision stands."""
        todo: list[tuple[int, int, Place, PortId | None, tuple[Channel, ...]]] = [(0, 0, start, None, ())]
        seen: set[tuple[Place, PortId | None]] = set()
        count = 0
        while todo:
            cost, _, at, came, path = heapq.heappop(todo)
            if at == to:
                return cost, route, list(path)
            if (at, came) in seen or at not in self.mesh.places:
                continue
            seen.add((at, came))
            stands = self.next[route].get((at, to))
            for port in (stands,) if stands is not None else STEP:
                other = self.mesh.neighbour(at, port)
                if other is None or any(channel[0] == other for channel in path) or other == start:
                    continue
                price = 1 + self._price(path, (at, port), came, port, route)
                if price <= OUTSIDE_COST + 1:
                    count += 1
                    heapq.heappush(todo, (cost + price, count, other, port, (*path, (at, port))))
        return None

    def _price(self, path: tuple[Channel, ...], channel: Channel, came: PortId | None, port: PortId, route: int) -> int:
        """What the turn costs beside the hop; more than `OUTSIDE_COST` when it is refused."""
        if came is None or came == port:
            return 0
        if port == OPPOSITE[came]:
            return OUTSIDE_COST + 1
        in_order = (came in (E, W)) == (route == XY)
        inside = in_order or came in self.model[route]
        if channel in self.after[route][path[-1]]:
            return 0 if inside else OUTSIDE_COST
        if self._leads(route, channel, path[-1]):
            return OUTSIDE_COST + 1
        return 0 if inside else OUTSIDE_COST

    def _leads(self, route: int, start: Channel, end: Channel) -> bool:
        """Whether a packet that holds `start` may wait for `end`."""
        seen, todo = {start}, [start]
        while todo:
            channel = todo.pop()
            if channel == end:
                return True
            for other in self.after[route].get(channel, ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return False

    def _take(self, to: Place, route: int, path: list[Channel]) -> None:
        for place, port in path:
            self.next[route][place, to] = port
        for here, there in zip(path, path[1:], strict=False):
            self.after[route][here].add(there)

    def cover_all(self) -> Place | None:
        """Fills the tables; a router whose table does not fit when one does not."""
        wanted: dict[Place, list[Wanted]] = {place: [] for place in self.mesh.live}
        for route in (XY, YX):
            for (place, to), port in self.next[route].items():
                other = beside(place, port)
                if other in self.mesh.places:
                    onward = PortId.NODE if other == to else self.next[route][other, to]
                    wanted[place].append(Wanted(to, route, port, onward, onward != dimension_order(other, to, route)))
        for place, wants in wanted.items():
            self.tables[place] = cover(wants) if any(want.exception for want in wants) else []
            if len(self.tables[place]) > ENTRIES:
                return place
        return None


def check(routes: Routes) -> None:
    """Every packet arrives by the tables as written, none turns back, and no route's channels wait for each other in a circle.

    RouteError with the first thing that is wrong.
    """
    mesh, after = routes.mesh, ({}, {})
    for place, table in routes.tables.items():
        if len(table) > ENTRIES:
            raise RouteError(f"the table of {place[0]},{place[1]} has {len(table)} entries, a router holds {ENTRIES}")
    for source in mesh.live:
        for to in (*mesh.live, *mesh.edges):
            if source != to and not routes.allowed.get((source, to)):
                raise RouteError(f"no route leads from {source[0]},{source[1]} to {to[0]},{to[1]}")
    for to in (*mesh.live, *mesh.edges):
        for route in (XY, YX):
            seen: set[Channel] = set()
            for source in mesh.live:
                first = routes.allowed.get((source, to), {}).get(route)
                path = [] if first is None else walk(routes, source, to, route, first, seen)
                for here, there in zip(path, path[1:], strict=False):
                    if there[1] == OPPOSITE[here[1]]:
                        raise RouteError(f"a packet from {source} to {to} turns back at {there[0]}")
                    after[route].setdefault(there, set()).add(here)
    for route, graph in enumerate(after):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = " - ".join(f"{place[0]},{place[1]} {port.name}" for place, port in error.args[1])
            raise RouteError(f"channels of {'XY' if route == XY else 'YX'} wait for each other in a circle: {circle}") from None


def walk(routes: Routes, source: Place, to: Place, route: int, first: PortId, known: set[Channel] | None = None) -> list[Channel]:
    """The channels of a packet, its first port given; RouteError when it meets something dead, leaves the mesh or goes in circles.

    The walk ends at a channel that is `known` to lead on to the destination; those of this walk become known.
    """
    mesh, at, port, path = routes.mesh, source, first, []
    known = set() if known is None else known
    while port != PortId.NODE:
        if (at, port) in path:
            raise RouteError(f"a packet from {source} to {to} goes in circles at {at}")
        path.append((at, port))
        if (at, port) in known:
            return path
        onward = mesh.neighbour(at, port)
        if onward == to and to not in mesh.places:
            break
        if onward not in mesh.places:
            raise RouteError(f"a packet from {source} to {to} leaves {at} by {port.name}, where nobody is")
        at, port = onward, look_ahead(at, port, to, route, routes.tables[at])
    else:
        if at != to:
            raise RouteError(f"a packet from {source} to {to} ends at {at}")
    known.update(path)
    return path
