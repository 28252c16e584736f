"""The numbers that the engine is handed: worked by hand for small meshes, and no port used twice in any."""

import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import PortId
from sim.engine.topology import apart, routers, tiles

N, E, S, W, NODE = PortId
HOLES = MeshConfig(4, 3, frozenset({(2, 2), (4, 1)}), frozenset({frozenset({(1, 1), (1, 2)})}))


def test_nodes_apart_have_a_link_to_an_edge_each():
    topology = apart(2)
    assert (topology.nodes, topology.edges) == (2, 2)
    assert set(topology.wires) == {(0, 0, 2, 0), (2, 0, 0, 0), (1, 0, 3, 0), (3, 0, 1, 0)}


def test_two_tiles_side_by_side():
    """Tiles 0 and 1; edges north 2 and 3, east 4, south 5 and 6, west 7."""
    topology = tiles(MeshConfig(2, 1))
    assert (topology.nodes, topology.edges) == (2, 6)
    out = {(0, E, 1, W), (1, W, 0, E), (0, N, 2, 0), (1, N, 3, 0), (1, E, 4, 0), (0, S, 5, 0), (1, S, 6, 0), (0, W, 7, 0)}
    assert {wire for wire in topology.wires if wire[0] < 2} == out
    assert {(*wire[2:], *wire[:2]) for wire in topology.wires} == set(topology.wires)


def test_two_routers_have_their_nodes_at_edges_and_nobody_outside():
    topology = routers(MeshConfig(1, 2))
    assert set(topology.wires) == {(0, S, 1, N), (1, N, 0, S), (0, NODE, 2, 0), (2, 0, 0, NODE), (1, NODE, 3, 0), (3, 0, 1, NODE)}


@pytest.mark.parametrize("make", [tiles, routers])
def test_no_port_has_two_wires_and_the_dead_have_none(make):
    topology = make(HOLES)
    assert topology.nodes == len(HOLES.live) == 10
    places = topology.nodes + topology.edges
    for ends in ([wire[:2] for wire in topology.wires], [wire[2:] for wire in topology.wires]):
        assert len(set(ends)) == len(ends) and all(0 <= place < places for place, _ in ends)
    assert topology.table.shape == (len(topology.wires), 4)
