"""Rectangles cover what is wanted, nothing else that is wanted, and as few as a person would draw."""

import pytest

from golden.arch.packet import PortId
from golden.noc.rectangles import Wanted, cover

N, E, S = PortId.NORTH, PortId.EAST, PortId.SOUTH


def wanted(x, y, port=N, exception=True, route=0, out=E):
    return Wanted((x, y), route, out, port, exception)


def test_a_block_is_one_entry():
    [entry] = cover([wanted(x, y) for x in (3, 4, 5) for y in (1, 2)])
    assert (entry.x0, entry.x1, entry.y0, entry.y1, entry.port) == (3, 5, 1, 2, N)


def test_what_nobody_wants_may_be_covered():
    assert len(cover([wanted(1, 1), wanted(4, 1), wanted(2, 7)])) == 1


def test_what_others_want_is_not():
    entries = cover([wanted(1, 1), wanted(2, 1, S, False), wanted(3, 1)])
    assert len(entries) == 2 and not any(entry.matches((2, 1), 0, E) for entry in entries)


def test_both_routes_and_several_outputs_share_an_entry():
    assert len(cover([wanted(x, 1, route=route, out=out) for x in (1, 2) for route in (0, 1) for out in (E, S)])) == 1


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_random_wants_get_their_ports(share, rng):
    for _ in range(10):
        wants = []
        for x in range(1, 7):
            for y in range(1, 7):
                for route in (0, 1):
                    port = PortId(int(rng.integers(0, 3)))
                    wants.append(Wanted((x, y), route, PortId(int(rng.integers(0, 4))), port, bool(rng.random() < share)))
        entries = cover(wants)
        assert len(entries) <= sum(want.exception for want in wants)
        for want in wants:
            ports = {entry.port for entry in entries if entry.matches(want.to, want.route, want.out)}
            assert ports == {want.port} or (not want.exception and not ports), want
