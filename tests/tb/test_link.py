"""Wrong bits on a link, and the LinkMonitor's rules, cycle by cycle, without a simulator."""

import pytest

from golden.arch.packet import BODY, CREDITS, Kind, Packet
from tb.link import HEADER_PLACES, PAYLOAD_PLACES, ROUTE_PLACES, LinkMonitor

ITEM = Packet(Kind.WRITE, (3, 7), (2, 5), 1, address=0x1238, length=1, tag=9, sequence=0x81, flags=1, payload=0xABC << 448)


def monitor() -> LinkMonitor:
    """A LinkMonitor that is fed by hand."""
    watching = object.__new__(LinkMonitor)
    watching.name, watching.seen, watching.count = "rx", [], 0
    watching._see = watching.seen.append
    watching._credits, watching._before = [CREDITS] * 4, 0
    return watching


def test_every_single_wrong_bit_is_noticed():
    control, body = ITEM.encode()
    assert len(ROUTE_PLACES) == 20 and sorted(HEADER_PLACES + PAYLOAD_PLACES) == list(range(BODY.width))

    def wrong(control: int, body: int) -> tuple[bool, bool]:
        packet = Packet.decode(control, body)
        assert packet.intact == (not packet.wrong_header and not packet.wrong_payload)
        return packet.wrong_header, packet.wrong_payload

    assert wrong(control, body) == (False, False)
    assert {wrong(control ^ 1 << bit, body) for bit in ROUTE_PLACES} == {(True, False)}
    assert {wrong(control, body ^ 1 << bit) for bit in HEADER_PLACES} == {(True, False)}
    assert {wrong(control, body ^ 1 << bit) for bit in PAYLOAD_PLACES} == {(False, True)}


def test_a_body_follows_its_control_word():
    watching = monitor()
    control, body = ITEM.encode()
    watching.step(control, 5, 0)
    watching.step(control, body, 0)
    watching.step(0, body, 0)
    assert watching.seen == [ITEM, ITEM] and watching.count == 2


def test_a_packet_needs_a_credit():
    watching = monitor()
    control, body = ITEM.encode()
    for _ in range(CREDITS):
        watching.step(control, body, 0)
    with pytest.raises(AssertionError, match="rx: a packet on channel 1 without credit"):
        watching.step(control, body, 1 << 1)


def test_a_credit_needs_a_packet():
    watching = monitor()
    with pytest.raises(AssertionError, match="rx: a credit of channel 2 too many"):
        watching.step(0, 0, 1 << 2)
