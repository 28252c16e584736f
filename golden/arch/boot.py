"""Boot packets: how tiles that know nothing, not even where they are, are told from an edge.

A boot packet is routed by its source. In place of source, address, tag and sequence it carries a *path*: up to 8 segments, each a port and
how many hops it leads that way; a segment without hops is the path's end. Its destination is 31,31, where nobody is: a packet for there
leaves every router by the node's port, whatever the router knows. The node takes a hop off the first segment and sends the packet on by its
port, to 31,31 again; or the path is at its end, and the node does what `length` says (`BootOp`). Nobody answers: whoever boots hears
an ECHO come back, and all that went the same way before it has been obeyed.

A node without a router has no neighbours and needs no path: its boot packet names its source, may ask for an ACK and carries x and y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

from golden.arch.bits import Layout
from golden.arch.mesh import STEP
from golden.arch.packet import COORD_BITS, PAYLOAD_BITS, Kind, Packet, Place, PortId, payload_of
from golden.arch.route_table import DEPARTURES, ENTRIES, ENTRY

SEGMENTS = 8
NEXT_NODE: Place = ((1 << COORD_BITS) - 1, (1 << COORD_BITS) - 1)
"""The destination of boot packets: a corner that no mesh has a node or an edge port at."""


class BootOp(IntEnum):
    """What a node does with a boot packet at the end of its path; nothing for other numbers."""

    IDENTITY = 0  # the payload says who it is: from then on it serves other packets
    TABLE = 1  # eight entries of golden.arch.route_table, one after another, each to its place of the tables
    ECHO = 2  # goes on by the path in the payload, once


SEGMENT = Layout.of("segment of a path", port=2, hops=5)
PATH_BITS = SEGMENTS * SEGMENT.width
SAID = Layout.of("path of a boot packet", source_x=5, source_y=5, address=35, tag=8, sequence=8)
"""Fields of a header that hold the path from bit 0 on, first segment first; bits above it are 0."""
IDENTITY = Layout.of(
    "identity",
    x=COORD_BITS,
    y=COORD_BITS,
    east=COORD_BITS,  # where the edge ports of the east and the south are: one past the last column and row
    south=COORD_BITS,
    closed=len(STEP),  # ports with nobody behind them, a bit each
)
INDEX_BITS, WORD_BITS = (ENTRIES + DEPARTURES - 1).bit_length(), 64
TABLE = Layout.of("table word of a boot packet", index=INDEX_BITS, entry=ENTRY.width, spare=WORD_BITS - INDEX_BITS - ENTRY.width)
"""`index`: the router's places, then those of the node's own packets."""
TABLE_WORDS = PAYLOAD_BITS // WORD_BITS
"""Entries of a packet; who has fewer to say says one again."""
ECHO = Layout.of("echo", back=PATH_BITS, spare=WORD_BITS - PATH_BITS, x=COORD_BITS, y=COORD_BITS)
"""The way back, taken out when it is set out on; x and y say whose echo it is to whoever reads it."""
assert SAID.width >= PATH_BITS

Path = tuple[tuple[PortId, int], ...]
"""Ports and how many hops to go by each."""


def pack_path(path: Path) -> int:
    """The path's word. ValueError for more segments than there are, and for hops that are none or too many."""
    if len(path) > SEGMENTS:
        raise ValueError(f"a boot packet's path of {len(path)} segments: it holds {SEGMENTS}")
    for port, hops in path:
        if not hops or port not in STEP:
            raise ValueError(f"a boot packet's path leads {hops} hops by port {port.name}: it is 1 or more by a port to a neighbour")
    return sum(SEGMENT.pack({"port": port, "hops": hops}) << SEGMENT.width * number for number, (port, hops) in enumerate(path))


def unpack_path(word: int) -> Path:
    """The inverse of ``pack_path``."""
    path = []
    for number in range(SEGMENTS):
        segment = SEGMENT.unpack(word >> SEGMENT.width * number)
        if not segment["hops"]:
            break
        path.append((PortId(segment["port"]), segment["hops"]))
    return tuple(path)


def boot_packet(op: BootOp, path: Path, payload: int) -> Packet:
    """A boot packet on its way from the router beside an edge port; the path begins at that router's node."""
    return _with_path(Packet(Kind.BOOT, NEXT_NODE, (0, 0), length=op, payload=payload), pack_path(path))


def identity(values: dict[str, int], path: Path) -> Packet:
    """Tells a node who it is: the fields of ``IDENTITY``."""
    return boot_packet(BootOp.IDENTITY, path, IDENTITY.pack(values))


def table_entries(entries: Sequence[tuple[int, dict[str, int]]], path: Path) -> Packet:
    """Writes one to eight entries of the tables of a node, places and fields."""
    words = [TABLE.pack({"index": index, "entry": ENTRY.pack(fields)}) for index, fields in entries]
    return boot_packet(BootOp.TABLE, path, payload_of([*words, *[words[-1]] * (TABLE_WORDS - len(words))]))


def table_of(packet: Packet) -> list[tuple[int, dict[str, int]]]:
    """What ``table_entries`` said, as often as it is in the packet."""
    words = [TABLE.unpack(packet.payload >> WORD_BITS * number) for number in range(TABLE_WORDS)]
    return [(word["index"], ENTRY.unpack(word["entry"])) for word in words]


def echo(place: Place, path: Path, back: Path) -> Packet:
    """Goes to the node at a place, and from there back."""
    return boot_packet(BootOp.ECHO, path, ECHO.pack({"back": pack_path(back), "x": place[0], "y": place[1]}))


def echoed(packet: Packet) -> Place:
    """Whose echo has come back."""
    fields = ECHO.unpack(packet.payload)
    return fields["x"], fields["y"]


def path_of(packet: Packet) -> Path:
    """What is left of a boot packet's path."""
    return unpack_path(_path(packet))


def sent_on(packet: Packet) -> tuple[PortId, Packet] | None:
    """The port by which a node sends a boot packet on, and the packet; None when it is for the node."""
    path, payload = _path(packet), packet.payload
    if not path_of(packet) and packet.length == BootOp.ECHO:
        path = payload & ECHO["back"].mask
        payload ^= path
    first = SEGMENT.unpack(path)
    if not first["hops"]:
        return None
    left = path >> SEGMENT.width if first["hops"] == 1 else path - (1 << SEGMENT["hops"].lo)
    return PortId(first["port"]), replace(_with_path(packet, left), payload=payload)


def _path(packet: Packet) -> int:
    x, y = packet.source
    fields: Sequence[int] = (x, y, packet.address, packet.tag, packet.sequence)
    return SAID.pack(dict(zip((field.name for field in SAID), fields, strict=True))) & (1 << PATH_BITS) - 1


def _with_path(packet: Packet, path: int) -> Packet:
    fields = SAID.unpack(path)
    source = fields.pop("source_x"), fields.pop("source_y")
    return replace(packet, source=source, **fields)
