"""Packets to wires and back, and the LinkMonitor's rules, cycle by cycle, without a simulator."""

import pytest

from golden.arch.packet import CREDITS, Kind
from tb.link import PARITY_PLACES, LinkMonitor, Packet, decode, encode

ITEM = Packet(1, 3, 7, {"kind": Kind.WRITE, "source_x": 2, "source_y": 5, "address": 0x1238, "length": 1, "tag": 9, "sequence": 0x81,
                        "flags": 1}, 0xABC << 448)


def monitor() -> LinkMonitor:
    """A LinkMonitor that is fed by hand."""
    watching = object.__new__(LinkMonitor)
    watching.name, watching.seen, watching.count = "rx", [], 0
    watching._see = watching.seen.append
    watching._credits, watching._before = [CREDITS] * 4, 0
    return watching


def test_a_packet_survives_the_wires():
    assert decode(*encode(ITEM)) == ITEM


def test_every_single_wrong_bit_is_noticed():
    control, body = encode(ITEM)
    for bit in PARITY_PLACES[0][4:]:
        assert not decode(control ^ 1 << bit, body).intact
    for bit in PARITY_PLACES[1]:
        assert not decode(control, body ^ 1 << bit).intact


def test_a_control_word_for_two_channels_is_refused():
    control, body = encode(ITEM)
    with pytest.raises(AssertionError, match="channels 0b0011"):
        decode(control | 1, body)


def test_a_body_follows_its_control_word():
    watching = monitor()
    control, body = encode(ITEM)
    watching.step(control, 5, 0)
    watching.step(control, body, 0)
    watching.step(0, body, 0)
    assert watching.seen == [ITEM, ITEM] and watching.count == 2


def test_a_packet_needs_a_credit():
    watching = monitor()
    control, body = encode(ITEM)
    for _ in range(CREDITS):
        watching.step(control, body, 0)
    with pytest.raises(AssertionError, match="rx: a packet on channel 1 without credit"):
        watching.step(control, body, 1 << 1)


def test_a_credit_needs_a_packet():
    watching = monitor()
    with pytest.raises(AssertionError, match="rx: a credit of channel 2 too many"):
        watching.step(0, 0, 1 << 2)
