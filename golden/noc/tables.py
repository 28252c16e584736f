"""What a route compiler hands over, and how it says that it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field

from golden.arch.mesh import MeshConfig, Place
from golden.arch.packet import PortId
from golden.noc.departures import Departure
from golden.noc.routing import Entry


class RouteError(ValueError):
    """The mesh cannot be routed; one sentence."""


@dataclass(frozen=True)
class Routes:
    """Tables of a mesh, and what sources know.

    Attributes
    ----------
    mesh : with the routers that were given up among its dead.
    tables : exceptions of every live router, at most `golden.arch.route_table.ENTRIES`.
    allowed : for (source, destination), the routes that lead there with the port of the source's own router.
    given_up : live nodes that the tables do without.
    departures : exceptions of every live node's own packets, at most `golden.arch.route_table.DEPARTURES`.
    """

    mesh: MeshConfig
    tables: dict[Place, list[Entry]]
    allowed: dict[tuple[Place, Place], dict[int, PortId]]
    given_up: tuple[Place, ...] = ()
    departures: dict[Place, list[Departure]] = field(default_factory=dict)
