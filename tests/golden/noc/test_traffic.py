"""Patterns worked out by hand on 8x8."""

import pytest

from golden.arch.mesh import MeshConfig
from golden.noc.traffic import ANY, PATTERNS, destinations

MESH = MeshConfig(8, 8)


@pytest.mark.parametrize(
    "pattern, place, to",
    [
        ("transpose", (2, 5), (5, 2)),
        ("bit-complement", (1, 1), (8, 8)),
        ("bit-complement", (3, 8), (6, 1)),
        ("tornado", (1, 1), (4, 4)),
        ("tornado", (7, 6), (2, 1)),
        ("neighbour", (8, 1), (1, 2)),
        ("hotspot", (1, 1), (4, 4)),
        # Number 0b011_001 = 25 at 2,4 goes to 0b110_010 = 50 at 3,7; 0b100_000 = 32 at 1,5 to 1 at 2,1.
        ("shuffle", (2, 4), (3, 7)),
        ("shuffle", (1, 5), (2, 1)),
        ("uniform", (4, 4), ANY),
    ],
)
def test_destinations(pattern, place, to):
    assert destinations(MESH, pattern)[place] == to


def test_nobody_sends_to_itself_or_to_a_dead_node():
    assert len(destinations(MESH, "transpose")) == 56
    assert len(destinations(MESH, "hotspot")) == 63
    mesh = MeshConfig(8, 8, frozenset({(2, 5)}))
    for pattern in PATTERNS:
        found = destinations(mesh, pattern)
        assert (2, 5) not in found and (2, 5) not in found.values()


def test_what_does_not_suit_a_mesh_is_a_sentence():
    with pytest.raises(ValueError, match="transpose needs a square mesh, not 4x2"):
        destinations(MeshConfig(4, 2), "transpose")
    with pytest.raises(ValueError, match="power of two of them, not 6"):
        destinations(MeshConfig(3, 2), "shuffle")
    with pytest.raises(ValueError, match="no pattern 'rain': there are uniform, "):
        destinations(MESH, "rain")
    for pattern in ("uniform", "hotspot", "bit-complement"):
        with pytest.raises(ValueError, match="nobody has anything to send"):
            destinations(MeshConfig(1, 1), pattern)
