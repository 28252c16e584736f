"""Hosts at the edges of a machine in the engine: packets of golden.host over the engine's links."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig, Place
from golden.arch.packet import Packet
from golden.host import EDGE, Session
from golden.host_blocking import BlockingHost
from golden.host_mesh import Edge, entering
from golden.iss.host import Host as SimulatorHost
from golden.iss.host import MeshEdge as SimulatorEdge
from golden.iss.mesh import Mesh
from sim.engine.binding import Ended, Engine
from sim.jobs import machine

QUIET_CYCLES = 5_000
KINDS = ("iss", "rtl")


class Port:
    """An edge of an engine: packets in and out; it waits ``limit`` cycles for one, and ``QUIET_CYCLES`` in which nothing moves."""

    def __init__(self, engine: Engine, edge: int, limit: int) -> None:
        self.engine, self.edge, self.limit = engine, edge, limit
        self.silence = ""

    def send(self, packets: Sequence[Packet]) -> None:
        self.engine.send(self.edge, [packet.encode() for packet in packets])

    def receive(self, count: int) -> Sequence[Packet]:
        """What has come, or the next ``count``; none, and why in ``silence``, when nothing came in time."""
        ended = Ended.PACKETS
        if not self.engine.received(self.edge):
            ended = self.engine.run(self.limit, packets=count, edge=self.edge, quiet=QUIET_CYCLES)
        if ended is Ended.CYCLES:
            self.silence = f"no answer within {self.limit} cycles, and the machine still moves:"
        elif ended is Ended.QUIET:
            self.silence = f"nothing retired and no packet moved for {QUIET_CYCLES} cycles:"
        return [Packet.decode(*words) for words in self.engine.take(self.edge)]


class Host(BlockingHost):
    """The host of a node of its own in an engine."""

    def __init__(self, engine: Engine, edge: int = 0, limit: int = 50_000_000, session: Session | None = None) -> None:
        super().__init__(session)
        self.engine, self._port = engine, Port(engine, edge, limit)

    def _send(self, packets: Sequence[Packet]) -> None:
        self._port.send(packets)

    def _receive(self, count: int) -> Sequence[Packet]:
        packets = self._port.receive(count)
        self.silence = self._port.silence or self.silence
        return packets

    @property
    def moment(self) -> str:
        return f"in cycle {self.engine.cycle}"


class MeshEdge(Edge):
    """Hosts at an edge port of a mesh of tiles in an engine."""

    def __init__(self, engine: Engine, mesh: MeshConfig, place: Place = EDGE, limit: int = 50_000_000) -> None:
        if place not in mesh.edges:
            raise ValueError(f"there is no edge port {place[0]},{place[1]} on a mesh of {mesh.columns}x{mesh.rows}")
        super().__init__(mesh, place)
        self.engine, self._port = engine, Port(engine, mesh.edges.index(place), limit)

    def send(self, packets: Sequence[Packet]) -> None:
        self._port.send([entering(self.mesh, self.place, packet) for packet in packets])

    def receive(self, count: int) -> Sequence[Packet]:
        packets = self._port.receive(count)
        self.silence = self._port.silence or self.silence
        return packets


def connect(kind: str, config: str = "d1", strict: bool = True) -> BlockingHost:
    """The host of a node of its own, on the simulator (``"iss"``) or on the RTL (``"rtl"``, built when it is not there).

    ``strict``: a program that reads what nobody wrote is an error on the simulator; the RTL does not see it.
    """
    if kind not in KINDS:
        raise ValueError(f"no machine {kind!r}: there are {' and '.join(KINDS)}")
    return SimulatorHost(get_config(config), strict) if kind == "iss" else Host(machine.engine(config))


def connect_mesh(
    kind: str, mesh: MeshConfig, config: str = "d1", place: Place = EDGE, strict: bool = True, seed: int = 0, waves: Path | None = None
) -> Edge:
    """The hosts of all nodes of a mesh at one of its edge ports, on the simulator (``"iss"``) or on the RTL (``"rtl"``).

    ``strict``, ``seed`` (of the order in which nodes go on and packets arrive): of the simulator. ``waves``: of the RTL.
    """
    if kind not in KINDS:
        raise ValueError(f"no machine {kind!r}: there are {' and '.join(KINDS)}")
    if kind == "iss":
        return SimulatorEdge(Mesh(mesh, get_config(config), seed, strict), place)
    return MeshEdge(machine.mesh_engine(mesh, config, waves=waves), mesh, place)
