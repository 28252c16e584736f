"""Tables for what is dead: every packet arrives, no circle of channels; and what the check says of tables that are wrong."""

from dataclasses import replace

import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import PortId
from golden.arch.route_table import ENTRIES
from golden.noc import routes as compiler
from golden.noc.route_check import Ways
from golden.noc.routes import RouteError, Routes, check, compile_routes, walk
from golden.noc.routing import XY, YX, Entry, dimension_order
from golden.noc.waits import Waits

N, E, S, W, NODE = PortId
EVERYWHERE = {"x0": 0, "x1": 31, "y0": 0, "y1": 31, "routes": frozenset({XY, YX}), "outs": frozenset({N, E, S, W})}


def test_a_healthy_mesh_needs_no_entries():
    routes = compile_routes(MeshConfig(4, 3))
    assert not any(routes.tables.values()) and not routes.given_up
    for (source, to), known in routes.allowed.items():
        if to in routes.mesh.places:
            assert known == {route: dimension_order(source, to, route) for route in (XY, YX)}
    # Edge ports: west and east by YX, north and south by XY, on the own row or column by both.
    assert set(routes.allowed[(2, 2), (0, 3)]) == {YX} and set(routes.allowed[(2, 2), (3, 0)]) == {XY}
    assert set(routes.allowed[(2, 2), (5, 2)]) == {XY, YX}


def test_round_one_dead_node_by_hand():
    #  1,1  2,1  3,1
    #  1,2   X   3,2      from 1,2 to 3,2 neither order leads; all else has one that does
    #  1,3  2,3  3,3
    mesh = MeshConfig(3, 3, frozenset({(2, 2)}))
    routes = compile_routes(mesh)
    assert set(routes.allowed[(1, 1), (3, 3)]) == {XY, YX}
    assert set(routes.allowed[(1, 2), (3, 3)]) == {YX} and set(routes.allowed[(2, 1), (3, 2)]) == {XY}
    for source, to in (((1, 2), (3, 2)), ((3, 2), (1, 2)), ((2, 1), (2, 3)), ((2, 3), (2, 1))):
        [(route, first)] = routes.allowed[source, to].items()
        assert len(walk(routes, source, to, route, first)) == 4


@pytest.mark.parametrize("dead", [(x, y) for y in range(1, 5) for x in range(1, 5)], ids=str)
def test_any_one_dead_node(dead):
    routes = compile_routes(MeshConfig(4, 4, frozenset({dead})))
    assert max(map(len, routes.tables.values())) <= 4


@pytest.mark.parametrize("count", [2, 3])
def test_random_dead_nodes_and_links(count, rng):
    found = 0
    while found < 3:
        places = list(MeshConfig(5, 4).places)
        dead = frozenset(places[int(i)] for i in rng.choice(len(places), count, replace=False))
        x, y = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        try:
            mesh = MeshConfig(5, 4, dead, frozenset({frozenset({(x, y), (x + 1, y)})}))
        except ValueError:
            continue
        found += 1
        routes = compile_routes(mesh)  # which checks them
        assert max(map(len, routes.tables.values())) <= ENTRIES


def routes_with(table):
    routes = compile_routes(MeshConfig(3, 3))
    return replace(routes, tables=routes.tables | {(1, 1): table})


@pytest.mark.parametrize(
    "table, sentence",
    [
        ([Entry(**EVERYWHERE, port=NODE)], "ends at"),
        ([Entry(**EVERYWHERE, port=W)], "turns back|where nobody is|circles"),
        ([Entry(**EVERYWHERE, port=E), Entry(**EVERYWHERE, port=S)], "disagree"),
        ([Entry(**EVERYWHERE, port=E)] * 25, "25 entries, a router holds 24"),
    ],
)
def test_wrong_tables_are_refused(table, sentence):
    with pytest.raises(ValueError, match=sentence):
        check(routes_with(table))


@pytest.mark.parametrize("ports", [(S, E), (E, S)])
def test_entries_that_disagree_are_refused_whichever_is_right(ports):
    """To 3,1 behind the east port the way is on to the east, which is what the one or the other entry says."""
    table = [Entry(3, 3, 1, 1, frozenset({XY}), frozenset({E}), port) for port in ports]
    with pytest.raises(ValueError, match="entries of \\(1, 1\\) disagree about \\(3, 1\\) behind EAST"):
        check(routes_with(table))


def test_forks_of_a_square_by_hand():
    """One dimension first: a copy turns off it once, and never comes back to it."""
    by_hand = {
        XY: {((1, 1), E, (2, 1), S), ((2, 1), W, (1, 1), S), ((1, 2), E, (2, 2), N), ((2, 2), W, (1, 2), N)},
        YX: {((1, 1), S, (1, 2), E), ((1, 2), N, (1, 1), E), ((2, 1), S, (2, 2), W), ((2, 2), N, (2, 1), W)},
    }
    ways = Ways(compile_routes(MeshConfig(2, 2)))
    for route, turns in by_hand.items():
        told = {(4 * ways.grid.index[at] + out, 4 * ways.grid.index[to] + port) for at, out, to, port in turns}
        found = ways.forks(route)
        assert set(found) == told and len(found) == 4


