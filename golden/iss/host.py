"""A host of the simulator: the same scripts and the same packets as at an edge of the RTL."""

from __future__ import annotations

from collections.abc import Sequence

from golden.arch.config import NodeConfig
from golden.arch.mesh import Place
from golden.arch.packet import Packet
from golden.host import EDGE, Session
from golden.host_blocking import BlockingHost
from golden.host_mesh import Edge
from golden.iss.endpoint import Endpoint
from golden.iss.mesh import Mesh
from golden.iss.node import Simulator
from golden.iss.state import Node


class Host(BlockingHost):
    """The host of a node that is simulated; with ``strict`` a program that reads what nobody wrote is an error.

    Between two packets every thread that runs executes one instruction; while the host waits, as many as it takes.
    """

    def __init__(self, config: NodeConfig, strict: bool = False, limit: int = 10_000_000, session: Session | None = None) -> None:
        super().__init__(session)
        self.node = Node(config)
        self.limit = limit
        self._endpoint = Endpoint(Simulator(self.node, strict))
        self._answers: list[Packet] = []

    def _send(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self._answers += self._endpoint.serve(Packet.decode(*packet.encode()))
            self._endpoint.round()
            self._answers += self._endpoint.told()

    def _receive(self, count: int) -> Sequence[Packet]:
        answers, self._answers = self._answers or self._endpoint.run(self.limit), []
        if not answers:
            long = self._endpoint.retired >= self.limit
            self.silence = f"{self.limit} instructions retired and the program goes on:" if long else "every thread waits or rests:"
        return answers


class MeshEdge(Edge):
    """Hosts at an edge port of a simulated mesh; they give up after ``limit`` instructions without an answer."""

    def __init__(self, machine: Mesh, place: Place = EDGE, limit: int = 100_000_000) -> None:
        super().__init__(machine.mesh, place)
        self.machine, self.limit = machine, limit
        self._inbox = machine.attach(place)

    def send(self, packets: Sequence[Packet]) -> None:
        self.machine.send(packets, self.place)

    def receive(self, count: int) -> Sequence[Packet]:
        first = self.machine.retired
        while len(self._inbox) < count and self.machine.goes_on():
            if self.machine.retired - first >= self.limit:
                self.silence = f"{self.limit} instructions retired and the programs go on:"
                return ()
        packets = list(self._inbox)
        self._inbox.clear()
        if not packets:
            self.silence = "every thread waits or rests:"
        return packets
