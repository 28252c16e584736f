"""The fault report of the execute stage, two cycles later, off every other path."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interfaces import PC_BITS, THREAD_BITS, THREADS, FaultEvent


class FaultReport(wiring.Component):
    """Report of one fault."""

    # In the cycle of a fault: what everybody knows at once.
    valid: In(1)
    thread: In(THREAD_BITS)
    cause: In(4)
    pc: In(PC_BITS)
    # The operand, unless the instruction accesses memory outside SRAM: that comes a cycle later.
    operand: In(64)
    outside: In(1)
    place: In(64)
    # Threads that are killed, for another fault: this one is forgotten.
    kill: In(THREADS)
    # Flip-flops.
    event: Out(FaultEvent)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = {
            name: Signal(len(Value.cast(getattr(self, name))), name=f"held_{name}", reset_less=True)
            for name in ("thread", "cause", "pc", "operand", "outside")
        }
        valid = Signal()
        m.d.sync += valid.eq(self.valid & ~self.kill.bit_select(self.thread, 1))
        with m.If(self.valid):
            m.d.sync += [value.eq(getattr(self, name)) for name, value in held.items()]
        m.d.sync += self.event.valid.eq(valid & ~self.kill.bit_select(held["thread"], 1))
        with m.If(valid):
            m.d.sync += [
                *(self.event[name].eq(held[name]) for name in ("thread", "cause", "pc")),
                self.event.operand.eq(Mux(held["outside"], self.place, held["operand"])),
            ]
        return m
