"""Boot packets by hand: where a path lies in the header, what a node makes of it, what is refused."""

from collections.abc import Iterator

import pytest

from golden.arch.boot import (
    NEXT_NODE,
    SEGMENTS,
    BootOp,
    boot_packet,
    echo,
    echoed,
    identity,
    pack_path,
    path_of,
    sent_on,
    table_entries,
    table_of,
    unpack_path,
)
from golden.arch.packet import Kind, Packet, PortId

N, E, S, W, NODE = PortId
LONG = ((E, 3), (S, 1), (E, 1), (S, 1), (E, 1), (S, 1), (W, 5), (N, 17))
"""The path of the packet in tests/golden/vectors/packets.txt."""


def steps(packet: Packet, limit: int = 100) -> Iterator[tuple[PortId, Packet]]:
    """Ports by which nodes send a packet on, and the packet behind each; no more than a path holds."""
    for _ in range(limit):
        if not (onward := sent_on(packet)):
            return
        yield onward
        packet = onward[1]


def test_a_path_lies_in_source_address_tag_and_sequence():
    packet = boot_packet(BootOp.ECHO, LONG, payload=9)
    assert packet == Packet(Kind.BOOT, (31, 31), (13, 24), address=0x70C143050, length=2, tag=66, sequence=4, payload=9)
    assert path_of(packet) == LONG and len(LONG) == SEGMENTS
    assert pack_path(((E, 3), (S, 1))) == 13 + 6 * 128 and unpack_path(13 + 6 * 128 + (5 << 21)) == ((E, 3), (S, 1))


def test_a_packet_goes_hop_by_hop_and_segment_by_segment():
    ports = []
    for port, packet in steps(boot_packet(BootOp.IDENTITY, LONG, payload=77)):
        ports.append(port)
        assert (packet.destination, packet.kind, packet.length, packet.payload) == (NEXT_NODE, Kind.BOOT, 0, 77)
    assert ports == [E] * 3 + [S, E, S, E, S] + [W] * 5 + [N] * 17
    assert path_of(packet) == ()


def test_an_echo_turns_once():
    ports, packets = zip(*steps(echo((3, 2), ((E, 2), (S, 1)), ((N, 1), (W, 3)))), strict=True)
    packet = packets[-1]
    assert list(ports) == [E, E, S, N, W, W, W] and echoed(packet) == (3, 2) and packet.payload == 3 << 64 | 2 << 69
    assert sent_on(packet) is None


def test_payloads_by_hand():
    assert identity({"x": 3, "y": 2, "east": 19, "south": 21, "closed": 0b1010}, ()).payload == 3 | 2 << 5 | 19 << 10 | 21 << 15 | 10 << 20
    fields = {"x0": 1, "x1": 2, "y0": 3, "y1": 4, "routes": 2, "outs": 9, "next": 16}
    entry = 1 | 2 << 5 | 3 << 10 | 4 << 15 | 2 << 20 | 9 << 22 | 16 << 26
    packet = table_entries([(71, fields), (2, {"x1": 1})], ((E, 1),))
    again = 2 | 1 << 12
    assert (packet.payload, packet.length) == ((71 | entry << 7) + sum(again << 64 * word for word in range(1, 8)), BootOp.TABLE)
    assert table_of(packet)[:2] == [(71, fields), (2, dict.fromkeys(fields, 0) | {"x1": 1})] and len(table_of(packet)) == 8


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (((E, 1), (S, 1)) * 4 + ((E, 1),), "a boot packet's path of 9 segments: it holds 8"),
        (((E, 0),), "a boot packet's path leads 0 hops by port EAST: it is 1 or more by a port to a neighbour"),
        (((NODE, 1),), "a boot packet's path leads 1 hops by port NODE: it is 1 or more by a port to a neighbour"),
        (((E, 32),), "segment of a path field hops = 32 does not fit: 0 to 31"),
    ],
)
def test_a_path_that_is_none_is_refused(path, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        pack_path(path)
