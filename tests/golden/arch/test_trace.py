"""Retire records: what makes two of them equal, and bytes merged into runs."""

from golden.arch import trace
from golden.arch.trace import Record, merge_bytes

# Bits of each record of the trace ports: valid 1, thread 2, seq 16, and what is its own.
WIDTHS = {
    "DISPATCH": 19 + 19 + 32 + 1 + 1,
    "ISSUE": 19,
    "SCALAR": 19 + 2 + 5 + 64,
    "VECTOR": 19 + 5 + 1 + 512,
    "MATRIX": 19 + 3 + 64,
    "LOAD": 19 + 5,
    "LANE": 1 + 2 + 5 + 64,
    "STORE": 19 + 3 + 8 * 18 + 64 + 512,
    "NETWORK": 1 + 6,
    "SCALAR_HEAD": 3,
    "VECTOR_HEAD": 4,
    "CYCLE": 1 + 4 * 4 + 1 + 6 + 1 + 4 + 2 + 2 + 1 + 6 + 1 + 1 + 1 + 3 + 4 * (3 + 4),
}


def test_widths_of_the_trace_ports():
    assert {name: getattr(trace, name).width for name in WIDTHS} == WIDTHS
    data = trace.STORE["data"]
    assert (data.lo, data.width) == (19 + 3 + 8 * 18 + 64, 512)


def test_equal_whatever_the_order_of_effects():
    one = Record(1, 2, 0x100, 0x40, True, [("x", 1, 5), ("x", 2, 6), ("m", 64, b"ab")])
    two = Record(1, 2, 0x100, 0x40, True, [("m", 64, b"ab"), ("x", 2, 6), ("x", 1, 5)])
    assert one.canonical() == two.canonical()


def test_unequal_in_any_part():
    base = Record(1, 2, 0x100, 0x40, True, [("x", 1, 5)])
    others = [
        Record(0, 2, 0x100, 0x40, True, [("x", 1, 5)]),
        Record(1, 3, 0x100, 0x40, True, [("x", 1, 5)]),
        Record(1, 2, 0x104, 0x40, True, [("x", 1, 5)]),
        Record(1, 2, 0x100, 0x41, True, [("x", 1, 5)]),
        Record(1, 2, 0x100, 0x40, False, [("x", 1, 5)]),
        Record(1, 2, 0x100, 0x40, True, [("x", 1, 6)]),
        Record(1, 2, 0x100, 0x40, True, [("x", 2, 5)]),
        Record(1, 2, 0x100, 0x40, True, [("x", 1, 5), ("p", 1, 1)]),
        Record(1, 2, 0x100, 0x40, True, []),
    ]
    assert all(other.canonical() != base.canonical() for other in others)


def test_bytes_become_runs():
    assert merge_bytes([]) == []
    assert merge_bytes([(10, 3), (8, 1), (9, 2)]) == [("m", 8, b"\x01\x02\x03")]
    assert merge_bytes([(0, 0), (16, 255), (17, 0)]) == [("m", 0, b"\x00"), ("m", 16, b"\xff\x00")]
