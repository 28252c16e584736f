"""Wrong bits of links: how they are written, and which wire of the topology they are on. What they cost stands in test_mesh.py."""

import re

import pytest

from golden.arch.mesh import MeshConfig
from sim.engine.flips import Flip, apply, parse_flip
from sim.engine.topology import tiles

MESH = MeshConfig(3, 2, frozenset({(2, 1)}))


class Wires:
    """Takes what an engine would."""

    def __init__(self) -> None:
        self.flipped = []

    def flip(self, *flip: int) -> None:
        self.flipped.append(flip)


@pytest.mark.parametrize(
    ("flip", "ends"),
    [
        (Flip((2, 2), (3, 2), 4, 100), (tuple(MESH.live).index((2, 2)), tuple(MESH.live).index((3, 2)))),
        (Flip((0, 1), (1, 1), 1, 0), (len(MESH.live) + MESH.edges.index((0, 1)), 0)),
    ],
    ids=str,
)
def test_the_wire_leads_from_the_one_place_to_the_other(flip, ends):
    wires = Wires()
    apply(wires, MESH, flip)
    [(number, packet, bit)] = wires.flipped
    source, _, target, _ = tiles(MESH).wires[number]
    assert (source, target) == ends and (packet, bit) == (flip.packet, flip.bit)


@pytest.mark.parametrize("target", [(2, 1), (3, 1), (0, 2)], ids=str)
def test_no_link_is_there(target):
    with pytest.raises(ValueError, match=f"no link leads from 1,1 to {target[0]},{target[1]} in a mesh of 3x2"):
        apply(Wires(), MESH, Flip((1, 1), target, 1, 0))


def test_it_is_written_from_to_packet_bit():
    assert parse_flip(" 1,1-2,1:3:596 ") == Flip((1, 1), (2, 1), 3, 596)


@pytest.mark.parametrize("text", ["1,1-2,1:0:5", "1,1-2,1:1:597", "1,1:2,1:1:1", "1,1-2,1:1", ""])
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match=re.escape(f"bits 0 to 596; not {text!r}")):
        parse_flip(text)
