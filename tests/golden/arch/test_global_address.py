"""Global addresses: values worked by hand, and which of them a node refuses before anything is sent."""

import pytest

from golden.arch.global_address import (
    CAST,
    GLOBAL,
    MEANINGS,
    PLACE,
    corners,
    global_address,
    place_of,
    refused_cast,
    refused_global,
    refused_local,
    refused_place,
)
from golden.arch.memmap import Csr, Fault
from tests.golden.vectors.read import fields, rows

HERE = (2, 1)


@pytest.mark.parametrize("row", rows("global_addresses.txt"), ids=lambda row: row[1])
def test_values_worked_by_hand(row):
    wanted = fields(row[0])
    assert CAST.pack(wanted) == int(row[1], 16)
    assert CAST.unpack(int(row[1], 16)) == dict.fromkeys(MEANINGS, 0) | wanted
    if "far_x" in wanted:
        assert corners(int(row[1], 16)) == ((wanted["x"], wanted["y"]), (wanted["far_x"], wanted["far_y"]))
        return
    assert GLOBAL.pack(wanted) == int(row[1], 16)
    place = wanted["x"], wanted["y"]
    assert place_of(int(row[1], 16)) == place
    if wanted.get("notify", 0) == ("semaphore" in wanted):
        assert global_address(place, wanted["address"], wanted.get("semaphore")) == int(row[1], 16)


def test_a_place_is_what_the_control_register_shows():
    assert "y << 5 | x" in Csr.NODE.meaning and PLACE.pack({"x": 3, "y": 1}) == 1 << 5 | 3


@pytest.mark.parametrize(
    ("address", "words", "cause"),
    [
        (0x1000, 8, None),
        (0x1038, 1, None),
        (0x1FFF8, 1, None),
        (0x1004, 1, Fault.MISALIGNED),
        (0x1008, 8, Fault.RANGE),  # past the line
        (0x1000, 0, Fault.RANGE),
        (0x1000, 9, Fault.RANGE),
        (0x20000, 1, Fault.RANGE),
        (0x20004, 1, Fault.MISALIGNED),
        (1 << 40, 1, Fault.RANGE),
    ],
)
def test_what_a_node_refuses_of_its_own_memory(address, words, cause):
    assert refused_local(address, words, 0x20000) is cause


@pytest.mark.parametrize(
    ("value", "words", "cause"),
    [
        (global_address((1, 1), 0x40), 8, None),
        (global_address((0, 1), (1 << 35) - 64, 63), 8, None),  # memory behind an edge port
        (global_address(HERE, 0x40), 1, Fault.RANGE),
        (global_address((1, 1), 0x40) | 1 << 52, 1, Fault.RANGE),
        (global_address((1, 1), 0x44), 1, Fault.MISALIGNED),
        (global_address((1, 1), 0x48), 8, Fault.RANGE),
    ],
)
def test_what_a_node_refuses_of_another_place(value, words, cause):
    assert refused_global(value, words, HERE) is cause


def test_a_raise_needs_only_a_place():
    assert refused_place(global_address((1, 1), 3), HERE) is None
    assert refused_place(global_address(HERE, 0), HERE) is Fault.RANGE


def test_a_multicast_to_one_row_or_one_column_or_one_node_is_none_that_is_refused():
    def cast(x, y, far_x, far_y):
        return CAST.pack(dict.fromkeys(MEANINGS, 0) | {"x": x, "y": y, "far_x": far_x, "far_y": far_y})

    for far in ((3, 4), (3, 7), (6, 4)):
        assert refused_cast(cast(3, 4, *far), 8) is None
    for far in ((2, 4), (3, 3), (2, 7), (6, 3)):
        assert refused_cast(cast(3, 4, *far), 8) is Fault.RANGE