def test_a_circle_of_channels_is_found():
    # Every packet to 2,2's diagonal neighbour turns right first: four turns round one square wait for each other.
    mesh = MeshConfig(2, 2)
    routes = compile_routes(mesh)
    allowed = dict(routes.allowed)
    for source, to, first in (((1, 1), (2, 2), E), ((2, 1), (1, 2), S), ((2, 2), (1, 1), W), ((1, 2), (2, 1), N)):
        allowed[source, to] = {XY: first}
    turns = {((1, 1), E, (2, 2), S), ((2, 1), S, (1, 2), W), ((2, 2), W, (1, 1), N), ((1, 2), N, (2, 1), E)}
    tables = {
        place: [
            Entry(to[0], to[0], to[1], to[1], frozenset({XY}), frozenset({out}), port) for at, out, to, port in turns if at == place
        ]
        for place in mesh.live
    }
    with pytest.raises(RouteError, match="channels of XY wait for each other in a circle"):
        check(Routes(mesh, tables, allowed))


def test_a_circle_that_forks_close_is_found(monkeypatch):
    """Links to and fro between two nodes, as if a multicast turned back."""
    east, west = 4 * 0 + E, 4 * 1 + W
    monkeypatch.setattr(Ways, "forks", lambda self, route: [(east, west), (west, east)] if route == XY else [])
    with pytest.raises(RouteError, match="channels of XY wait for each other in a circle: 1,1 EAST - 2,1 WEST - 1,1 EAST|2,1 WEST"):
        compile_routes(MeshConfig(2, 2))


def test_a_pair_without_a_route_is_found():
    routes = compile_routes(MeshConfig(2, 2))
    with pytest.raises(RouteError, match="no route leads from 1,1 to 2,2"):
        check(replace(routes, allowed={pair: known for pair, known in routes.allowed.items() if pair != ((1, 1), (2, 2))}))


def test_tables_that_do_not_fit_are_given_up_or_refused(monkeypatch):
    monkeypatch.setattr(compiler, "ENTRIES", 1)
    mesh = MeshConfig(4, 4, frozenset({(2, 1)}))
    with pytest.raises(RouteError, match="no tables of 1 entries lead round what is dead: the router at"):
        compile_routes(mesh)
    routes = compile_routes(mesh, give_up=3)
    assert routes.given_up and routes.mesh.dead == {(2, 1), *routes.given_up}


def test_no_router_is_given_up_that_would_cut_the_mesh(monkeypatch):
    monkeypatch.setattr(compiler, "_compile", lambda mesh, given_up: [(2, 1)])
    with pytest.raises(RouteError, match="giving up the router at 2,1 is no way out: it would cut the mesh"):
        compile_routes(MeshConfig(3, 1), give_up=1)


def test_only_routers_are_to_blame(monkeypatch):
    """Of a node and an edge port without a way; the first edge port has the index behind the last node's."""

    class Never:
        def __init__(self, mesh, grid, orders, model):
            self.grid = grid

        def join(self):
            return self.grid.index[2, 2], self.grid.index[1, 0]

    monkeypatch.setattr(compiler, "Joiner", Never)
    mesh = MeshConfig(2, 2)
    assert [mesh.live[-1], mesh.edges[0]] == [(2, 2), (1, 0)]
    assert compiler._compile(mesh, ()) == [(2, 2)]


def test_closing_a_circle_is_refused_and_leaves_nothing():
    waits = Waits(4, [(0, 1), (1, 2)])
    assert waits.closes(2, 0) and not waits.closes(0, 2)
    assert waits.add([(2, 3), (3, 0)]) == (3, 0)
    assert waits.after == [{1}, {2}, set(), set()] and not waits.closes(3, 0)
    assert waits.add([(2, 3)]) is None and waits.closes(3, 0)


def test_the_check_sees_what_the_rules_say(rng):
    """Every way of a compiled mesh, one look-up after another, is what the check's arrays say."""
    mesh = MeshConfig(6, 5, frozenset({(2, 2), (4, 4), (5, 2)}))
    routes = compile_routes(mesh)
    ways = check(routes)
    used = {XY: set(), YX: set()}
    for (source, to), known in routes.allowed.items():
        for route, first in known.items():
            path = walk(routes, source, to, route, first)
            assert len(path) == ways.hops[route, ways.grid.index[source], ways.grid.index[to]]
            numbers = [4 * ways.grid.index[place] + port for place, port in path]
            used[route] |= set(zip(numbers, numbers[1:], strict=False))
    for route, pairs in used.items():
        assert {(int(u), int(v)) for u, v in ways.waits(route)} == pairs


def test_six_dead_on_the_whole_chip(rng):
    """The case of a wafer's chip, its dead nodes anywhere."""
    mesh = None
    while mesh is None:
        places = list(MeshConfig(18, 20).places)
        try:
            mesh = MeshConfig(18, 20, frozenset(places[int(i)] for i in rng.choice(len(places), 6, replace=False)))
        except ValueError:
            continue
    assert not compile_routes(mesh).given_up
