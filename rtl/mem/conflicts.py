"""How many requests asked for a bank in vain."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.mem.ports import ConflictCount
from rtl.mem.stages import DeniedAhead, DeniedLoads
from rtl.mem.status import count_ones


class Conflicts(wiring.Component):
    """Counts what both arbitration steps denied in a cycle. The masks go into flip-flops first: they arrive last of all."""

    # Denied in this cycle.
    loads: In(DeniedLoads)
    ahead: In(DeniedAhead)
    # How many.
    conflicts: Out(ConflictCount)

    def elaborate(self, platform) -> Module:
        m = Module()
        masks = Cat(self.loads.mask, self.ahead.mask)
        denied = Signal(len(masks))
        m.d.sync += [denied.eq(masks), self.conflicts.count.eq(count_ones(m, denied, "denied"))]
        return m
