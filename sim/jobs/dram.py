"""Memory behind an edge port of a mesh in the engine: what golden.dram answers, with a bandwidth and a latency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from golden.arch.global_address import PLACE
from golden.arch.memmap import LINE_BYTES
from golden.arch.mesh import MeshConfig, Place
from golden.arch.packet import Kind, Packet
from golden.dram import Dram
from golden.host_mesh import entering
from golden.noc.routing import RESPONSE, XY, YX
from sim.engine.binding import Engine


@dataclass(frozen=True)
class Pace:
    """Bytes that a memory moves in a cycle, and cycles that an access takes beside them. ValueError for fewer than one byte."""

    bytes_per_cycle: int = 64  # a link's
    latency: int = 200  # 100 ns

    def __post_init__(self) -> None:
        if self.bytes_per_cycle < 1 or self.latency < 0:
            raise ValueError(f"a memory of {self.bytes_per_cycle} bytes a cycle and {self.latency} cycles: at least 1 byte, 0 cycles")


class EngineDram(Dram):
    """The memory, zero until it is written; a host may sit at the same port. Attach it before anything moves.

    Raises
    ------
    ValueError
        When there is no such port, or no memory of that size.
    """

    def __init__(self, engine: Engine, mesh: MeshConfig, place: Place, pace: Pace, **size: int) -> None:
        super().__init__(**size)
        if place not in mesh.edges:
            raise ValueError(f"there is no edge port {place[0]},{place[1]} on a mesh of {mesh.columns}x{mesh.rows}")
        self.engine, self.edge = engine, mesh.edges.index(place)
        ways = []
        for x, y in [*mesh.live, *mesh.edges]:
            row = [PLACE.pack({"x": x, "y": y})]
            for route in (XY, YX):
                answer = entering(mesh, place, Packet(Kind.ACK, (x, y), place, RESPONSE | route))
                [out] = answer.outs
                row += [answer.channel & 1, int(out)]
            ways.append(row)
        engine.memory(self.edge, self.size, pace.bytes_per_cycle, pace.latency, np.array(ways, np.uint32))

    @property
    def written(self) -> list[int]:
        return [line * LINE_BYTES for line in self.engine.memory_lines(self.edge)]

    def serve(self, request: Packet) -> list[Packet]:
        raise TypeError("it answers in the engine")

    def write(self, address: int, image: bytes) -> None:
        self._check(address, len(image))
        self.engine.write_memory(self.edge, address, image)

    def read(self, address: int, size: int) -> bytes:
        self._check(address, size)
        return self.engine.read_memory(self.edge, address, size)
