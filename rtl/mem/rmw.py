"""Partial stores: read the word, merge, write it back, with the bank locked in between.

A store lane with a partial strobe first asks for a read; the word comes back on a lent load return path. From that
grant to the grant of its write the lane owns a lock on its bank (rtl/mem/ahead.py). A word that cannot be corrected is
not written: the error stays in the memory for the next reader.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.mem.ecc import byte_mask


class PartialStore(wiring.Component):
    """State of one store lane: whole words pass through, partial ones take two grants."""

    # The lane's current request, and its arbitration's grant.
    valid: In(1)
    partial: In(1)
    strobe: In(8)
    word: In(64)
    grant: In(1)
    # The word that the granted read returned, corrected, and whether it is lost; for one cycle.
    returned: In(1)
    old_word: In(64)
    lost: In(1)
    # The lane asks for a grant; it owns a lock.
    asks: Out(1)
    locked: Out(1)
    # This grant is a read / a write / ends the request.
    reads: Out(1)
    writes: Out(1)
    ends: Out(1)
    # Replace the request's word.
    merge: Out(1)
    merged: Out(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        owner = Signal()  # read granted, write not yet
        ready = Signal()  # merged
        drop = Signal()  # the word read was lost
        m.d.comb += [
            self.asks.eq(self.valid & (~owner | ready)),
            self.locked.eq(owner),
            self.reads.eq(self.grant & self.partial & ~owner),
            self.ends.eq(self.grant & (~self.partial | owner)),
            self.writes.eq(self.ends & ~(owner & drop)),
            self.merge.eq(self.returned),
        ]
        mask = Signal(64)
        m.d.comb += [mask.eq(byte_mask(self.strobe)), self.merged.eq((self.word & mask) | (self.old_word & ~mask))]
        with m.If(self.reads):
            m.d.sync += owner.eq(1)
        with m.If(self.ends):
            m.d.sync += [owner.eq(0), ready.eq(0)]
        with m.If(self.returned):
            m.d.sync += [ready.eq(1), drop.eq(self.lost)]
        return m
