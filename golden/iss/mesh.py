"""A mesh of simulated nodes: threads take turns, packets arrive in any order that the rules allow, and there is no time.

A seed decides who goes on and what arrives when. A program whose result depends on it lacks a semaphore.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence

from golden.arch.boot import NEXT_NODE, sent_on
from golden.arch.config import NodeConfig
from golden.arch.memmap import ThreadState
from golden.arch.mesh import MeshConfig, Place, beside
from golden.arch.packet import Packet
from golden.arch.trace import Record
from golden.dram import Dram
from golden.iss.endpoint import Endpoint
from golden.iss.network import Network
from golden.iss.node import HangError, Simulator, describe_fault
from golden.iss.state import Node
from golden.noc.boot import rounds, way_in
from golden.noc.routing import RESPONSE

EAGER = (0.4, 0.9)
"""What a node's eagerness is: one of them."""
OnRecord = Callable[[Place, Record], None]


class Mesh:
    """Nodes, network and edge ports.

    Parameters
    ----------
    mesh : who there is.
    config : of every node; it gets the part *network*.
    seed : decides the order of everything that has none.
    strict : raise RuleError when a program breaks a rule of docs/isa.md.
    on_record : told of every retired instruction and its node.
    booted : a host has been there and has told every node who it is; else no node serves anything but boot packets.

    Attributes
    ----------
    eager : how likely the threads of a node go on before the next packets arrive.
    """

    def __init__(
        self,
        mesh: MeshConfig,
        config: NodeConfig,
        seed: int = 0,
        strict: bool = False,
        on_record: OnRecord | None = None,
        booted: bool = True,
    ) -> None:
        self.mesh = mesh
        self.rng = random.Random(f"mesh/{seed}")
        self.network = Network(mesh, self.rng)
        self.tiles: dict[Place, Endpoint] = {}
        for place in mesh.live:
            node = Node(config.with_network())
            self.tiles[place] = Endpoint(Simulator(node, strict), on_record and (lambda record, place=place: on_record(place, record)))
        self.eager = {place: self.rng.choice(EAGER) for place in mesh.live}
        self._hosts: dict[Place, deque[Packet]] = {}
        self.drams: dict[Place, Dram] = {}
        if booted:
            edge = way_in(mesh)
            for part in rounds(mesh, edge):
                self.send(part.packets, edge)

    @property
    def nodes(self) -> dict[Place, Node]:
        """The state of every node."""
        return {place: tile.node for place, tile in self.tiles.items()}

    @property
    def retired(self) -> int:
        """Instructions of all nodes."""
        return sum(tile.retired for tile in self.tiles.values())

    # --- edge ports --------------------------------------------------------------------------------------------------------------

    def attach(self, place: Place) -> deque[Packet]:
        """Somebody sits at an edge port: what arrives there and no memory serves. ValueError when there is no such port."""
        self._open(place)
        return self._hosts.setdefault(place, deque())

    def attach_dram(self, place: Place, dram: Dram) -> None:
        """Memory behind an edge port, where a host may sit too. ValueError when there is no such port."""
        self._open(place)
        self.drams[place] = dram

    def _open(self, place: Place) -> None:
        if place not in self.mesh.edges:
            raise ValueError(f"there is no edge port {place[0]},{place[1]} on a mesh of {self.mesh.columns}x{self.mesh.rows}")
        self.network.hosts.add(place)

    def send(self, packets: Sequence[Packet], edge: Place) -> None:
        """Packets of the host at an edge port, in order. Boot packets are where they lead at once: nothing else is under way with them."""
        for packet in packets:
            sent = Packet.decode(*packet.encode())
            if sent.destination == NEXT_NODE:
                self._boot(sent, beside(edge, self.mesh.inward(edge)))
            else:
                self.network.send(sent, chosen=True)

    def _boot(self, packet: Packet, at: Place) -> None:
        """A boot packet, from the node that it comes to on; it is lost where nobody is."""
        while onward := sent_on(packet):
            port, packet = onward
            after = self.mesh.neighbour(at, port)
            if after not in self.tiles:
                self._hosts.get(after, deque()).append(packet)
                return
            at = after
        self.tiles[at].boot(packet)

    # --- execution ---------------------------------------------------------------------------------------------------------------

    def round(self, everybody: bool = False) -> bool:
        """Some nodes execute an instruction of each of their threads, some packets arrive; whether anything changed."""
        changed = False
        for place in self.rng.sample(self.mesh.live, len(self.tiles)):
            tile = self.tiles[place]
            if everybody or self.rng.random() < self.eager[place]:
                changed |= tile.round()
                changed |= tile.node.interface.advance()
            for answer in tile.told():
                self.network.send(answer, chosen=True)
            while tile.node.interface.sent:
                self.network.send(tile.node.interface.sent.popleft())
        for packet in self.network.deliver(one=everybody and not changed):
            self._arrive(packet)
            changed = True
        return changed

    def _arrive(self, packet: Packet) -> None:
        place, response = packet.destination, packet.channel & RESPONSE
        server = None if response else self.drams.get(place) or self.tiles.get(place)
        if server:
            for answer in server.serve(packet):
                self.network.send(answer, chosen=True)
        elif place in self.tiles:
            self.tiles[place].node.interface.receive(packet)
        elif place in self._hosts:
            self._hosts[place].append(packet)

    def goes_on(self) -> bool:
        """One round; False when nobody can do anything any more."""
        return self.round() or self.round(everybody=True)

    def run(self, limit: int = 100_000_000) -> int:
        """Until every thread of every node rests and nothing is on its way; instructions retired.

        Raises
        ------
        HangError
            When every running thread waits and nothing is on its way, or ``limit`` instructions retired.
        """
        first = self.retired
        while self.goes_on():
            if self.retired - first >= limit:
                raise HangError(f"{limit} instructions retired and the program goes on:\n{self.describe()}")
        if any(thread.runs for node in self.nodes.values() for thread in node.threads):
            raise HangError(f"nothing moves any more:\n{self.describe()}")
        return self.retired - first

    def describe(self) -> str:
        """What every thread waits for that runs, and what stopped the others: a line each."""
        lines = []
        for (x, y), node in self.nodes.items():
            for thread in node.threads:
                if thread.state is ThreadState.FAULTED:
                    lines.append(f"  node {x},{y} {describe_fault(node, thread)}")
                elif thread.runs:
                    waits = f"waits for {thread.waits}" if thread.waits else "goes on"
                    lines.append(f"  node {x},{y} thread {thread.index} at {thread.pc:#x} {waits}")
        return "\n".join(lines)
