"""Which requests are refused, and why, by hand."""

import pytest

from golden.arch.memmap import Fault
from golden.arch.packet import Kind, Packet
from golden.arch.refusal import refusal

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
    request = Packet(destination=(1, 2), source=(0, 1), payload=payload, **fields)
    assert refusal(request, SRAM, (1, 2)) == cause
    elsewhere = None if fields["kind"] == Kind.BOOT else Fault.RANGE
    assert refusal(request, SRAM, (2, 1)) == elsewhere


def test_a_boot_packet_behind_a_router_has_the_destination_of_one():
    to, other = Packet(Kind.BOOT, (31, 31), (0, 0)), Packet(Kind.BOOT, (1, 2), (0, 1))
    assert refusal(to, SRAM, (1, 2), networked=True) is None
    assert refusal(other, SRAM, (1, 2), networked=True) is Fault.ILLEGAL
    assert refusal(other, SRAM, (1, 2)) is refusal(to, SRAM, (1, 2)) is None
