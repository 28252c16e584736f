"""Counters of packets that were dropped, which stand still when they are full."""

from amaranth.hdl import Module, Mux, Signal, Value

DROPS = 16
"""Bits of a counter."""


def count_drops(m: Module, counter: Signal, drops: Value) -> None:
    """A packet is dropped in every cycle of `drops`."""
    m.d.sync += counter.eq(Mux(drops & ~counter.all(), counter + 1, counter))
