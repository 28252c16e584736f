"""What routers are told before the first packet: where they are, who is not there, and the exceptions to dimension order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from golden.arch.mesh import STEP, MeshConfig, Place
from golden.arch.route_table import ENTRY
from sim.engine.binding import Engine


def straps(mesh: MeshConfig, place: Place, edges: bool = True) -> dict[str, int]:
    """Inputs of the router at a place; without ``edges`` nobody is at the edge ports."""
    there = mesh.places if not edges else {*mesh.places, *mesh.edges}
    closed = [port for port in STEP if mesh.neighbour(place, port) not in there]
    return {"x": place[0], "y": place[1], "closed": sum(1 << port for port in closed)}


def write_tables(engine: Engine, tables: Sequence[Sequence[Mapping[str, int]]]) -> None:
    """Exceptions of every node's router, in the order of nodes, in cycles before the first."""
    engine.prepare()
    for index, row in enumerate(zip_longest(*tables)):
        for node, entry in enumerate(row):
            if entry:
                engine.set(node, {"entry__valid": 1, "entry__index": index, "entry__entry": ENTRY.pack(entry)})
        engine.prepare()
        for node in range(len(row)):
            engine.set(node, {"entry__valid": 0})
