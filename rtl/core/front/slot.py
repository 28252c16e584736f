"""One slot of a group: whether its instruction leaves decode, and what that leaves for the younger slots.

A slot is open while every older one went and none ended the group (a control instruction, a loop's last). An instruction leaves when it is
legal and nothing in it must wait in decode: an unknown predicate, a predicate written while its older value is on its way, a second load of
one register, FP state while a control register is about to be written. Control instructions leave from the first slot alone.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.classes import Flow
from golden.arch.encoding import F0, F1, F2, PRED_LO
from rtl.core.decoded import FrontRow
from rtl.core.groups import Context
from rtl.core.interfaces import PC_BITS, ST_POS_BITS, VQ_POS_BITS


class Chain(data.Struct):
    """What the older slots leave: the group goes on; predicates on their way, parities of loads, positions given out; a control
    register is about to be written."""

    open: 1
    pending: isa.PREDICATES
    parity: isa.VECTOR_REGISTERS
    vq_tail: VQ_POS_BITS
    st_tail: ST_POS_BITS
    setting: 1


class Slot(wiring.Component):
    """A slot; combinational.

    Parameters
    ----------
    number : of the slot, 0 for the oldest.
    """

    context: In(Context)
    before: In(Chain)
    word: In(32)
    row: In(FrontRow)
    # The word is one of the thread's next, and may go with the first; it lies outside SRAM; it cannot be corrected.
    here: In(1)
    outside: In(1)
    lost: In(1)
    after: Out(Chain)
    # It leaves decode; its predicate is true as well; it goes to a queue.
    go: Out(1)
    on: Out(1)
    to_scalar: Out(1)
    to_vector: Out(1)
    # It writes a control register.
    sets: Out(1)
    # It leaves, and is the last one of the innermost loop.
    last: Out(1)
    # What it does to the course of its thread, if it leaves.
    flow: Out(Flow)
    # It should leave, but is no instruction.
    refused: Out(1)

    def __init__(self, number: int) -> None:
        self._number = number
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, row, before, after = self.word, self.row, self.before, self.after
        pending, known, where = before.pending, self.context.known, self.context.where
        f0, place = word[F0 : F0 + 5], (where.pc + self._number)[:PC_BITS]
        written = Signal(isa.PREDICATES)
        m.d.comb += written.eq(Mux(row.writes_p, 1 << word[F0 : F0 + 3], 0) & ~1)
        predicate = word[PRED_LO : PRED_LO + 3]
        holds = known.true.bit_select(predicate, 1)

        def unknown(lo: int):
            return pending.bit_select(word[lo : lo + 3], 1)

        logic_waits = (row.flow == Flow.LOGIC) & (unknown(F0) | unknown(F1) | unknown(F2))
        # One load of a register may be under way: a second would give its parity back to those who wait for it.
        again = holds & row.scalar & row.writes_v & (before.parity ^ self.context.counted.loaded).bit_select(f0, 1)
        unsettled = row.uses_mode & before.setting
        stops = unknown(PRED_LO) | again | (holds & ((pending & written).any() | logic_waits | unsettled))
        control = holds & (row.flow != Flow.PLAIN)
        clean = row.legal & ~self.outside & ~self.lost
        leaves = before.open & self.here & clean & ~stops
        m.d.comb += self.refused.eq(before.open & ~clean)
        if self._number == 0:
            m.d.comb += [self.go.eq(leaves), self.flow.eq(Mux(self.go & control, row.flow, Flow.PLAIN))]
        else:
            m.d.comb += self.go.eq(leaves & ~control)
        ends = where.looping & (where.last == place)
        m.d.comb += [
            self.last.eq(self.go & ends),
            self.on.eq(self.go & holds),
            self.to_scalar.eq(self.on & row.scalar),
            self.to_vector.eq(self.on & row.vector),
            self.sets.eq(self.on & row.sets),
            after.open.eq(self.go & ~control & ~ends),
            after.pending.eq(pending | Mux(self.on, written, 0)),
            after.parity.eq(before.parity ^ Mux(self.to_scalar & row.writes_v, 1 << f0, 0)),
            after.vq_tail.eq(before.vq_tail + self.to_vector),
            after.st_tail.eq(before.st_tail + (self.to_scalar & row.store)),
            after.setting.eq(before.setting | self.sets),
        ]
        return m
