"""Who is connected to whom, in the numbers that the engine is handed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import End, MeshConfig
from golden.arch.packet import PortId


@dataclass(frozen=True)
class Topology:
    """Nodes, edges, and the wires between them.

    Attributes
    ----------
    nodes, edges : how many; a place is a number, nodes from 0 on, then edges.
    wires : place and port that send, place and port that receive; the port of an edge is 0.
    """

    nodes: int
    edges: int
    wires: tuple[tuple[int, int, int, int], ...]

    @property
    def signature(self) -> bytes:
        """The same for equal topologies, and another for others."""
        return hashlib.sha256(repr(self).encode()).digest()

    @property
    def table(self) -> NDArray[np.uint32]:
        return np.array(self.wires, np.uint32).reshape(-1, 4)


def apart(count: int) -> Topology:
    """Nodes of one link that do not know of each other, an edge at each."""
    return Topology(count, count, tuple(wire for i in range(count) for wire in _edge(i, 0, count + i)))


def tiles(mesh: MeshConfig) -> Topology:
    """The live tiles of a mesh and its edge ports, in the orders of `live` and `edges`."""
    number = {place: i for i, place in enumerate([*mesh.live, *mesh.edges])}

    def end(end: End) -> tuple[int, int]:
        return number[end.place], end.port if end.place in mesh.places else 0

    return Topology(len(mesh.live), len(mesh.edges), tuple((*end(wire.source), *end(wire.target)) for wire in mesh.wires))


def routers(mesh: MeshConfig) -> Topology:
    """The live routers of a mesh, nobody at its edge ports, an edge where each has its node."""
    number = {place: i for i, place in enumerate(mesh.live)}
    inside = [wire for wire in mesh.wires if wire.source.place in number and wire.target.place in number]
    between = [(number[wire.source.place], wire.source.port, number[wire.target.place], wire.target.port) for wire in inside]
    count = len(number)
    return Topology(count, count, (*between, *(wire for i in range(count) for wire in _edge(i, PortId.NODE, count + i))))


def _edge(node: int, port: int, edge: int) -> list[tuple[int, int, int, int]]:
    return [(node, port, edge, 0), (edge, 0, node, port)]
