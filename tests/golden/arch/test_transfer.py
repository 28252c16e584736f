"""Transfers: fields worked by hand, packets of a block, and what is none."""

from dataclasses import replace

import pytest

from golden.arch.global_address import global_address
from golden.arch.transfer import MEANINGS, TRANSFER, Piece, Transfer

HERE, THERE = (1, 1), (2, 1)
BLOCK = Transfer(0x1030, global_address(THERE, 0x2020), 2, 48, 0x100, 0x200)


def test_fields_worked_by_hand():
    image = BLOCK.pack()
    words = [int.from_bytes(image[8 * i : 8 * i + 8], "little") for i in range(8)]
    # remote: 0x2020 + 2 * 2^35 + 1 * 2^40; rows 2 below 48 = 0x30; pitches 0x100 below 0x200
    assert words == [0x1030, 0x11000002020, 0x30_00000002, 0x200_00000100, 0, 0, 0, 0]
    assert Transfer.unpack(image) == BLOCK
    assert replace(BLOCK, read=1).pack()[32] == 1
    assert {field.name for field in TRANSFER} == set(MEANINGS)


def test_a_row_is_cut_at_the_lines_of_both_sides():
    # First row: here 2 words to the line's end at 0x1040, there 4 words to 0x2040, of 6.
    assert list(BLOCK.pieces()) == [
        Piece(0x1030, 0x2020, 2),
        Piece(0x1040, 0x2030, 2),
        Piece(0x1050, 0x2040, 2),
        Piece(0x1130, 0x2220, 2),
        Piece(0x1140, 0x2230, 2),
        Piece(0x1150, 0x2240, 2),
    ]
    lines = list(Transfer(0x1000, global_address(THERE, 0x40), 1, 4096).pieces())
    assert len(lines) == 64 and lines[-1] == Piece(0x1FC0, 0x1000, 8)


@pytest.mark.parametrize(
    "wrong",
    [
        {"local": 0x1034},
        {"remote": global_address(THERE, 0x2024)},
        {"remote": global_address(HERE, 0x2020)},
        {"remote": BLOCK.remote | 1 << 52},
        {"remote": global_address(THERE, (1 << 35) - 0x200)},
        {"rows": 0},
        {"row_bytes": 0},
        {"row_bytes": 44},
        {"local_pitch": 4},
        {"remote_pitch": 4},
        {"local": 0x20000 - 0x128},
        {"read": 2},
        {"reserved": 1},
    ],
    ids=str,
)
def test_what_is_no_transfer(wrong):
    assert BLOCK.stands(0x20000, HERE)
    assert not replace(BLOCK, **wrong).stands(0x20000, HERE)
    assert Transfer(0x20000 - 0x130, BLOCK.remote, 2, 48, 0x100, 0x200).stands(0x20000, HERE)
