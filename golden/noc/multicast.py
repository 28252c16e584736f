"""The tree of a multicast: whom its copies reach, and where one meets somebody dead."""

from __future__ import annotations

from golden.arch.mesh import MeshConfig, Place, beside
from golden.arch.packet import PortId
from golden.noc.routing import branches


def reached(mesh: MeshConfig, source: Place, corner: Place, far: Place, route: int) -> tuple[list[Place], list[Place]]:
    """The nodes that get a copy, each once, and those at whose closed port a copy is lost.

    Every copy goes on alone: what is dead takes from the rectangle the nodes that lie behind it on the tree, and no others.
    """
    at_edge = source not in mesh.places
    first = beside(source, mesh.inward(source)) if at_edge else source
    found: list[Place] = []
    stopped: list[Place] = []
    todo = [(first, branches(first, corner, far, route, None) - (frozenset() if at_edge else {PortId.NODE}))]
    while todo:
        at, outs = todo.pop()
        for out in sorted(outs):
            if out == PortId.NODE:
                found.append(at)
            elif (other := mesh.neighbour(at, out)) is None:
                stopped.append(at)
            else:
                todo.append((other, branches(other, corner, far, route, out)))
    return found, stopped
