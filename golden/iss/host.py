"""A host of the simulator: the same scripts and the same packets as at an edge of the RTL."""

from __future__ import annotations

from collections.abc import Sequence

from golden.arch.config import NodeConfig
from golden.arch.packet import Packet
from golden.host import Session
from golden.host_blocking import BlockingHost
from golden.iss.endpoint import Endpoint
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
