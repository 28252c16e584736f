"""A host at the edge of a machine in the engine: packets of golden.host over the engine's links."""

from __future__ import annotations

from collections.abc import Sequence

from golden.arch.config import get_config
from golden.arch.packet import Packet
from golden.host import Session
from golden.host_blocking import BlockingHost
from golden.iss.host import Host as SimulatorHost
from sim.engine.binding import Ended, Engine
from sim.jobs import machine

QUIET_CYCLES = 5_000


class Host(BlockingHost):
    """The host of one node of an engine; it waits ``limit`` cycles for an answer, and ``QUIET_CYCLES`` in which nothing moves."""

    def __init__(self, engine: Engine, node: int = 0, limit: int = 50_000_000, session: Session | None = None) -> None:
        super().__init__(session)
        self.engine, self.node, self.limit = engine, node, limit

    def _send(self, packets: Sequence[Packet]) -> None:
        self.engine.send(self.node, [packet.encode() for packet in packets])

    def _receive(self, count: int) -> Sequence[Packet]:
        ended = Ended.PACKETS
        if not self.engine.received(self.node):
            ended = self.engine.run(self.limit, packets=count, node=self.node, quiet=QUIET_CYCLES)
        if ended is Ended.CYCLES:
            self.silence = f"no answer within {self.limit} cycles, and the machine still moves:"
        elif ended is Ended.QUIET:
            self.silence = f"nothing retired and no packet moved for {QUIET_CYCLES} cycles:"
        return [Packet.decode(*words) for words in self.engine.take(self.node)]

    @property
    def moment(self) -> str:
        return f"in cycle {self.engine.cycle}"


def connect(kind: str, config: str = "d1", strict: bool = True) -> BlockingHost:
    """The host of a node of its own, on the simulator (``"iss"``) or on the RTL (``"rtl"``, built when it is not there).

    ``strict``: a program that reads what nobody wrote is an error on the simulator; the RTL does not see it.
    """
    if kind not in ("iss", "rtl"):
        raise ValueError(f"no machine {kind!r}: there are iss and rtl")
    return SimulatorHost(get_config(config), strict) if kind == "iss" else Host(machine.engine(config))
