"""Hosts at one edge port of a mesh: one for each node, which share the port."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from golden.arch.boot import NEXT_NODE, echoed
from golden.arch.global_address import WORD_BYTES
from golden.arch.memmap import Fault
from golden.arch.mesh import MeshConfig, Place, beside
from golden.arch.packet import Packet
from golden.host import EDGE, HostError, Session
from golden.host_blocking import BlockingHost, together
from golden.noc.boot import rounds
from golden.noc.routes import detours
from golden.noc.routing import RESPONSE, XY, YX, branches, dimension_order

WEST_EAST_ROUTE = YX
"""Packets to a west or east port use YX alone, to the others XY, and an answer takes the route of its request."""


def entering(mesh: MeshConfig, edge: Place, packet: Packet) -> Packet:
    """A packet from an edge port with its ports at the first router, one to a single place on its own route where that leads there."""
    first, to, route = beside(edge, mesh.inward(edge)), packet.destination, packet.channel & 1
    if to == NEXT_NODE:
        return packet
    if packet.multicast:
        return replace(packet, outs=branches(first, to, packet.far, route, None))
    routes = detours(mesh)
    known = routes.allowed.get((first, to)) if routes else None
    if known is None:
        return replace(packet, outs=frozenset({dimension_order(first, to, route)}))
    route = route if route in known else min(known)
    return replace(packet, channel=packet.channel & RESPONSE | route, outs=frozenset({known[route]}))


def boot(
    mesh: MeshConfig,
    edge: Place,
    send: Callable[[Sequence[Packet]], None],
    receive: Callable[[int], Sequence[Packet]],
    used: Collection[Place] | None = None,
) -> None:
    """Tells every node of a mesh that has just been reset who it is, from an edge port; returns when all know.

    send, receive : packets in, and what has come out: waits for so many unless that is never, none at all when none can come any more.
    used : the edge ports where somebody is, this one among them; None: all.

    Raises
    ------
    RouteError
        When a node is too far round what is dead; nothing has been sent.
    HostError
        When a node does not let itself be heard.
    """
    for part in rounds(mesh, edge, used):
        send(part.packets)
        left = set(part.echoes)
        while left:
            if not (packets := receive(len(left))):
                names = ", ".join(f"{x},{y}" for x, y in sorted(left))
                raise HostError(f"the boot of the mesh from edge port {edge[0]},{edge[1]} does not reach node {names}")
            left -= {echoed(packet) for packet in packets}


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

    def load(self, writes: Mapping[Place, Sequence[tuple[int, bytes]]]) -> None:
        """Bytes into the SRAM of every live node; returns when all are there and no instruction cache holds what was there before.

        What every node gets is sent once, as multicasts, where nothing is dead; whoever answers behind them on their channel has them.
        No two images of a node may touch the same byte.
        """
        hosts = list(self.hosts.values())
        rest = {place: list(images) for place, images in writes.items()}
        if len(hosts) > 1 and not self.mesh.dead and not self.mesh.dead_links:
            common = set.intersection(*(set(images) for images in rest.values()))
            images = [_whole_words(*image) for image in rest[hosts[0].node] if image in common]
            rest = {place: [image for image in images if image not in common] for place, images in rest.items()}
            everybody, session = ((1, 1), (self.mesh.columns, self.mesh.rows)), hosts[0].session
            hosts[0].do(session.write([image for whole, _ in images for image in whole], *everybody))
            hosts[0].do(session.flush(*everybody))
            for images_left in rest.values():
                images_left += [image for _, ends in images for image in ends]
        else:
            for host in hosts:
                host.flush()
        together((host, host.session.write(rest[host.node])) for host in hosts)
        together((host, host.session.read(0, WORD_BYTES)) for host in hosts)


def _whole_words(address: int, image: bytes) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """The whole words of an image, which several nodes can be sent at once, and the bytes beside them."""
    before = min(-address % WORD_BYTES, len(image))
    end = before + (len(image) - before) // WORD_BYTES * WORD_BYTES
    pieces = [(address + low, image[low:high]) for low, high in ((0, before), (before, end), (end, len(image)))]
    return [piece for piece in pieces[1:2] if piece[1]], [piece for piece in pieces[::2] if piece[1]]


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
