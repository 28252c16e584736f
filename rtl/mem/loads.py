"""Arbitration step 2: which loads read in the slot that runs now.

Banks that step 1 has not given away go to the scalar load, then to L0 and L1 in an order that flips every cycle;
within a port a lane loses to any lower lane on its bank. A port with a turn goes before the others.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS, LANES


class Loads(wiring.Component):
    """Grants of loads in this slot. Requests are flip-flops; grants are combinational."""

    # Banks taken by step 1.
    busy: In(BANKS)
    # Current requests; a mask of zero (a lane that reads nothing) is never in anybody's way.
    sl_valid: In(1)
    sl_banks: In(BANKS)
    l0_valid: In(LANES)
    l0_banks: In(BANKS).array(LANES)
    l1_valid: In(LANES)
    l1_banks: In(BANKS).array(LANES)
    # Return paths lent to partial stores in this slot: these wait.
    l1_lent: In(LANES)
    sl_lent: In(1)
    # At most one is high: the port goes first.
    first_sl: In(1)
    first_l0: In(1)
    first_l1: In(1)

    sl_take: Out(1)
    l0_take: Out(LANES)
    l1_take: Out(LANES)

    def elaborate(self, platform) -> Module:
        m = Module()
        flip = Signal()
        m.d.sync += flip.eq(~flip)
        l1_leads = Signal()
        m.d.comb += l1_leads.eq(self.first_l1 | (flip & ~self.first_l0))

        l0_all = Signal(BANKS)
        l1_all = Signal(BANKS)
        sl_avoids = Signal(BANKS)
        l0_avoids = Signal(BANKS)
        l1_avoids = Signal(BANKS)
        m.d.comb += [
            l0_all.eq(reduce(or_, (self.l0_banks[lane] for lane in range(LANES)))),
            l1_all.eq(reduce(or_, (self.l1_banks[lane] for lane in range(LANES)))),
            sl_avoids.eq(self.busy | Mux(self.first_l0, l0_all, 0) | Mux(self.first_l1, l1_all, 0)),
            l0_avoids.eq(self.busy | Mux(self.first_l0, 0, self.sl_banks) | Mux(l1_leads, l1_all, 0)),
            l1_avoids.eq(self.busy | Mux(self.first_l1, 0, self.sl_banks) | Mux(l1_leads, 0, l0_all)),
            self.sl_take.eq(self.sl_valid & ~self.sl_lent & ~(self.sl_banks & sl_avoids).any()),
        ]
        for valid, banks, taken, avoids, lent in (
            (self.l0_valid, self.l0_banks, self.l0_take, l0_avoids, None),
            (self.l1_valid, self.l1_banks, self.l1_take, l1_avoids, self.l1_lent),
        ):
            for lane in range(LANES):
                grant = valid[lane] & ~(banks[lane] & avoids).any()
                m.d.comb += taken[lane].eq(grant if lent is None else grant & ~lent[lane])
                further = Signal(BANKS, name=f"avoids_below{lane}")
                m.d.comb += further.eq(avoids | banks[lane])
                avoids = further
        return m
