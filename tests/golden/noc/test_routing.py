"""Decisions worked out by hand."""

import pytest

from golden.arch.packet import PortId
from golden.arch.route_table import ENTRY
from golden.noc.routing import XY, YX, Entry, dimension_order, look_ahead, onward

N, E, S, W, NODE = PortId


@pytest.mark.parametrize(
    "at, to, xy, yx",
    [
        ((3, 3), (5, 1), E, N),
        ((3, 3), (5, 5), E, S),
        ((3, 3), (1, 1), W, N),
        ((3, 3), (1, 5), W, S),
        ((3, 3), (3, 1), N, N),
        ((3, 3), (3, 9), S, S),
        ((3, 3), (1, 3), W, W),
        ((3, 3), (9, 3), E, E),
        ((3, 3), (3, 3), NODE, NODE),
        ((1, 4), (0, 4), W, W),  # west edge
        ((1, 2), (0, 4), W, S),  # YX alone reaches it
    ],
)
def test_dimension_order(at, to, xy, yx):
    assert (dimension_order(at, to, XY), dimension_order(at, to, YX)) == (xy, yx)


def test_looking_ahead_decides_for_the_next_router():
    # From 2,2 east to 3,2: a packet to 3,5 has its column there.
    assert look_ahead((2, 2), E, (3, 5), XY, []) == S
    assert look_ahead((2, 2), E, (4, 5), XY, []) == E
    assert look_ahead((2, 2), E, (3, 2), YX, []) == NODE
    assert look_ahead((2, 2), NODE, (2, 2), XY, []) == NODE


def test_an_exception_holds_in_its_rectangle_on_its_routes_behind_its_outputs():
    table = [Entry(3, 5, 4, 6, frozenset({XY}), frozenset({E, S}), N)]
    assert look_ahead((2, 2), E, (3, 4), XY, table) == N and look_ahead((2, 2), S, (5, 6), XY, table) == N
    for out, to, route in ((E, (2, 4), XY), (E, (6, 4), XY), (E, (3, 3), XY), (E, (3, 7), XY), (E, (3, 4), YX), (N, (3, 4), XY)):
        assert look_ahead((2, 2), out, to, route, table) == look_ahead((2, 2), out, to, route, [])


def test_a_boot_packet_leaves_by_the_node_whatever_a_table_says():
    table = [Entry(0, 31, 0, 31, frozenset({XY, YX}), frozenset({N, E, S, W}), E)]
    for out in (N, E, S, W, NODE):
        assert onward((2, 2), out, (31, 31), (31, 31), XY, table) == {NODE}
    assert onward((2, 2), E, (31, 30), (31, 30), XY, table) == {E}


def test_entries_that_disagree_are_refused():
    both = [Entry(1, 5, 1, 5, frozenset({XY}), frozenset({E}), port) for port in (N, S)]
    with pytest.raises(ValueError, match=r"entries of \(2, 2\) disagree about \(4, 4\) behind EAST: NORTH, SOUTH"):
        look_ahead((2, 2), E, (4, 4), XY, both)


def test_the_fields_of_an_entry_by_hand():
    fields = Entry(3, 5, 4, 6, frozenset({YX}), frozenset({E, W}), S).fields()
    assert fields == {"x0": 3, "x1": 5, "y0": 4, "y1": 6, "routes": 0b10, "outs": 0b1010, "next": 0b00100}
    # 3 + 5*32 + 4*2^10 + 6*2^15 + 2*2^20 + 10*2^22 + 4*2^26
    assert ENTRY.pack(fields) == 3 + 160 + 4096 + 196608 + 2097152 + 41943040 + 268435456
