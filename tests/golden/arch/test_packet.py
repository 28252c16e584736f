"""Packet headers worked by hand, parities, fields that do not fit."""

import pytest

from golden.arch import packet
from golden.arch.memmap import Fault
from golden.arch.packet import CONTROL_FIELDS, HEADER_FIELDS, DebugOp, Kind, PortId
from tests.golden.vectors import read


@pytest.mark.parametrize(("control", "control_word", "header", "header_word", "why"), read.rows("packets.txt"))
def test_hand_made_headers(control, control_word, header, header_word, why):
    control_fields, header_fields = read.fields(control), read.fields(header)
    assert packet.pack(CONTROL_FIELDS, **control_fields) == int(control_word, 16) and why
    parity = packet.header_parity(control_fields, header_fields)
    assert packet.pack(HEADER_FIELDS, **header_fields, parity=parity) == int(header_word, 16)
    unpacked = packet.unpack(HEADER_FIELDS, int(header_word, 16))
    assert {name: value for name, value in unpacked.items() if value and name != "parity"} == header_fields


def test_widths():
    assert (packet.CONTROL_BITS, packet.HEADER_BITS) == (29, 77)
    assert sum(width for _, width in packet.BODY_FIELDS) == 77 + 512 + 8


def test_every_bit_but_out_is_under_a_parity():
    control, header = {"valid": 1, "x": 1}, {"kind": 1}
    word = packet.header_parity(control, header)
    for fields, given, other in ((CONTROL_FIELDS, control, header), (HEADER_FIELDS, header, control)):
        packed = packet.pack(fields, **given)
        lo = 0
        for name, width in fields:
            for bit in range(lo, lo + width):
                flipped = packet.unpack(fields, packed ^ 1 << bit)
                pair = (flipped, other) if fields is CONTROL_FIELDS else (other, flipped)
                expected = word if name in ("out", "parity") else word ^ (1 if fields is CONTROL_FIELDS else 2)
                assert packet.header_parity(*pair) == expected, name
            lo += width


def test_payload_parity_by_hand():
    """Words 0 to 7 hold their own number: ones 0 1 1 2 1 2 2 3, odd for 1, 2, 4, 7: 0b10010110."""
    assert packet.payload_parity(sum(i << 64 * i for i in range(8))) == 0b10010110
    assert packet.payload_parity(0) == 0 and packet.payload_parity(1 << 511) == 0x80
    assert packet.payload_parity((1 << 512) - 1) == 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="packet field length = 0x40 does not fit 6 bits"):
        packet.pack(HEADER_FIELDS, length=64)
    with pytest.raises(ValueError, match="packet field tag = -0x1 does not fit 8 bits"):
        packet.pack(HEADER_FIELDS, tag=-1)
    with pytest.raises(ValueError, match="packet has no field colour"):
        packet.pack(CONTROL_FIELDS, colour=1)


def test_codes():
    """Numbers that stand in hardware and hosts: changing one is changing the machine."""
    assert {k.name: int(k) for k in Kind} == {
        "WRITE": 1, "READ": 2, "RAISE": 3, "START": 4, "DEBUG": 5, "BOOT": 6,
        "READ_DATA": 16, "ACK": 17, "ERROR": 18, "HALTED": 19, "STATUS": 20,
    }
    assert [p.name for p in PortId] == ["NORTH", "EAST", "SOUTH", "WEST", "NODE"]
    assert [d.name for d in DebugOp] == ["HALT", "RESUME", "STEP", "BREAK_SET", "BREAK_CLEAR", "INJECT", "JUMP", "STATUS", "FLUSH"]
    assert (packet.FLAG_RESPONSE, packet.FLAG_FIXED, packet.FLAG_MULTICAST, packet.SEQUENCE_NOTIFY) == (1, 2, 4, 128)


SRAM = 0x20000
CONTROL = 0x1F0000


@pytest.mark.parametrize(
    ("fields", "payload", "cause"),
    [
        ({"kind": 1, "address": 0x1038, "length": 1}, 0, None),
        ({"kind": 1, "address": 0x1038, "length": 2}, 0, Fault.RANGE),
        ({"kind": 2, "address": 0x1000, "length": 9}, 0, Fault.RANGE),
        ({"kind": 2, "address": 0x1FFC0, "length": 8}, 0, None),
        ({"kind": 2, "address": 0x20000, "length": 8}, 0, Fault.RANGE),
        ({"kind": 2, "address": 0x1004, "length": 1}, 0, Fault.MISALIGNED),
        ({"kind": 1, "address": 0x1000}, 0, Fault.RANGE),
        ({"kind": 1, "address": 0x1000, "length": 1, "tag": 64}, 0, None),
        ({"kind": 1, "address": 0x1000, "length": 1, "tag": 64, "sequence": 0x80}, 0, Fault.RANGE),
        # Control lines 0, 4 to 7, 8 to 11 (25 counters), and no others.
        *(({"kind": 2, "address": CONTROL + 64 * line, "length": 8}, 0, None) for line in (0, 4, 7, 8, 11)),
        *(({"kind": 2, "address": CONTROL + 64 * line, "length": 8}, 0, Fault.RANGE) for line in (1, 3, 12, 1023)),
        ({"kind": 1, "address": CONTROL, "length": 8}, 0, Fault.RANGE),
        ({"kind": 3, "address": 0xFFFF, "tag": 63}, 0, None),
        ({"kind": 3, "address": 0x10000}, 0, Fault.RANGE),
        ({"kind": 3, "address": 1, "tag": 64}, 0, Fault.RANGE),
        ({"kind": 4, "address": 0x1FFFC, "length": 3}, 0, None),
        ({"kind": 4, "address": 0x1FFFE, "length": 3}, 0, Fault.MISALIGNED),
        ({"kind": 4, "address": 0x20000, "length": 3}, 0, Fault.RANGE),
        ({"kind": 4, "address": 0x100, "length": 4}, 0, Fault.RANGE),
        ({"kind": 5, "address": 8, "length": 3}, 0, None),
        ({"kind": 5, "address": 9}, 0, Fault.ILLEGAL),
        ({"kind": 5, "address": 0, "length": 4}, 0, Fault.RANGE),
        ({"kind": 5, "address": 3}, 0x102, Fault.MISALIGNED),
        ({"kind": 5, "address": 6}, 0x20000, Fault.RANGE),
        ({"kind": 5, "address": 6}, 1 << 64 | 0x1FFFC, None),
        ({"kind": 5, "address": 5}, 0x20001, None),
        ({"kind": 6}, 0, None),
        ({"kind": 7}, 0, Fault.ILLEGAL),
    ],
)
def test_refusals_by_hand(fields, payload, cause):
    header = dict.fromkeys((name for name, _ in HEADER_FIELDS), 0) | fields
    assert packet.refusal(header, payload, SRAM) == cause
    elsewhere = None if fields["kind"] == Kind.BOOT else Fault.RANGE
    assert packet.refusal(header, payload, SRAM, here=False) == elsewhere
