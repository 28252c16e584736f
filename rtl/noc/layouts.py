"""Packet layouts and the link signature, made from golden.arch.packet."""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import packet
from rtl.common.shapes import struct

CONTROL, HEADER = struct(packet.CONTROL), struct(packet.HEADER)
BODY = data.StructLayout({"header": HEADER, "payload": packet.PAYLOAD_BITS, "payload_parity": packet.PAYLOAD_PARITY_BITS})
ROUTES = packet.CHANNELS // 2
"""Channels of a class: requests and responses have as many."""
TO = dict.fromkeys(("x", "y", "far_x", "far_y"), packet.COORD_BITS)
"""Where a packet goes: its destination twice, or the corners of a multicast's rectangle."""
PACKET = data.StructLayout({"channel": 2, **TO, "header": HEADER, "payload": packet.PAYLOAD_BITS})
"""A packet at rest in the endpoint: channel number, where it goes, header, payload."""
RECEIVED = data.StructLayout({**PACKET.members, "wrong_payload": 1})
"""One that came over a link with a right header; its payload's parity may be wrong."""
ROUTED = data.StructLayout({**PACKET.members, "out": len(packet.PortId)})
"""One that leaves by way of a router, and its ports there."""


class PacketKind(enum.Enum, shape=unsigned(5)):
    """``golden.arch.packet.Kind`` with its width."""

    WRITE = packet.Kind.WRITE.value
    READ = packet.Kind.READ.value
    RAISE = packet.Kind.RAISE.value
    START = packet.Kind.START.value
    DEBUG = packet.Kind.DEBUG.value
    BOOT = packet.Kind.BOOT.value
    READ_DATA = packet.Kind.READ_DATA.value
    ACK = packet.Kind.ACK.value
    ERROR = packet.Kind.ERROR.value
    HALTED = packet.Kind.HALTED.value
    STATUS = packet.Kind.STATUS.value


Link = wiring.Signature(
    {
        # Control word of a packet; `valid` (one-hot channel) is nonzero in one cycle per packet.
        "control": Out(CONTROL),
        # The rest of that packet, exactly one cycle after its control word.
        "body": Out(BODY),
        # One pulse per channel: the receiver freed one place. Counts from the next cycle on.
        "credit": In(packet.CHANNELS),
    }
)
"""A link, seen from the sender. Every wire is a flip-flop of the side that drives it."""

