"""The topology against meshes drawn by hand."""

import pytest

from golden.arch.mesh import OPPOSITE, STEP, End, MeshConfig, Wire, beside, parse, parse_place
from golden.arch.packet import PortId

N, E, S, W = PortId.NORTH, PortId.EAST, PortId.SOUTH, PortId.WEST


def test_a_mesh_of_two_nodes_wire_by_wire():
    #        1,0   2,0
    #   0,1  1,1   2,1  3,1
    #        1,2   2,2
    mesh = MeshConfig(2, 1)
    a, b = (1, 1), (2, 1)
    expected = {
        ((a, N), ((1, 0), S)), ((a, E), (b, W)), ((a, S), ((1, 2), N)), ((a, W), ((0, 1), E)),
        ((b, N), ((2, 0), S)), ((b, W), (a, E)), ((b, S), ((2, 2), N)), ((b, E), ((3, 1), W)),
        (((1, 0), S), (a, N)), (((1, 2), N), (a, S)), (((0, 1), E), (a, W)),
        (((2, 0), S), (b, N)), (((2, 2), N), (b, S)), (((3, 1), W), (b, E)),
    }  # fmt: skip
    assert {((w.source.place, w.source.port), (w.target.place, w.target.port)) for w in mesh.wires} == expected
    assert len(mesh.wires) == len(expected)
    assert mesh.edges == [(1, 0), (2, 0), (3, 1), (1, 2), (2, 2), (0, 1)]


@pytest.mark.parametrize("columns, rows", [(1, 1), (3, 2), (8, 8), (18, 20), (30, 30)])
def test_every_port_has_one_wire_each_way(columns, rows):
    mesh = MeshConfig(columns, rows)
    assert len(mesh.wires) == 2 * (columns * (rows + 1) + rows * (columns + 1))
    for ends in ([wire.source for wire in mesh.wires], [wire.target for wire in mesh.wires]):
        assert len(set(ends)) == len(ends)
        assert {End(place, port) for place in mesh.live for port in STEP} <= set(ends)
    assert all(beside(wire.source.place, wire.source.port) == wire.target.place for wire in mesh.wires)
    assert {Wire(wire.target, wire.source) for wire in mesh.wires} == set(mesh.wires)


def test_numbers_run_row_by_row():
    mesh = MeshConfig(3, 2)
    assert list(mesh.places) == [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)]
    assert list(mesh.places.values()) == list(range(6))


def test_dead_nodes_and_links_have_no_wires():
    whole = MeshConfig(4, 3)
    mesh = MeshConfig(4, 3, frozenset({(2, 2), (4, 1)}), frozenset({frozenset({(1, 1), (1, 2)})}))
    assert len(mesh.live) == 10
    assert mesh.neighbour((2, 1), S) is None and mesh.neighbour((1, 1), S) is None
    assert mesh.closed((1, 1)) == [S] and mesh.closed((3, 1)) == [E] and mesh.closed((4, 3)) == []
    # The middle takes four links with it, the corner two and two edge ports, and one link is dead by itself: each is two wires.
    assert len(mesh.wires) == len(whole.wires) - 2 * (4 + 2 + 2 + 1)
    assert (4, 0) not in mesh.edges and (5, 1) not in mesh.edges and len(mesh.edges) == 12


def test_opposite_ports_lead_back():
    for port in STEP:
        assert beside(beside((5, 5), port), OPPOSITE[port]) == (5, 5)


@pytest.mark.parametrize(
    "columns, rows, dead, links, sentence",
    [
        (0, 4, [], [], r"a mesh of 0x4: columns must be 1 to 30"),
        (4, 31, [], [], r"a mesh of 4x31: rows must be 1 to 30"),
        (4, 4, [(5, 1)], [], r"dead node 5,1 is not in a mesh of 4x4"),
        (4, 4, [(0, 1)], [], r"dead node 0,1 is not"),
        (4, 4, [], [((1, 1), (2, 2))], r"dead link 1,1 and 2,2 does not join two neighbours"),
        (4, 4, [], [((1, 1), (0, 1))], r"dead link 0,1 and 1,1 does not join"),
        (1, 1, [(1, 1)], [], r"all 1 nodes of the mesh are dead"),
        (3, 3, [(2, 1), (1, 2)], [], r"cuts the mesh: 1,1 cannot be reached from 3,1"),
        (3, 1, [(2, 1)], [], r"what is dead cuts the mesh: 3,1 cannot be reached from 1,1"),
        (2, 1, [], [((1, 1), (2, 1))], r"cuts the mesh: 2,1 cannot be reached from 1,1"),
        (12, 2, [(6, 1), (6, 2)], [], r"cuts the mesh: 1,1, .* and 2 more cannot be reached from 7,1"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(columns, rows, dead, links, sentence):
    with pytest.raises(ValueError, match=sentence):
        MeshConfig(columns, rows, frozenset(dead), frozenset(map(frozenset, links)))


def test_texts():
    assert parse("18x20") == MeshConfig(18, 20)
    assert parse_place("3,4") == (3, 4)
    for bad in ("8", "8x", "x8", "8x8x8", "-1x4", "8,8"):
        with pytest.raises(ValueError, match="columns x rows"):
            parse(bad)
    for bad in ("3", "3,", "3;4", "a,b"):
        with pytest.raises(ValueError, match="x,y"):
            parse_place(bad)


def test_edge_places_at_the_corners_face_the_mesh():
    mesh = MeshConfig(2, 3)
    facing = {(1, 0): S, (2, 0): S, (3, 1): W, (3, 3): W, (1, 4): N, (2, 4): N, (0, 1): E, (0, 3): E}
    assert {place: mesh.inward(place) for place in facing} == facing
