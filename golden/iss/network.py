"""The network between nodes of the simulator: what arrives, in any order that the rules allow, and no time.

Between two packets of one source, destination and channel the order is kept, and between no others: whenever something is delivered, a
seeded choice says what. A packet to where nobody is comes back as an ERROR.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field, replace

from golden.arch.memmap import Fault
from golden.arch.mesh import MeshConfig
from golden.arch.packet import FLAG_FIXED, Packet, Place
from golden.noc.multicast import reached
from golden.noc.routes import Routes, detours
from golden.noc.routing import RESPONSE, XY, YX

PACES = (0.1, 0.5, 0.9)
"""How likely a packet arrives between two instructions; a run has one of them."""


@dataclass
class Network:
    """Packets on their way.

    Attributes
    ----------
    hosts : edge ports where somebody sits.
    lost : responses that could reach nobody.
    """

    mesh: MeshConfig
    rng: random.Random
    hosts: set[Place] = field(default_factory=set)
    lost: int = 0

    def __post_init__(self) -> None:
        self._pace = self.rng.choice(PACES)
        self._queues: dict[tuple[Place, Place, int], deque[Packet]] = {}
        # Without anything dead both dimension orders lead everywhere.
        self._compiled: Routes | None = detours(self.mesh)

    @property
    def moving(self) -> int:
        """Packets that have not arrived."""
        return sum(map(len, self._queues.values()))

    def reaches(self, place: Place) -> bool:
        """Whether somebody is there."""
        return place in self.hosts or place in self.mesh.places and place not in self.mesh.dead

    def routes(self, source: Place, to: Place) -> tuple[int, ...]:
        """Routes that lead from one place to another, the fixed one first."""
        if to not in self.mesh.places:  # the order that enters the edge's row or column last
            both: tuple[int, ...] = (YX,) if to[0] in (0, self.mesh.columns + 1) else (XY,)
        else:
            both = (XY, YX)
        if self._compiled is None:
            return both
        start = source if source in self.mesh.places else self._beside(source)
        allowed = self._compiled.allowed.get((start, to), dict.fromkeys(both))
        return tuple(route for route in (XY, YX) if route in allowed)

    def _beside(self, edge: Place) -> Place:
        """The node at an edge port."""
        return min(max(edge[0], 1), self.mesh.columns), min(max(edge[1], 1), self.mesh.rows)

    def send(self, packet: Packet, chosen: bool = False) -> None:
        """A packet sets out; on its own channel where that was ``chosen`` and leads there."""
        for copy in self._copies(packet):
            if not self.reaches(copy.destination):
                self._refuse(copy)
                continue
            routes = self.routes(copy.source, copy.destination)
            route = copy.channel & 1
            if copy.flags & FLAG_FIXED or chosen and route not in routes:
                route = routes[0]
            elif not chosen:
                route = self.rng.choice(routes)
            copy = replace(copy, channel=copy.channel & RESPONSE | route)
            self._queues.setdefault((copy.source, copy.destination, copy.channel), deque()).append(copy)

    def _copies(self, packet: Packet) -> list[Packet]:
        """The packet, or one for each node that a multicast reaches, its sender excepted.

        A rectangle that leaves the mesh is refused as a whole, a copy that meets something dead alone: what lies behind gets none.
        """
        if not packet.multicast:
            return [packet]
        if packet.destination not in self.mesh.places or packet.far not in self.mesh.places:
            self._refuse(packet)
            return []
        found, stopped = reached(self.mesh, packet.source, packet.destination, packet.far, packet.channel & 1)
        for _ in stopped:
            self._refuse(packet)
        return [replace(packet, destination=place, far=None) for place in found]

    def _refuse(self, packet: Packet) -> None:
        if packet.channel & RESPONSE:
            self.lost += 1
        else:
            self.send(packet.error(Fault.RANGE))

    def deliver(self, one: bool = False) -> list[Packet]:
        """What arrives next: of every queue its first packet or none; ``one``: at least one if there is any."""
        waiting = [key for key, queue in self._queues.items() if queue]
        chosen = [key for key in waiting if self.rng.random() < self._pace]
        if one and waiting and not chosen:
            chosen = [self.rng.choice(waiting)]
        self.rng.shuffle(chosen)
        return [self._queues[key].popleft() for key in chosen]
