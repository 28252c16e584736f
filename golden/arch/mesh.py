"""The mesh: places, ports, neighbours, edges, what is dead, and the wires that follow.

Nodes are x = 1..columns, y = 1..rows, x to the east and y to the south. An edge port lies one step outside: x = 0 or columns + 1, or
y = 0 or rows + 1, the other coordinate naming the row or column. Whoever builds, simulates or routes a mesh computes from here what is
connected to what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from golden.arch.packet import COORD_BITS, PortId

LARGEST = (1 << COORD_BITS) - 2
"""Columns or rows that coordinates can name, edge ports included."""

Place = tuple[int, int]
"""x, y of a node or an edge port."""

STEP: dict[PortId, Place] = {PortId.NORTH: (0, -1), PortId.EAST: (1, 0), PortId.SOUTH: (0, 1), PortId.WEST: (-1, 0)}
OPPOSITE: dict[PortId, PortId] = {port: PortId((port + 2) % 4) for port in STEP}


@dataclass(frozen=True)
class End:
    """One end of a wire: a port of the router at a place; the port of an edge place is the one that faces the mesh."""

    place: Place
    port: PortId


@dataclass(frozen=True)
class Wire:
    """A link in one direction: packets go from `source` to `target`, credits come back."""

    source: End
    target: End


def beside(place: Place, port: PortId) -> Place:
    """The place that the port faces, inside the mesh or not."""
    step = STEP[port]
    return place[0] + step[0], place[1] + step[1]


@dataclass(frozen=True)
class MeshConfig:
    """A rectangle of nodes, some of which may be dead, as may links between neighbours (both directions of them).

    Raises
    ------
    ValueError
        For a mesh without nodes or with more than coordinates can name, for a dead node or link that is none, and when what is dead
        cuts the mesh in two; the sentence says where.
    """

    columns: int
    rows: int
    dead: frozenset[Place] = frozenset()
    dead_links: frozenset[frozenset[Place]] = field(default=frozenset())

    def __post_init__(self) -> None:
        for name, size in (("columns", self.columns), ("rows", self.rows)):
            if not 1 <= size <= LARGEST:
                raise ValueError(f"a mesh of {self.columns}x{self.rows}: {name} must be 1 to {LARGEST}")
        for place in sorted(self.dead):
            if place not in self.places:
                raise ValueError(f"dead node {place[0]},{place[1]} is not in a mesh of {self.columns}x{self.rows}: {self._counted}")
        for link in self.dead_links:
            ends = sorted(link)
            inside = len(ends) == 2 and all(end in self.places for end in ends)
            if not inside or abs(ends[0][0] - ends[1][0]) + abs(ends[0][1] - ends[1][1]) != 1:
                names = " and ".join(f"{x},{y}" for x, y in ends)
                raise ValueError(f"dead link {names} does not join two neighbours of a mesh of {self.columns}x{self.rows}")
        if not self.live:
            raise ValueError(f"all {self.columns * self.rows} nodes of the mesh are dead")
        reached = self._reached(self.live[0])
        if cut := sorted(set(self.live) - reached):
            if len(cut) > len(reached):  # the smaller part is what a person misses
                reached, cut = set(cut), sorted(reached)
            names = ", ".join(f"{x},{y}" for x, y in cut[:8]) + (f" and {len(cut) - 8} more" if len(cut) > 8 else "")
            x, y = min(reached, key=self.places.__getitem__)
            raise ValueError(f"what is dead cuts the mesh: {names} cannot be reached from {x},{y}")

    @cached_property
    def places(self) -> dict[Place, int]:
        """Every node and its number, row by row; dead ones too."""
        return {(x, y): (y - 1) * self.columns + x - 1 for y in range(1, self.rows + 1) for x in range(1, self.columns + 1)}

    @cached_property
    def live(self) -> list[Place]:
        """Nodes that work, in the order of their numbers."""
        return [place for place in self.places if place not in self.dead]

    @cached_property
    def edges(self) -> list[Place]:
        """Edge ports whose node works: north, east, south, west, each in ascending order."""
        across, down = range(1, self.columns + 1), range(1, self.rows + 1)
        sides = (
            [(x, 0) for x in across],
            [(self.columns + 1, y) for y in down],
            [(x, self.rows + 1) for x in across],
            [(0, y) for y in down],
        )
        return [place for side in sides for place in side if beside(place, self.inward(place)) not in self.dead]

    def inward(self, edge: Place) -> PortId:
        """The port with which an edge place faces the mesh."""
        x, y = edge
        return (
            PortId.SOUTH if y == 0 else PortId.WEST if x > self.columns else PortId.NORTH if y > self.rows else PortId.EAST
        )

    def neighbour(self, place: Place, port: PortId) -> Place | None:
        """The live node or edge port behind a port of a live node; None when nobody is there."""
        other = beside(place, port)
        if other in self.dead or frozenset((place, other)) in self.dead_links:
            return None
        return other

    def closed(self, place: Place) -> list[PortId]:
        """Ports of a live node with nobody behind them."""
        return [port for port in STEP if self.neighbour(place, port) is None]

    @cached_property
    def wires(self) -> list[Wire]:
        """Every link in each direction, between routers and between routers and edge ports; those inside a node are not among them."""
        found = []
        for place in self.live:
            for port in STEP:
                if (other := self.neighbour(place, port)) is not None:
                    here, there = End(place, port), End(other, OPPOSITE[port])
                    found.append(Wire(here, there))
                    if other not in self.places:
                        found.append(Wire(there, here))
        return found

    @property
    def _counted(self) -> str:
        return f"x counts from 1 to {self.columns}, y from 1 to {self.rows}"

    def _reached(self, start: Place) -> set[Place]:
        seen, todo = {start}, [start]
        while todo:
            for place in self._around(todo.pop()):
                if place not in seen:
                    seen.add(place)
                    todo.append(place)
        return seen

    def _around(self, place: Place) -> Iterator[Place]:
        for port in STEP:
            if (other := self.neighbour(place, port)) in self.places:
                yield other


def parse(text: str, dead: frozenset[Place] = frozenset(), dead_links: frozenset[frozenset[Place]] = frozenset()) -> MeshConfig:
    """The mesh of a text like ``8x8``: columns x rows. ValueError for anything else."""
    if not (match := re.fullmatch(r"(\d+)x(\d+)", text.strip())):
        raise ValueError(f"a mesh is written columns x rows, like 8x8, not {text!r}")
    return MeshConfig(int(match[1]), int(match[2]), dead, dead_links)


def parse_place(text: str) -> Place:
    """The place of a text like ``3,4``: x, y. ValueError for anything else."""
    if not (match := re.fullmatch(r"(\d+),(\d+)", text.strip())):
        raise ValueError(f"a place is written x,y, like 3,4, not {text!r}")
    return int(match[1]), int(match[2])
