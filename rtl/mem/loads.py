"""Arbitration step 2: which loads read in the slot that runs now.

Banks that step 1 has not given away go to the scalar load, then to L0 and L1 in an order that flips every cycle;
within a port a lane loses to any lower lane on its bank. A port with a turn goes before the others.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS, LANES
from rtl.mem.claims import Claim, Claims, prefixes


class Loads(wiring.Component):
    """Grants of loads in this slot. Requests are flip-flops; grants are combinational.

    Parameters
    ----------
    pairs: form of the comparisons, see rtl/mem/claims.py.
    """

    # Banks taken by step 1.
    busy: In(BANKS)
    # Current requests: a bank mask of zero (a lane that reads nothing) is never in anybody's way. Mask, number,
    # present as in rtl/mem/queue.py.
    sl_valid: In(1)
    sl_banks: In(BANKS)
    sl_number: In(6)
    sl_present: In(1)
    l0_valid: In(LANES)
    l0_banks: In(BANKS).array(LANES)
    l0_number: In(6).array(LANES)
    l0_present: In(LANES)
    l1_valid: In(LANES)
    l1_banks: In(BANKS).array(LANES)
    l1_number: In(6).array(LANES)
    l1_present: In(LANES)
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
    # Bank masks of what is granted, for the address crossbar. They are decided bank by bank and do not wait for the
    # takes.
    sl_wins: Out(BANKS)
    l0_wins: Out(BANKS).array(LANES)
    l1_wins: Out(BANKS).array(LANES)

    def __init__(self, pairs: bool):
        self._pairs = pairs
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        flip = Signal()
        m.d.sync += flip.eq(~flip)
        l1_leads = Signal()
        m.d.comb += l1_leads.eq(self.first_l1 | (flip & ~self.first_l0))

        sl = Claim(self.sl_banks, self.sl_number, self.sl_present)
        lanes = {
            name: [Claim(banks[lane], number[lane], present[lane]) for lane in range(LANES)]
            for name, banks, number, present in (
                ("l0", self.l0_banks, self.l0_number, self.l0_present),
                ("l1", self.l1_banks, self.l1_number, self.l1_present),
            )
        }
        lower = {name: prefixes(m, self._pairs, claims) for name, claims in lanes.items()}
        scalar = Claims(m, self._pairs).add(sl)

        def taken(claim: Claim):
            return (claim.banks & self.busy).any()

        everybody = {name: reduce(or_, (claim.banks for claim in claims)) for name, claims in lanes.items()}
        m.d.comb += self.sl_take.eq(
            self.sl_valid & ~self.sl_lent & ~taken(sl)
            & ~(self.first_l0 & lower["l0"][LANES].meets(sl))
            & ~(self.first_l1 & lower["l1"][LANES].meets(sl))
        )
        m.d.comb += self.sl_wins.eq(
            Mux(self.sl_lent, 0, sl.banks)
            & ~(self.busy | Mux(self.first_l0, everybody["l0"], 0) | Mux(self.first_l1, everybody["l1"], 0))
        )
        nobody = Const(0, LANES)
        for name, other, valid, lent, take, wins, other_leads, first in (
            ("l0", "l1", self.l0_valid, nobody, self.l0_take, self.l0_wins, l1_leads, self.first_l0),
            ("l1", "l0", self.l1_valid, self.l1_lent, self.l1_take, self.l1_wins, ~l1_leads, self.first_l1),
        ):
            before = self.busy | Mux(other_leads, everybody[other], 0) | Mux(first, 0, sl.banks)
            for lane, claim in enumerate(lanes[name]):
                m.d.comb += wins[lane].eq(Mux(lent[lane], 0, claim.banks) & ~before)
                before = before | claim.banks
                m.d.comb += take[lane].eq(
                    valid[lane] & ~lent[lane] & ~taken(claim)
                    & ~lower[name][lane].meets(claim)
                    & ~(other_leads & lower[other][LANES].meets(claim))
                    & ~(~first & scalar.meets(claim))
                )
        return m
