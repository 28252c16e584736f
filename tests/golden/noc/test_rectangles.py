"""Rectangles cover what is wanted, nothing else that is wanted, and as few as a person would draw."""

import numpy as np
import pytest

from golden.arch.packet import PortId
from golden.noc.rectangles import ANY_PORT, Wanted, cover

N, E, S = PortId.NORTH, PortId.EAST, PortId.SOUTH


def wanted(*rows):
    """Of (x, y, port, exception, route, output), the latter ones north, true, XY and east unless given."""
    port, exception = np.full((2, 4, 8, 8), ANY_PORT, np.int8), np.zeros((2, 4, 8, 8), bool)
    for row in rows:
        x, y, onward, unlike, route, out = (*row, *(N, True, 0, E)[len(row) - 2 :])
        port[route, out, x, y], exception[route, out, x, y] = onward, unlike
    return Wanted(port, exception)


def test_a_block_is_one_entry():
    [entry] = cover(wanted(*((x, y) for x in (3, 4, 5) for y in (1, 2))))
    assert (entry.x0, entry.x1, entry.y0, entry.y1, entry.port) == (3, 5, 1, 2, N)


def test_what_nobody_wants_may_be_covered():
    assert len(cover(wanted((1, 1), (4, 1), (2, 7)))) == 1


def test_what_others_want_is_not():
    entries = cover(wanted((1, 1), (2, 1, S, False), (3, 1)))
    assert len(entries) == 2 and not any(entry.matches((2, 1), 0, E) for entry in entries)


def test_both_routes_and_several_outputs_share_an_entry():
    assert len(cover(wanted(*((x, 1, N, True, route, out) for x in (1, 2) for route in (0, 1) for out in (E, S))))) == 1


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_random_wants_get_their_ports(share, rng):
    for _ in range(10):
        rows = []
        for x in range(1, 7):
            for y in range(1, 7):
                for route in (0, 1):
                    port, out = PortId(int(rng.integers(0, 3))), PortId(int(rng.integers(0, 4)))
                    rows.append((x, y, port, bool(rng.random() < share), route, out))
        entries = cover(wanted(*rows))
        assert len(entries) <= sum(row[3] for row in rows)
        for x, y, port, exception, route, out in rows:
            ports = {entry.port for entry in entries if entry.matches((x, y), route, out)}
            assert ports == {port} or (not exception and not ports), (x, y, route)
