"""How a mesh is booted from an edge port: a tree of paths over what lives, and the packets that a host sends along it.

Every node is sent the entries of its tables, then who it is: one that knows it has been told everything. Paths of a tree keep packets that
wait for each other from closing a circle. An echo on its way back meets what was sent after it: no more echoes are under way than a node
has places for, and nothing else behind them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from golden.arch.boot import SEGMENTS, TABLE_WORDS, Path, echo, identity, table_entries
from golden.arch.mesh import OPPOSITE, STEP, MeshConfig, Place, beside
from golden.arch.packet import CREDITS, Packet
from golden.arch.route_table import ENTRIES
from golden.noc.routes import detours
from golden.noc.tables import RouteError, Routes


@dataclass(frozen=True)
class Round:
    """Packets for the host to send, and the nodes whose echoes it then waits for."""

    packets: tuple[Packet, ...]
    echoes: frozenset[Place]


def way_in(mesh: MeshConfig) -> Place:
    """The edge port from which a mesh is booted unless somebody says otherwise. RouteError when there is none."""
    if not mesh.edges:
        raise RouteError(f"no edge port of the mesh of {mesh.columns}x{mesh.rows} has a live node: nobody can boot it")
    return mesh.edges[-1]


def tree(mesh: MeshConfig, edge: Place) -> tuple[dict[Place, Path], set[Place]]:
    """The path to every live node from the one beside the edge port, and the leaves.

    Few segments first: straight runs from all nodes of one number of segments, then of the next.
    """
    first = beside(edge, mesh.inward(edge))
    paths: dict[Place, Path] = {first: ()}
    level, inner = [first], set()
    while level:
        reached = []
        for place in level:
            path = paths[place]
            for port in STEP:
                if path and port in (path[-1][0], OPPOSITE[path[-1][0]]):
                    continue
                at, hops = place, 0
                while (after := mesh.neighbour(at, port)) in mesh.places and after not in paths:
                    inner.add(at)
                    at, hops = after, hops + 1
                    paths[at] = (*path, (port, hops))
                    reached.append(at)
        level = reached
    return paths, set(paths) - inner


def back(path: Path, mesh: MeshConfig, edge: Place) -> Path:
    """The way from a path's end to the edge port at its beginning."""
    out, turned = OPPOSITE[mesh.inward(edge)], [(OPPOSITE[port], hops) for port, hops in reversed(path)]
    if turned and turned[-1][0] == out:
        turned[-1] = out, turned[-1][1] + 1
    else:
        turned.append((out, 1))
    return tuple(turned)


def told(mesh: MeshConfig, place: Place, used: Collection[Place] | None = None) -> dict[str, int]:
    """Who a node is: the fields of golden.arch.boot.IDENTITY. Edge ports that nobody uses are closed; None: all are used."""
    unused = set() if used is None else set(mesh.edges) - set(used)
    closed = sum(1 << port for port in STEP if port in mesh.closed(place) or mesh.neighbour(place, port) in unused)
    return {"x": place[0], "y": place[1], "east": mesh.columns + 1, "south": mesh.rows + 1, "closed": closed}


def entries(routes: Routes | None, place: Place) -> list[tuple[int, dict[str, int]]]:
    """What the tables of a node hold: places and fields, exceptions of its router, then those of its own packets."""
    if routes is None:
        return []
    own = [entry.fields() for entry in routes.departures[place]]
    return [*enumerate(entry.fields() for entry in routes.tables[place]), *enumerate(own, ENTRIES)]


def rounds(mesh: MeshConfig, edge: Place, used: Collection[Place] | None = None) -> list[Round]:
    """What a host at an edge port sends until every node knows who it is; ``used``: the edge ports where somebody is, None: all.

    RouteError when a path, or the way back from its end, takes more segments than a packet holds.
    """
    paths, leaves = tree(mesh, edge)
    longest = max(paths, key=lambda place: len(back(paths[place], mesh, edge)))
    if (runs := max(len(paths[longest]), len(back(paths[longest], mesh, edge)))) > SEGMENTS:
        (x, y), (x0, y0) = longest, edge
        what = f"node {x},{y} cannot be booted from edge port {x0},{y0}"
        raise RouteError(f"{what}: there or back it is {runs} straight runs, and a packet holds {SEGMENTS}")
    routes = detours(mesh)
    far_first = sorted(mesh.live, key=lambda place: -sum(hops for _, hops in paths[place]))
    news: list[Packet] = []
    for place in far_first:
        told_tables = entries(routes, place)
        news += [table_entries(told_tables[at : at + TABLE_WORDS], paths[place]) for at in range(0, len(told_tables), TABLE_WORDS)]
        news.append(identity(told(mesh, place, used), paths[place]))
    found = []
    ends = [place for place in far_first if place in leaves]
    for first in range(0, len(ends), CREDITS):
        places = ends[first : first + CREDITS]
        echoes: Sequence[Packet] = [echo(place, paths[place], back(paths[place], mesh, edge)) for place in places]
        found.append(Round((*news, *echoes), frozenset(places)))
        news = []
    return found
