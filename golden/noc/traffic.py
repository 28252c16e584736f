"""Traffic patterns: who sends to whom. Single packets; a node sends nothing to itself."""

from __future__ import annotations

from collections.abc import Callable

from golden.arch.mesh import MeshConfig, Place

ANY = "any"
"""Destination drawn anew for each packet, all other live nodes being equally likely."""


def _transpose(mesh: MeshConfig, x: int, y: int) -> Place:
    if mesh.columns != mesh.rows:
        raise ValueError(f"transpose needs a square mesh, not {mesh.columns}x{mesh.rows}")
    return y, x


def _shuffle(mesh: MeshConfig, x: int, y: int) -> Place:
    nodes = mesh.columns * mesh.rows
    bits = nodes.bit_length() - 1
    if nodes != 1 << bits:
        raise ValueError(f"shuffle rotates the bits of a node's number and needs a power of two of them, not {nodes}")
    number = mesh.places[x, y]
    turned = (number << 1 | number >> bits - 1) & nodes - 1 if bits else 0
    return turned % mesh.columns + 1, turned // mesh.columns + 1


def _shifted(mesh: MeshConfig, x: int, y: int, columns: int, rows: int) -> Place:
    return (x - 1 + columns) % mesh.columns + 1, (y - 1 + rows) % mesh.rows + 1


PATTERNS: dict[str, Callable[[MeshConfig, int, int], Place | str]] = {
    "uniform": lambda mesh, x, y: ANY,
    "transpose": _transpose,
    "bit-complement": lambda mesh, x, y: (mesh.columns + 1 - x, mesh.rows + 1 - y),
    "hotspot": lambda mesh, x, y: ((mesh.columns + 1) // 2, (mesh.rows + 1) // 2),
    "tornado": lambda mesh, x, y: _shifted(mesh, x, y, (mesh.columns - 1) // 2, (mesh.rows - 1) // 2),
    "neighbour": lambda mesh, x, y: _shifted(mesh, x, y, 1, 1),
    "shuffle": _shuffle,
}
"""Destination of the packets of a node, whatever is dead."""


def destinations(mesh: MeshConfig, pattern: str) -> dict[Place, Place | str]:
    """Who sends, and where to: `ANY` or a place. A live node whose partner is itself or dead sends nothing.

    ValueError for a pattern that does not exist or does not suit the mesh, and when nobody has anything to send.
    """
    if pattern not in PATTERNS:
        raise ValueError(f"no pattern {pattern!r}: there are {', '.join(PATTERNS)}")
    everyone = {place: PATTERNS[pattern](mesh, *place) for place in mesh.live}
    found = {place: to for place, to in everyone.items() if to != place and to not in mesh.dead}
    if not found or len(mesh.live) < 2:
        raise ValueError(f"{pattern} on a mesh of {mesh.columns}x{mesh.rows}: nobody has anything to send")
    return found
