"""The tree by which a mesh is booted: every live node by live links, there and back, in few segments; else a sentence."""

import random

import pytest

from golden.arch.boot import IDENTITY, BootOp, echoed, path_of, sent_on, table_of
from golden.arch.mesh import MeshConfig, beside
from golden.arch.packet import CREDITS, PortId
from golden.arch.route_table import ENTRIES
from golden.noc.boot import back, rounds, told, tree, way_in
from golden.noc.routes import detours
from golden.noc.tables import RouteError

N, E, S, W, _ = PortId
DIE = frozenset({(3, 4), (9, 9), (10, 9), (15, 3), (6, 17), (18, 12)})


def walk(mesh, at, packet):
    """The places that a packet comes to, the edge port at its end among them, and the packet there."""
    seen = [at]
    while onward := sent_on(packet):
        port, packet = onward
        at = mesh.neighbour(at, port)
        assert at is not None and len(seen) < 100, f"{seen}: nobody there by {port.name}, or no end"
        seen.append(at)
    return seen, packet


def holes(rng, columns, rows, count):
    """A mesh with so many dead nodes that holds together."""
    places = list(MeshConfig(columns, rows).places)
    while True:
        try:
            return MeshConfig(columns, rows, frozenset(rng.sample(places, count)))
        except ValueError:
            continue


def test_a_tree_by_hand():
    """From the west of the second row: up, along it and down; then along the first row, which comes first, and down to the third."""
    paths, leaves = tree(MeshConfig(3, 3), (0, 2))
    assert paths[1, 2] == () and paths[3, 2] == ((E, 2),) and paths[3, 1] == ((N, 1), (E, 2)) and paths[1, 3] == ((S, 1),)
    assert leaves == {(3, 1), (1, 3), (2, 3), (3, 3)}
    assert back(paths[3, 1], MeshConfig(3, 3), (0, 2)) == ((W, 2), (S, 1), (W, 1))
    assert back(paths[3, 2], MeshConfig(3, 3), (0, 2)) == ((W, 3),)
    assert back(paths[1, 3], MeshConfig(3, 3), (0, 2)) == ((N, 1), (W, 1)) and back((), MeshConfig(3, 3), (0, 2)) == ((W, 1),)


@pytest.mark.parametrize("edge", [(0, 1), (5, 2), (3, 0), (2, 5)], ids=str)
def test_every_node_is_told_and_heard_from_every_side(edge):
    mesh = MeshConfig(4, 4, frozenset({(2, 2)}), frozenset({frozenset({(3, 3), (4, 3)})}))
    first, known, heard = beside(edge, mesh.inward(edge)), {}, set()
    for part in rounds(mesh, edge):
        echoes = set()
        for packet in part.packets:
            seen, end = walk(mesh, first, packet)
            if packet.length == BootOp.ECHO:
                assert seen[-1] == edge and echoed(end) in seen
                echoes.add(echoed(end))
                # Nothing is asked for before it has been told.
                assert all(place in known for place in seen[:-1])
            else:
                assert set(seen) <= set(mesh.live)
            if packet.length == BootOp.IDENTITY:
                known[seen[-1]] = IDENTITY.unpack(packet.payload)
        assert echoes == part.echoes and len(echoes) <= CREDITS
        heard |= echoes
    assert known == {place: told(mesh, place) for place in mesh.live}
    paths, leaves = tree(mesh, edge)
    assert heard == leaves
    assert known[1, 2] == {"x": 1, "y": 2, "east": 5, "south": 5, "closed": 1 << E} and known[3, 3]["closed"] == 1 << E


def test_tables_come_before_the_identity():
    mesh = MeshConfig(4, 4, frozenset({(2, 2), (4, 2), (2, 4)}))
    routes, edge, tables, named = detours(mesh), way_in(mesh), {}, set()
    for packet in rounds(mesh, edge)[0].packets:
        place = walk(mesh, beside(edge, mesh.inward(edge)), packet)[0][-1]
        if packet.length == BootOp.TABLE:
            assert place not in named
            tables.setdefault(place, {}).update(table_of(packet))
        elif packet.length == BootOp.IDENTITY:
            named.add(place)
    for place in mesh.live:
        wanted = {i: entry.fields() for i, entry in enumerate(routes.tables[place])}
        wanted |= {ENTRIES + i: entry.fields() for i, entry in enumerate(routes.departures[place])}
        assert tables.get(place, {}) == wanted
    assert any(index >= ENTRIES for table in tables.values() for index in table) and named == set(mesh.live)


def test_the_die_takes_three_segments():
    for dead, most in ((frozenset(), 2), (DIE, 3)):
        mesh = MeshConfig(18, 20, dead)
        assert max(map(len, tree(mesh, way_in(mesh))[0].values())) == most


def test_the_paths_of_random_meshes_are_a_tree(seed):
    """A path begins with the whole path of every node that it passes: what waits for a place waits for the next node of one tree."""
    rng = random.Random(seed)
    for count in (0, 4, 12):
        mesh = holes(rng, 9, 8, count)
        edge = rng.choice(mesh.edges)
        paths, leaves = tree(mesh, edge)
        assert set(paths) == set(mesh.live) and leaves
        ports = {place: [port for port, hops in path for _ in range(hops)] for place, path in paths.items()}
        for place, steps in ports.items():
            at = beside(edge, mesh.inward(edge))
            for number, port in enumerate(steps):
                assert ports[at] == steps[:number]
                at = mesh.neighbour(at, port)
            assert at == place


def test_a_maze_is_refused():
    """A corridor with nine bends."""
    free = {(x, 1) for x in range(1, 4)} | {(x, y) for y in (3, 5, 7, 9) for x in range(1, 4)}
    free |= {(3, 2), (1, 4), (3, 6), (1, 8)}
    mesh = MeshConfig(3, 9, frozenset((x, y) for x in range(1, 4) for y in range(1, 10) if (x, y) not in free))
    sentence = "node 2,9 cannot be booted from edge port 0,1: there or back it is 9 straight runs, and a packet holds 8"
    with pytest.raises(RouteError, match=f"^{sentence}$"):
        rounds(mesh, (0, 1))
    assert path_of(rounds(mesh, (0, 5))[0].packets[0])


def test_a_mesh_without_an_edge_port_is_refused():
    mesh = MeshConfig(3, 3, frozenset((x, y) for x in (1, 2, 3) for y in (1, 2, 3) if (x, y) != (2, 2)))
    with pytest.raises(RouteError, match=r"^no edge port of the mesh of 3x3 has a live node: nobody can boot it$"):
        way_in(mesh)
