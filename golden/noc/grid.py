"""A mesh as arrays: live nodes by index, then edge ports; who is behind a port, and the port of dimension order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import STEP, MeshConfig
from golden.arch.packet import PortId
from golden.noc.routing import XY

NOBODY = -1


class Grid:
    """The places of a mesh by index, `nodes` live ones first; every one of the `count` places is also a destination.

    Attributes
    ----------
    behind : int32 (count, 4)
        Index of the place behind a port; NOBODY where none is, and for all ports of edge ports.
    order : int8 (2 routes, count, count)
        Port of dimension order by route, place and destination; the node's where both are one.
    """

    def __init__(self, mesh: MeshConfig) -> None:
        self.places = [*mesh.live, *mesh.edges]
        self.index = {place: i for i, place in enumerate(self.places)}
        self.nodes, self.count = len(mesh.live), len(self.places)
        self.behind = np.full((self.count, len(STEP)), NOBODY, np.int32)
        for place in mesh.live:
            for port in STEP:
                self.behind[self.index[place], port] = self.index.get(mesh.neighbour(place, port), NOBODY)
        self.x, self.y = np.array(self.places).T
        self.order = np.stack([self._order(route) for route in (0, 1)])

    def _order(self, route: int) -> NDArray[np.int8]:
        dx, dy = (at[None, :] - at[:, None] for at in (self.x, self.y))
        across = np.where(dx > 0, PortId.EAST, PortId.WEST)
        down = np.where(dy > 0, PortId.SOUTH, PortId.NORTH)
        first, second = ((dx, across), (dy, down)) if route == XY else ((dy, down), (dx, across))
        last = np.where(second[0] != 0, second[1], PortId.NODE)
        return np.where(first[0] != 0, first[1], last).astype(np.int8)

    def onward(self, ports: NDArray[np.int8]) -> NDArray[np.int32]:
        """Index behind a port for every place and destination, NOBODY without a port; the place itself behind the node's."""
        here = np.arange(self.count)[:, None]
        behind = np.where(ports < len(STEP), self.behind[here, np.minimum(ports, len(STEP) - 1)], here)
        return np.where(ports >= 0, behind, NOBODY)
