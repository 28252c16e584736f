"""Hosts at one edge port of a mesh: one for each node, which share the port."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace

from golden.arch.memmap import Fault
from golden.arch.mesh import MeshConfig, Place, beside
from golden.arch.packet import Packet
from golden.host import EDGE, Session
from golden.host_blocking import BlockingHost
from golden.noc.routes import detours
from golden.noc.routing import RESPONSE, XY, YX, dimension_order

WEST_EAST_ROUTE = YX
"""Packets to a west or east port use YX alone, to the others XY, and an answer takes the route of its request."""


def entering(mesh: MeshConfig, edge: Place, packet: Packet) -> Packet:
    """A packet from an edge port with its port at the first router, on its own route where that leads to its destination."""
    first, to, route = beside(edge, mesh.inward(edge)), packet.destination, packet.channel & 1
    routes = detours(mesh)
    known = routes.allowed.get((first, to)) if routes else None
    if known is None:
        return replace(packet, out=dimension_order(first, to, route))
    route = route if route in known else min(known)
    return replace(packet, channel=packet.channel & RESPONSE | route, out=known[route])


class Edge(ABC):
    """An edge port where a host sits, and what came there by node.

    Who derives from it moves packets (``send``, ``receive``) and says in ``silence`` why nothing came.
    """

    def __init__(self, mesh: MeshConfig, place: Place = EDGE) -> None:
        self.mesh, self.place = mesh, place
        self.silence = "nothing moves any more:"
        self.came: dict[Place, deque[Packet]] = defaultdict(deque)
        self.hosts = {node: NodeHost(self, node) for node in mesh.live}

    @abstractmethod
    def send(self, packets: Sequence[Packet]) -> None:
        """Packets on their way to nodes, in order."""

    @abstractmethod
    def receive(self, count: int) -> Sequence[Packet]:
        """Packets that have come; waits for ``count`` unless that is never. None at all when none can come any more."""

    def take(self, node: Place, count: int) -> Sequence[Packet]:
        """What a node has answered; waits while it has not. What nodes ask of the port is refused: nothing is behind it but hosts."""
        while not self.came[node]:
            packets = self.receive(count)
            if not packets:
                return ()
            for packet in packets:
                if packet.channel & RESPONSE:
                    self.came[packet.source].append(packet)
                else:
                    self.send([packet.error(Fault.RANGE)])
        taken = list(self.came[node])
        self.came[node].clear()
        return taken


class NodeHost(BlockingHost):
    """The host of one node of a mesh."""

    def __init__(self, edge: Edge, node: Place) -> None:
        across = edge.place[0] not in range(1, edge.mesh.columns + 1)
        dead = bool(edge.mesh.dead or edge.mesh.dead_links)
        super().__init__(Session(edge.place, node, route=lambda: WEST_EAST_ROUTE if across else XY, detours=dead))
        self.edge, self.node = edge, node

    def _send(self, packets: Sequence[Packet]) -> None:
        self.edge.send(packets)

    def _receive(self, count: int) -> Sequence[Packet]:
        packets = self.edge.take(self.node, count)
        self.silence = self.edge.silence
        return packets

    def _threads(self) -> list[str]:
        """Those of every node: the one that this host waits for may wait for another."""
        lines = []
        for (x, y), host in self.edge.hosts.items():
            lines += [f"  node {x},{y}{line[1:]}" for line in BlockingHost._threads(host)]
        return lines
