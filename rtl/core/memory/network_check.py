"""What is wrong with the addresses of a network instruction, as `golden.arch.global_address` has it. Combinational in X."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.global_address import CAST, GLOBAL
from golden.arch.memmap import ADDRESS_BITS, Fault
from golden.arch.sram import LINE_WORDS
from rtl.common.host_ports import Place
from rtl.common.shapes import struct
from rtl.core.access import AccessFault


class NetworkCheck(wiring.Component):
    """The check: first the local address, then the global one.

    Parameters
    ----------
    words : words of SRAM.
    """

    # A raise has no local address and no words; a list has no global address but a number of lines; a multicast has a far corner.
    raises: In(1)
    lists: In(1)
    casts: In(1)
    words: In(4)
    local: In(64)
    remote: In(64)
    # Own coordinates.
    place: In(Place)
    fault: Out(AccessFault)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        local, there, fault = self.local, Signal(struct(CAST)), self.fault
        m.d.comb += there.as_value().eq(self.remote)
        outside = local[ADDRESS_BITS:].any() | (local[3:ADDRESS_BITS] >= self._words)
        wrong_words = (self.words == 0) | (self.words > LINE_WORDS)
        local_range = outside | wrong_words | (local[3:6] + self.words > LINE_WORDS)
        local_bad = ~self.raises & (local[:3].any() | local_range)
        here = (there.x == self.place.x) & (there.y == self.place.y)
        turned = (there.far_x < there.x) | (there.far_y < there.y)
        nowhere = self.remote[CAST.width :].any() | Mux(self.casts, turned, here | self.remote[GLOBAL.width : CAST.width].any())
        unaligned, over = there.address[:3].any(), there.address[3:6] + self.words > LINE_WORDS
        with m.If(self.lists):
            # So many lines from a line on.
            lines, most = Signal(17), self._words // LINE_WORDS
            m.d.comb += lines.eq(local[6:ADDRESS_BITS] + self.remote[:16])
            m.d.comb += [
                fault.fault.eq(local[:6].any() | local[ADDRESS_BITS:].any() | self.remote[16:].any() | (lines > most)),
                fault.cause.eq(Mux(local[:6].any(), Fault.MISALIGNED, Fault.RANGE)),
                fault.operand.eq(local),
            ]
        with m.Elif(local_bad):
            m.d.comb += [
                fault.fault.eq(1),
                fault.cause.eq(Mux(local[:3].any(), Fault.MISALIGNED, Fault.RANGE)),
                fault.operand.eq(local),
            ]
        with m.Else():
            m.d.comb += [
                fault.fault.eq(nowhere | (~self.raises & (unaligned | over))),
                fault.cause.eq(Mux(~nowhere & unaligned, Fault.MISALIGNED, Fault.RANGE)),
                fault.operand.eq(self.remote),
            ]
        return m
