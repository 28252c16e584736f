"""How often each descriptor has been set: equal numbers mean the same setd, among stores in the store queue.

A number of the last round may still be in the store queue when the numbers begin again: the round ends when the queue is empty.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from rtl.common.invariant import always
from rtl.common.select import by_number
from rtl.core.access import ISSUE_SLOTS, Issued
from rtl.core.interfaces import THREADS, StoreProgress

GENERATION_BITS = 4
_LAST = (1 << GENERATION_BITS) - 1
_THREAD = data.ArrayLayout(GENERATION_BITS, isa.DESCRIPTORS)


class Generations(wiring.Component):
    """The numbers of all threads."""

    issued: In(Issued)
    store_progress: In(StoreProgress)
    # Of the descriptor of each slot that issues; combinational.
    generation: Out(data.ArrayLayout(GENERATION_BITS, ISSUE_SLOTS))
    # Descriptors that no setd may set yet.
    worn: Out(data.ArrayLayout(isa.DESCRIPTORS, THREADS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        numbers = [Signal(_THREAD, name=f"generations_{t}") for t in range(THREADS)]
        mine = by_number(m, self.issued.thread, numbers, "mine")
        for k, q in enumerate(self.issued.slot):
            m.d.comb += self.generation[k].eq(mine[q.names.d])
            for t in range(THREADS):
                with m.If(self.issued.go[k] & q.row.setd & (self.issued.thread == t)):
                    always(m, ~self.worn[t].bit_select(q.names.d, 1), f"a descriptor of thread {t} is set while its number may be in use")
                    m.d.sync += numbers[t][q.names.d].eq(self.generation[k] + 1)
        for t in range(THREADS):
            last = Cat(number == _LAST for number in numbers[t])
            in_use = self.store_progress.slots[t].occupied.any()
            m.d.comb += self.worn[t].eq(last & in_use.replicate(isa.DESCRIPTORS))
        return m
