"""Where a packet goes: dimension order with the exceptions of a table (`golden.arch.route_table`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from golden.arch.mesh import Place, beside
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
