"""Where a packet goes: dimension order with the exceptions of a table (`golden.arch.route_table`), and where a multicast is copied.

A multicast names a rectangle by its north-west and its south-east corner. It travels a tree: along the first dimension as far as the
rectangle reaches, from there along the second, a copy to every node of the rectangle that it meets. The way to each node is that of
dimension order; no exception of a table matters to it. Its sender gets none.

A boot packet leaves every router by the node's port (`golden.arch.boot`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from golden.arch.boot import NEXT_NODE
from golden.arch.mesh import OPPOSITE, Place, beside
from golden.arch.packet import PortId

XY, YX = 0, 1
RESPONSE = 2
"""The bit of a channel that tells responses from requests; the other is the route."""


@dataclass(frozen=True)
class Entry:
    """An exception: packets to the rectangle (ends included) on one of `routes` that leave by one of `outs` go to `port` behind it."""

    x0: int
    x1: int
    y0: int
    y1: int
    routes: frozenset[int]
    outs: frozenset[PortId]
    port: PortId

    def matches(self, to: Place, route: int, out: PortId) -> bool:
        return self.includes(to, route) and out in self.outs

    def includes(self, to: Place, route: int) -> bool:
        """Whether it says anything of packets to a place on a route."""
        return self.x0 <= to[0] <= self.x1 and self.y0 <= to[1] <= self.y1 and route in self.routes

    def fields(self) -> dict[str, int]:
        """As the router's table holds it."""
        values = {"x0": self.x0, "x1": self.x1, "y0": self.y0, "y1": self.y1, "next": 1 << self.port}
        values |= {"routes": sum(1 << route for route in self.routes), "outs": sum(1 << out for out in self.outs)}
        return values


def dimension_order(at: Place, to: Place, route: int) -> PortId:
    """The port of a packet at a router: first along x (XY) or y (YX), the node's when it is there."""
    horizontal = PortId.EAST if to[0] > at[0] else PortId.WEST if to[0] < at[0] else None
    vertical = PortId.SOUTH if to[1] > at[1] else PortId.NORTH if to[1] < at[1] else None
    first, second = (horizontal, vertical) if route == XY else (vertical, horizontal)
    if first is not None:
        return first
    return second if second is not None else PortId.NODE


def look_ahead(at: Place, out: PortId, to: Place, route: int, table: Iterable[Entry]) -> PortId:
    """The port that a packet which leaves the router `at` by `out` takes at the next router; behind the node's port, at this one.

    ValueError when entries that match disagree.
    """
    if out == PortId.NODE:
        return dimension_order(at, to, route)
    if found := {entry.port for entry in table if entry.matches(to, route, out)}:
        if len(found) > 1:
            raise ValueError(f"entries of {at} disagree about {to} behind {out.name}: {', '.join(sorted(port.name for port in found))}")
        return found.pop()
    return dimension_order(beside(at, out), to, route)


def branches(at: Place, corner: Place, far: Place, route: int, moving: PortId | None) -> frozenset[PortId]:
    """The ports by which copies of a multicast leave a router that it has come to; the rectangle is from `corner` to `far`.

    moving : the port by which it left the router before; None at its first router.
    """
    (x, y), (x0, y0), (x1, y1) = at, corner, far
    column, row = x0 <= x <= x1, y0 <= y <= y1
    west, east, north, south = x0 < x, x1 > x, y0 < y, y1 > y
    if route == XY:
        first = moving not in (PortId.NORTH, PortId.SOUTH)  # on the first dimension still: nobody comes back to it
        west, east, north, south = first and west, first and east, column and north, column and south
    else:
        first = moving not in (PortId.WEST, PortId.EAST)
        west, east, north, south = row and west, row and east, first and north, first and south
    wanted = {PortId.WEST: west, PortId.EAST: east, PortId.NORTH: north, PortId.SOUTH: south, PortId.NODE: column and row}
    back = None if moving is None else OPPOSITE[moving]
    return frozenset(port for port, goes in wanted.items() if goes and port != back)


def onward(at: Place, out: PortId, corner: Place, far: Place, route: int, table: Iterable[Entry]) -> frozenset[PortId]:
    """The ports that a packet, or a copy of a multicast, which leaves the router `at` by `out` takes at the next one.

    Behind the node's port it has arrived. ValueError as `look_ahead`.
    """
    if out == PortId.NODE or corner == NEXT_NODE:
        return frozenset({PortId.NODE})
    if corner == far:
        return frozenset({look_ahead(at, out, corner, route, table)})
    return branches(beside(at, out), corner, far, route, out)
