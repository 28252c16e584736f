"""Wrong bits on chosen links of a mesh in the engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from golden.arch.mesh import MeshConfig, Place, parse_place
from golden.arch.packet import BODY

if TYPE_CHECKING:
    from sim.engine.binding import Engine


@dataclass(frozen=True)
class Flip:
    """A bit of the body of the n-th packet, from 1 on, from one place to its neighbour; an edge port is a neighbour."""

    source: Place
    target: Place
    packet: int
    bit: int


def parse_flip(text: str) -> Flip:
    """The flip of a text like ``1,1-2,1:3:100``: from, to, packet, bit. ValueError for anything else."""
    if not (match := re.fullmatch(r"(\d+,\d+)-(\d+,\d+):(\d+):(\d+)", text.strip())) or not int(match[3]) or int(match[4]) >= BODY.width:
        bits = f"bits 0 to {BODY.width - 1}"
        raise ValueError(f"a wrong bit is written from-to:packet:bit, like 1,1-2,1:3:100, packets from 1 on, {bits}; not {text!r}")
    return Flip(parse_place(match[1]), parse_place(match[2]), int(match[3]), int(match[4]))


def apply(engine: Engine, mesh: MeshConfig, flip: Flip) -> None:
    """From here on. ValueError when no link leads from the one place to the other."""
    for number, wire in enumerate(mesh.wires):
        if (wire.source.place, wire.target.place) == (flip.source, flip.target):
            engine.flip(number, flip.packet, flip.bit)
            return
    names = " to ".join(f"{x},{y}" for x, y in (flip.source, flip.target))
    raise ValueError(f"no link leads from {names} in a mesh of {mesh.columns}x{mesh.rows}")
