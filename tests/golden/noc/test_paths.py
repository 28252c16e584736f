"""Ways round what is dead, found by trees and by the search alone: as short as a person finds them, and accepted by the check."""

import pytest

from golden.arch.mesh import MeshConfig
from golden.noc.paths import Joiner
from golden.noc.route_check import check
from golden.noc.routes import RouteError, compile_routes

DEAD = (2, 2)


def between(source, to, dead):
    """Whether a place lies on the straight line from one place to another."""
    inside = all(min(a, b) <= c <= max(a, b) for a, b, c in zip(source, to, dead, strict=True))
    return inside and (source[0] == to[0] or source[1] == to[1])


@pytest.mark.parametrize("search", [False, True])
def test_a_way_round_one_dead_node_is_two_hops_longer(search, monkeypatch):
    """Only where the dead one lies between the two in a row or column; everybody else has a way of dimension order, or as long as it."""
    if search:
        monkeypatch.setattr(Joiner, "_tree", lambda *_: {})
    mesh = MeshConfig(5, 4, frozenset({DEAD}))
    ways = check(compile_routes(mesh))
    longer = 0
    for source in mesh.live:
        for to in mesh.live:
            hops = [int(ways.hops[route, ways.grid.index[source], ways.grid.index[to]]) for route in (0, 1)]
            straight = abs(source[0] - to[0]) + abs(source[1] - to[1])
            if source != to:
                assert min(count for count in hops if count >= 0) == straight + 2 * between(source, to, DEAD), (source, to)
                longer += between(source, to, DEAD)
    assert longer == 2 * (1 * 3) + 2 * (1 * 2)


@pytest.mark.parametrize("dead", [[(3, 3), (2, 2)], [(4, 3), (2, 2), (3, 4)], [(2, 1), (3, 3), (5, 2)]], ids=str)
def test_the_search_alone_serves_everybody(dead, monkeypatch):
    mesh = MeshConfig(5, 4, frozenset(dead))
    trees = check(compile_routes(mesh))
    monkeypatch.setattr(Joiner, "_tree", lambda *_: {})
    alone = check(compile_routes(mesh))
    assert ((alone.hops >= 0).any(axis=0) == (trees.hops >= 0).any(axis=0)).all()


def test_without_trees_and_search_there_are_no_tables(monkeypatch):
    monkeypatch.setattr(Joiner, "_tree", lambda *_: {})
    monkeypatch.setattr(Joiner, "_search", lambda *_: None)
    with pytest.raises(RouteError, match="lead round what is dead"):
        compile_routes(MeshConfig(3, 3, frozenset({DEAD})))
