"""What routers without a node are told before the first packet: where they are, who is not there, and the exceptions to dimension order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from golden.arch.mesh import STEP, MeshConfig, Place
from golden.arch.route_table import ENTRY
from sim.engine.binding import Engine

PREPARED = 3
"""Cycles that routers take to learn where they are."""


def router_straps(mesh: MeshConfig, place: Place) -> dict[str, int]:
    """Inputs of a router at a place of a mesh that has nobody at its edge ports."""
    closed = sum(1 << port for port in STEP if mesh.neighbour(place, port) not in mesh.places)
    return {"x": place[0], "y": place[1], "closed": closed}


def settle(engine: Engine) -> None:
    """Cycles before the first, until every router knows where it is."""
    for _ in range(PREPARED):
        engine.prepare()


def write_tables(engine: Engine, tables: Sequence[Sequence[Mapping[str, int] | None]]) -> None:
    """Exceptions of every node, in the order of nodes, in cycles before the first."""
    settle(engine)
    for index, row in enumerate(zip_longest(*tables)):
        for node, entry in enumerate(row):
            if entry:
                engine.set(node, {"entry__valid": 1, "entry__index": index, "entry__entry": ENTRY.pack(entry)})
        engine.prepare()
        for node in range(len(row)):
            engine.set(node, {"entry__valid": 0})
