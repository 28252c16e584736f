"""Packet headers worked by hand, parities, fields that do not fit."""

import pytest

from golden.arch import packet
from golden.arch.memmap import Fault
from golden.arch.packet import BODY, CONTROL, HEADER, DebugOp, Kind, Packet, PortId
from tests.golden.vectors import read


@pytest.mark.parametrize(("control", "control_word", "header", "header_word", "why"), read.rows("packets.txt"))
def test_hand_made_headers(control, control_word, header, header_word, why):
    control_fields, header_fields = read.fields(control), read.fields(header)
    assert CONTROL.pack(control_fields) == int(control_word, 16) and why
    parity = packet.header_parity(int(control_word, 16), HEADER.pack(header_fields))
    assert HEADER.pack({**header_fields, "parity": parity}) == int(header_word, 16)
    unpacked = HEADER.unpack(int(header_word, 16))
    assert {name: value for name, value in unpacked.items() if value and name != "parity"} == header_fields


@pytest.mark.parametrize(("control", "control_word", "header", "header_word", "why"), read.rows("packets.txt"))
def test_hand_made_packets(control, control_word, header, header_word, why):
    """The record of the same headers, with a payload whose words hold their own number (parities worked out below)."""
    route, rest = read.fields(control), read.fields(header)
    payload = packet.payload_of(range(8))
    item = Packet(
        rest.pop("kind"),
        (route["x"], route["y"]),
        (rest.pop("source_x", 0), rest.pop("source_y", 0)),
        route["valid"].bit_length() - 1,
        outs=frozenset({PortId(route["out"].bit_length() - 1)}),
        payload=payload,
        **rest,
    )
    body = int(header_word, 16) | payload << 77 | 0b10010110 << 77 + 512
    assert item.encode() == (int(control_word, 16), body) and why
    assert Packet.decode(int(control_word, 16), body) == item


def test_widths():
    assert (packet.CONTROL_BITS, packet.HEADER_BITS) == (29, 77)
    assert BODY.width == 77 + 512 + 8


def test_every_bit_but_out_is_under_a_parity():
    control, header = CONTROL.pack({"valid": 1, "x": 1}), HEADER.pack({"kind": 1})
    word = packet.header_parity(control, header)
    for field in CONTROL:
        for bit in range(field.lo, field.lo + field.width):
            assert packet.header_parity(control ^ 1 << bit, header) == word ^ (field.name != "out"), field.name
    for field in HEADER:
        for bit in range(field.lo, field.lo + field.width):
            assert packet.header_parity(control, header ^ 1 << bit) == word ^ 2 * (field.name != "parity"), field.name


def test_payload_parity_by_hand():
    """Words 0 to 7 hold their own number: ones 0 1 1 2 1 2 2 3, odd for 1, 2, 4, 7: 0b10010110."""
    assert packet.payload_parity(sum(i << 64 * i for i in range(8))) == 0b10010110
    assert packet.payload_parity(0) == 0 and packet.payload_parity(1 << 511) == 0x80
    assert packet.payload_parity((1 << 512) - 1) == 0


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"length": 64}, "packet field length = 64 does not fit: 0 to 63"),
        ({"tag": -1}, "packet field tag = -1 does not fit: 0 to 255"),
        ({"sequence": 256}, "packet field sequence = 256 does not fit: 0 to 255"),
        ({"address": 1 << 35}, f"packet field address = {1 << 35} does not fit: 0 to {(1 << 35) - 1}"),
        ({"destination": (32, 0)}, "packet field x = 32 does not fit: 0 to 31"),
        ({"source": (0, 33)}, "packet field source_y = 33 does not fit: 0 to 31"),
        ({"far": (1, 99)}, "packet field far_y = 99 does not fit: 0 to 31"),
        ({"channel": 4}, "packet field channel = 4 does not fit: 0 to 3"),
        ({"kind": 32}, "packet field kind = 32 does not fit: 0 to 31"),
        ({"flags": 8}, "packet field flags = 8 does not fit: 0 to 7"),
        ({"payload": -1}, "packet field payload = -1 does not fit: 0 to "),
    ],
)
def test_what_does_not_fit_is_refused(fields, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Packet(**{"kind": Kind.READ, "destination": (1, 1), "source": (0, 1)} | fields).encode()


def test_a_control_word_is_for_one_channel_and_one_output():
    control, body = Packet(Kind.READ, (1, 1), (0, 1)).encode()
    for wrong in (control | 2, control ^ 1, control | 1 << 4):
        with pytest.raises(ValueError, match="a control word for channels 0b00[01][01] and outputs 0b1000[01]: each is one"):
            Packet.decode(wrong, body)


@pytest.mark.parametrize("outs", [set(), {PortId.NORTH, PortId.EAST}])
def test_one_place_is_reached_by_one_port(outs):
    with pytest.raises(ValueError, match=f"a packet to 1,1 leaves its first router by {len(outs)} ports"):
        Packet(Kind.READ, (1, 1), (0, 1), outs=frozenset(outs)).encode()
    both = Packet(Kind.WRITE, (1, 1), (0, 1), far=(2, 1), flags=packet.FLAG_MULTICAST, outs=frozenset({PortId.NORTH, PortId.EAST}))
    assert CONTROL.unpack(both.encode()[0])["out"] == 0b00011


def test_a_packet_is_intact_without_a_wrong_parity():
    for header, payload in ((False, False), (False, True), (True, False), (True, True)):
        item = Packet(Kind.READ, (1, 1), (0, 1), wrong_header=header, wrong_payload=payload)
        assert item.intact is (not header and not payload)


def test_a_multicast_has_a_far_corner():
    item = Packet(Kind.WRITE, (2, 3), (0, 1), far=(5, 7), flags=packet.FLAG_MULTICAST)
    control, body = item.encode()
    assert CONTROL.unpack(control) | {"valid": 0, "out": 0} == {"valid": 0, "out": 0, "x": 2, "y": 3, "far_x": 5, "far_y": 7}
    assert Packet.decode(control, body) == item


def test_an_answer_goes_back():
    asked = Packet(Kind.READ, (3, 2), (0, 1), 1, address=0x40, length=8, tag=9, sequence=0x85, flags=1, payload=7)
    assert asked.answer(Kind.ACK, 5) == Packet(Kind.ACK, (0, 1), (3, 2), 3, tag=9, sequence=0x85, payload=5)
    assert asked.error(Fault.RANGE) == asked.answer(Kind.ERROR, 3 | 0x40 << 64)
    assert (asked.responds, asked.notifies, asked.data[:2]) == (True, True, b"\x07\0")


def test_codes():
    """Numbers that stand in hardware and hosts: changing one is changing the machine."""
    assert {k.name: int(k) for k in Kind} == {
        "WRITE": 1, "READ": 2, "RAISE": 3, "START": 4, "DEBUG": 5, "BOOT": 6,
        "READ_DATA": 16, "ACK": 17, "ERROR": 18, "HALTED": 19, "STATUS": 20,
    }
    assert [p.name for p in PortId] == ["NORTH", "EAST", "SOUTH", "WEST", "NODE"]
    assert [d.name for d in DebugOp] == ["HALT", "RESUME", "STEP", "BREAK_SET", "BREAK_CLEAR", "INJECT", "JUMP", "STATUS", "FLUSH"]
    assert (packet.FLAG_RESPONSE, packet.FLAG_FIXED, packet.FLAG_MULTICAST, packet.SEQUENCE_NOTIFY) == (1, 2, 4, 128)
