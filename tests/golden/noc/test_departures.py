"""What nodes are told of dead nodes for their own packets: by hand, and every way of it allowed."""

from dataclasses import replace

import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import PortId
from golden.noc import departures as compiler
from golden.noc.departures import Departure, set_out
from golden.noc.grid import Grid
from golden.noc.route_check import absent, astray, check_departures
from golden.noc.routes import RouteError, check, compile_routes, detours
from golden.noc.routing import XY, YX, Entry
from golden.noc.waits import Waits

N, E, S, W, NODE = PortId
MESH = MeshConfig(3, 3, frozenset({(2, 2)}))


def test_round_one_dead_node_by_hand():
    #  1,1  2,1  3,1
    #  1,2   X   3,2      from 1,2 neither order leads to 3,2; XY leads to no place of column 3 and YX to all others of it
    #  1,3  2,3  3,3
    table = detours(MESH).departures[1, 2]
    for y in (1, 3):
        assert set_out((1, 2), (3, y), XY, table, MESH) == (YX, N if y == 1 else S)
    assert set_out((1, 2), (3, 2), XY, table, MESH)[1] in (N, S)
    assert set_out((1, 2), (1, 3), XY, table, MESH) == (XY, S) and set_out((1, 2), (1, 3), YX, table, MESH) == (YX, S)
    # To edge ports: their own order whatever is asked.
    assert set_out((1, 1), (0, 3), XY, [], MESH) == (YX, S) and set_out((1, 1), (3, 4), YX, [], MESH) == (XY, E)


def test_a_mesh_without_dead_nodes_needs_nothing():
    assert detours(MeshConfig(3, 3)) is None


@pytest.mark.parametrize("free", [False, True])
def test_every_way_is_allowed(free, monkeypatch, rng):
    """Also where entries take packets whose route is free, so that fewer are needed."""
    mesh = None
    while mesh is None:
        dead = frozenset((int(rng.integers(1, 8)), int(rng.integers(1, 7))) for _ in range(4))
        try:
            mesh = MeshConfig(7, 6, dead)
        except ValueError:
            continue
    tables = {}
    for most in (100, 0):
        monkeypatch.setattr(compiler, "DEPARTURES", most)
        routes = compile_routes(mesh)
        tables[most] = compiler.departures(mesh, routes.allowed)
        check_departures(replace(routes, departures=tables[most]))
    assert sum(map(len, tables[0].values())) <= sum(map(len, tables[100].values()))


def test_entries_take_what_is_free_only_where_they_would_not_fit(monkeypatch):
    """Seven and nine entries of two nodes are one less when they may take packets whose route is free; all others have no use for it."""
    mesh = MeshConfig(5, 4, frozenset({(2, 2), (4, 3)}))
    allowed = compile_routes(mesh).allowed

    def counts(most):
        monkeypatch.setattr(compiler, "DEPARTURES", most)
        found = compiler.departures(mesh, allowed)
        return len(found[1, 3]), len(found[1, 4])

    assert [counts(most) for most in (9, 8, 7, 6)] == [(7, 9), (7, 8), (7, 8), (6, 8)]


def test_a_way_that_leads_nowhere_is_found():
    routes = detours(MESH)
    wrong = routes.departures | {(1, 2): [Departure(3, 3, 2, 2, XY, None)]}
    with pytest.raises(RouteError, match="the node 1,2 sends to 2,1 by a way that leads nowhere"):
        check_departures(replace(routes, departures=wrong))
    with pytest.raises(RouteError, match="has 49 exceptions for its own packets, it holds 48"):
        check_departures(replace(routes, departures={(1, 2): routes.departures[1, 2][:1] * 49}))


@pytest.mark.parametrize("port", [W, N, NODE])
def test_packets_to_a_dead_node_come_to_an_end(port):
    """An entry that nobody's packets use sends those to the dead node back, round and round, or to a node that is not theirs."""
    routes = compile_routes(MESH)
    grid = Grid(MESH)
    waits = [Waits(4 * grid.nodes, []), Waits(4 * grid.nodes, [])]
    assert (2, 2) in absent(grid, MESH) and not astray(grid, MESH, routes.tables, waits)
    everywhere = [
        Entry(2, 2, 2, 2, frozenset({XY, YX}), frozenset({out}), after)
        for out, after in (zip((N, E, S, W), (E, S, W, N), strict=True) if port == N else [(out, port) for out in (N, E, S, W)])
    ]
    wrong = {place: [*table, *everywhere] for place, table in routes.tables.items()}
    with pytest.raises(RouteError, match="packets to 2,2, where nobody is, never come to an end"):
        check(replace(routes, tables=wrong))
