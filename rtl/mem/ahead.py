"""Arbitration step 1: in each cycle, who writes and which line is read in the *next* slot.

Order: mesh write; line read (mesh or instruction fill) unless it meets the mesh write; store lanes, the lower lane
first within a bank; scalar store. A line that waits also keeps its banks free of stores. A port with a turn goes
first. Loads take what is left, one cycle later (rtl/mem/loads.py). A bank that a partial store has read is locked
until that store has written: only its owner writes there.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS, LANES


class Ahead(wiring.Component):
    """Grants of mesh lines and stores for the next slot. Requests are flip-flops; grants are combinational."""

    # Bank masks of the mesh write and of the line read; zero when there is none.
    mw_banks: In(BANKS)
    lr_banks: In(BANKS)
    mw_valid: In(1)
    lr_valid: In(1)
    # Store lanes that ask in this cycle, their bank masks, and which of them hold a lock on their bank.
    st_valid: In(LANES)
    st_banks: In(BANKS).array(LANES)
    st_locked: In(LANES)
    # The same for the scalar store.
    ss_valid: In(1)
    ss_banks: In(BANKS)
    ss_locked: In(1)
    # At most one is high: the port goes first in this cycle.
    first_lr: In(1)
    first_st: In(1)
    first_ss: In(1)
    # A load port has the next slot to itself: grant nothing.
    quiet: In(1)

    mw_take: Out(1)
    lr_take: Out(1)
    st_take: Out(LANES)
    ss_take: Out(1)
    # Banks that step 1 has given away in the slot that runs in this cycle (a flip-flop).
    busy: Out(BANKS)

    def elaborate(self, platform) -> Module:
        m = Module()

        # Sets of banks that decide: locks, stores, the two that may come first.
        lock = Signal(BANKS)
        stores = Signal(BANKS)
        lines = Signal(BANKS)
        locked = [Mux(self.st_locked[lane], self.st_banks[lane], 0) for lane in range(LANES)]
        ahead_of_lines = Signal(BANKS)
        m.d.comb += [
            lock.eq(reduce(or_, locked) | Mux(self.ss_locked, self.ss_banks, 0)),
            stores.eq(reduce(or_, (self.st_banks[lane] for lane in range(LANES)))),
            lines.eq(self.mw_banks | self.lr_banks),
            ahead_of_lines.eq(Mux(self.first_st, stores, 0) | Mux(self.first_ss, self.ss_banks, 0)),
        ]

        # Lines.  A mesh write that meets a lock waits, and does not hold up the line read meanwhile: the owner of the
        # lock may be waiting for that read to pass.
        mw_locked = Signal()
        m.d.comb += [
            mw_locked.eq((self.mw_banks & lock).any()),
            self.mw_take.eq(
                self.mw_valid & ~self.quiet & ~mw_locked
                & ~(self.mw_banks & (ahead_of_lines | Mux(self.first_lr, self.lr_banks, 0))).any()
            ),
            self.lr_take.eq(
                self.lr_valid & ~self.quiet
                & ~((self.lr_banks & self.mw_banks).any() & ~mw_locked & ~self.first_lr)
                & ~(self.lr_banks & ahead_of_lines).any()
            ),
        ]

        # Store lanes.  An owner of a lock meets nobody but the line read.
        before = Signal(BANKS)
        m.d.comb += before.eq(
            lock | Mux(self.first_st, 0, lines) | Mux(self.first_ss, self.ss_banks, 0)
        )
        owner_before = Signal(BANKS)
        m.d.comb += owner_before.eq(Mux(self.first_st, 0, self.lr_banks))
        for lane in range(LANES):
            banks = self.st_banks[lane]
            m.d.comb += self.st_take[lane].eq(
                self.st_valid[lane] & ~self.quiet
                & ~(banks & Mux(self.st_locked[lane], owner_before, before)).any()
            )
            after = Signal(BANKS, name=f"after_lane{lane}")
            m.d.comb += after.eq(before | banks)
            before = after

        # Scalar store.
        ss_before = Signal(BANKS)
        m.d.comb += [
            ss_before.eq(
                Mux(self.ss_locked, self.lr_banks, lock | lines | stores)
            ),
            self.ss_take.eq(
                self.ss_valid & ~self.quiet
                & ~(self.ss_banks & Mux(self.first_ss, Mux(self.ss_locked, 0, lock), ss_before)).any()
            ),
        ]

        # What is gone in the next slot.
        granted = [Mux(self.st_take[lane], self.st_banks[lane], 0) for lane in range(LANES)]
        m.d.sync += self.busy.eq(
            reduce(or_, granted)
            | Mux(self.mw_take, self.mw_banks, 0)
            | Mux(self.lr_take, self.lr_banks, 0)
            | Mux(self.ss_take, self.ss_banks, 0)
        )
        return m
