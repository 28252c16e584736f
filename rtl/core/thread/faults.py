"""Faults of a thread: which one counts, and what it stops.

A fault that the thread comes to by itself waits for what was begun; one that is found late (by a unit, or as a lost word) also drops what
is queued. The first to come counts.
"""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import Fault, ThreadState
from rtl.common.network_ports import FAULTS, NetSteer
from rtl.core.interfaces import ScalarSteer
from rtl.core.thread.parts import Begin, Doom, Hold, Overflow, Rested, Stage
from rtl.mem.ports import Uncorrectable


class Faults(wiring.Component):
    """The faults.

    Parameters
    ----------
    number : of the thread.
    """

    stage: In(Stage)
    scalar_steer: In(ScalarSteer)
    overflow: In(Overflow)
    uncorrectable: In(Uncorrectable)
    net_steer: In(NetSteer)
    rested: In(Rested)
    begin: In(Begin)
    doom: Out(Doom)

    def __init__(self, number: int) -> None:
        self._number = number
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number, doom, found = self._number, self.doom, self.stage.found
        dying, lost = self.stage.hold == Hold.DEAD, self.uncorrectable.valid[number]
        events = [self.scalar_steer.fault, self.overflow.fault]
        hits = Signal(len(events))
        # Answers may come when the thread has long ended.
        stands = self.stage.state == ThreadState.FAULTED
        strays, strayed = [self.net_steer.fault[n] for n in range(FAULTS)], Signal(FAULTS)
        m.d.comb += [
            strayed.eq(Cat(event.valid & (event.thread == number) & ~stands for event in strays)),
            hits.eq(Cat(event.valid & (event.thread == number) for event in events)),
            doom.late.eq((lost | hits.any() | strayed.any()) & ~dying),
            doom.back.eq(hits.any() & ~dying),
            doom.dead.eq(dying & self.rested.empty & ~doom.kill),
        ]
        m.d.sync += doom.kill.eq(hits.any() | lost | strayed.any())
        with m.If(found.valid):
            m.d.sync += [doom.cause.eq(found.cause), doom.operand.eq(found.operand)]
        # The access is no longer known when its word turns out to be lost: pc stays where the thread has come to.
        with m.If(lost & ~dying):
            m.d.sync += [doom.cause.eq(Fault.ECC), doom.operand.eq(Cat(Const(0, 3), self.uncorrectable.addr[number]))]
        for hit, event in zip(strayed, strays, strict=True):
            with m.If(hit & ~dying):
                m.d.sync += [doom.cause.eq(event.cause), doom.operand.eq(event.operand)]
        for hit, event in zip(hits, events, strict=True):
            with m.If(hit):
                m.d.comb += doom.pc.eq(event.pc)
            with m.If(hit & ~dying):
                m.d.sync += [doom.cause.eq(event.cause), doom.operand.eq(event.operand)]
        with m.If(self.begin.valid):
            m.d.sync += [doom.cause.eq(Fault.NONE), doom.operand.eq(0)]
        return m
