"""Arbitration step 1: in each cycle, who writes and which line is read in the *next* slot.

Order: mesh write; line read (mesh or instruction fill) unless it meets the mesh write; store lanes, the lower lane
first within a bank; scalar store. A line that waits also keeps its banks free of stores. A port with a turn goes
first. Loads take what is left, one cycle later (rtl/mem/loads.py). A bank that a partial store has read is locked
until that store has written: only its owner writes there.

Who meets whom is worked out for all at once; turns and locks come in at the end, so that no flip-flop of theirs drives
64-bit masks.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS, LANES
from rtl.mem.claims import Claim, Claims, prefixes
from rtl.mem.stages import SINGLE_WRITES


class Ahead(wiring.Component):
    """Grants of mesh lines and stores for the next slot. Requests are flip-flops; grants are combinational.

    Parameters
    ----------
    pairs: form of the comparisons, see rtl/mem/claims.py.
    """

    # Lines: the mesh write; the line read is the mesh's or, where `fills` is high, the instruction cache's. Their bank
    # masks are zero when there is none.
    mw_valid: In(1)
    mw_banks: In(BANKS)
    lr_valid: In(1)
    fills: In(1)
    mr_banks: In(BANKS)
    fill_banks: In(BANKS)
    # Stores: lanes of ST, then SS. Which ask in this cycle, which hold a lock on their bank, and their banks as mask,
    # number, present (rtl/mem/queue.py).
    valid: In(SINGLE_WRITES)
    locked: In(SINGLE_WRITES)
    banks: In(BANKS).array(SINGLE_WRITES)
    number: In(6).array(SINGLE_WRITES)
    present: In(SINGLE_WRITES)
    # At most one is high: the port goes first in this cycle.
    first_lr: In(1)
    first_st: In(1)
    first_ss: In(1)
    # A load port has the next slot to itself: grant nothing.
    quiet: In(1)

    mw_take: Out(1)
    lr_take: Out(1)
    take: Out(SINGLE_WRITES)
    # Banks that step 1 has given away in the slot that runs in this cycle (a flip-flop).
    busy: Out(BANKS)

    def __init__(self, pairs: bool):
        self._pairs = pairs
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        claims = [Claim(self.banks[i], self.number[i], self.present[i]) for i in range(SINGLE_WRITES)]
        lanes, scalar = claims[:LANES], claims[LANES]

        # Who meets whom.
        meets_mw = Signal(SINGLE_WRITES)
        meets_lr = Signal(SINGLE_WRITES)
        meets_lock = Signal(SINGLE_WRITES)
        meets_lower = Signal(SINGLE_WRITES)
        meets_scalar = Signal(SINGLE_WRITES)
        lines_meet = Signal()
        lower = prefixes(m, self._pairs, lanes)
        the_scalar = Claims(m, self._pairs).add(scalar)
        locks = Claims(m, self._pairs)
        for index, claim in enumerate(claims):
            owner = self.locked[index]
            locks = locks.add(Claim(Mux(owner, claim.banks, 0), claim.number, owner & claim.present))

        def meets_line_read(banks):
            return Mux(self.fills, (banks & self.fill_banks).any(), (banks & self.mr_banks).any())

        m.d.comb += [
            meets_mw.eq(Cat((claim.banks & self.mw_banks).any() for claim in claims)),
            meets_lr.eq(Cat(meets_line_read(claim.banks) for claim in claims)),
            meets_lock.eq(Cat(locks.meets(claim) for claim in claims)),
            meets_lower.eq(Cat(lower[index].meets(claim) for index, claim in enumerate(claims))),
            meets_scalar.eq(Cat(the_scalar.meets(claim) for claim in lanes)),
            lines_meet.eq(meets_line_read(self.mw_banks)),
        ]

        # Lines.  A mesh write that meets a lock waits, and does not hold up the line read meanwhile: the owner of the
        # lock may be waiting for that read to pass.
        mw_locked = Signal()
        m.d.comb += [
            mw_locked.eq((meets_mw & self.locked).any()),
            self.mw_take.eq(
                self.mw_valid & ~self.quiet & ~mw_locked
                & ~(self.first_lr & lines_meet)
                & ~(self.first_st & meets_mw[:LANES].any())
                & ~(self.first_ss & meets_mw[LANES])
            ),
            self.lr_take.eq(
                self.lr_valid & ~self.quiet
                & ~(lines_meet & ~mw_locked & ~self.first_lr)
                & ~(self.first_st & meets_lr[:LANES].any())
                & ~(self.first_ss & meets_lr[LANES])
            ),
        ]

        # Stores.  An owner of a lock meets nobody but the line read.
        for index in range(SINGLE_WRITES):
            first = self.first_st if index < LANES else self.first_ss
            behind = meets_mw[index] | meets_lr[index]
            if index < LANES:
                others = meets_lower[index] | (self.first_ss & meets_scalar[index])
            else:
                behind = behind | meets_lower[index]  # the scalar store comes after every lane
                others = 0
            blocked = Mux(
                self.locked[index], meets_lr[index] & ~first, meets_lock[index] | (behind & ~first) | others
            )
            m.d.comb += self.take[index].eq(self.valid[index] & ~self.quiet & ~blocked)

        # What is gone in the next slot.
        granted = [Mux(self.take[index], self.banks[index], 0) for index in range(SINGLE_WRITES)]
        m.d.sync += self.busy.eq(
            reduce(or_, granted)
            | Mux(self.mw_take, self.mw_banks, 0)
            | Mux(self.lr_take & ~self.fills, self.mr_banks, 0)
            | Mux(self.lr_take & self.fills, self.fill_banks, 0)
        )
        return m
