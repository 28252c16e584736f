"""The debugger's hand on a thread: it halts when everything begun is done, goes one instruction at a time, executes injected ones.

A command that does not fit the thread's state does nothing. An injected instruction leaves the thread halted.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import ThreadState
from golden.arch.packet import DebugOp
from rtl.common.host_ports import Debug
from rtl.core.groups import Debugged, Dispatched, Where, told
from rtl.core.interfaces import PC_BITS
from rtl.core.thread.parts import Begin, Doom, Hold, Orders, Rested, Stage


class Debugger(wiring.Component):
    """The debugger of a thread.

    Parameters
    ----------
    number : of the thread.
    """

    debug: In(Debug)
    dispatched: In(Dispatched)
    stage: In(Stage)
    where: In(told(Where))
    rested: In(Rested)
    doom: In(Doom)
    begin: In(Begin)
    orders: Out(Orders)
    debugged: Out(told(Debugged))

    def __init__(self, number: int) -> None:
        self._number = number
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        orders, stage, empty = self.orders, self.stage, self.rested.empty
        running, halted = stage.state == ThreadState.RUNNING, stage.state == ThreadState.HALTED
        left = self.dispatched.group.valid & self.dispatched.group.first
        break_on, break_pc, break_skip, injected = Signal(), Signal(PC_BITS), Signal(), Signal()
        still = stage.hold == Hold.NONE
        resting = still | (stage.hold == Hold.SEMAPHORE) | (stage.hold == Hold.JOIN)
        m.d.comb += [
            orders.at_break.eq(break_on & (break_pc == self.where.state.pc) & ~break_skip),
            orders.halts.eq(running & (orders.halting | (orders.at_break & still)) & resting & empty & ~stage.ends),
            orders.done.eq(injected & empty & still & halted),
            orders.word.eq(self.debug.value[:32]),
            orders.pc.eq(self.debug.value[2:]),
            self.debugged.state.single.eq(orders.single | orders.inject),
            self.debugged.state.inject.eq(orders.inject),
            self.debugged.state.word.eq(stage.word),
            self.debugged.state.break_on.eq(break_on),
            self.debugged.state.break_pc.eq(break_pc),
        ]
        with m.If(left):
            m.d.sync += [orders.inject.eq(0), break_skip.eq(0)]
        with m.If(self.doom.dead):
            m.d.sync += [orders.inject.eq(0), orders.single.eq(0), orders.halting.eq(0)]
        with m.If(self.begin.valid):
            m.d.sync += [orders.halting.eq(0), orders.single.eq(0), orders.inject.eq(0), break_skip.eq(0)]
        with m.If(orders.halts):
            m.d.sync += [orders.halting.eq(0), orders.single.eq(0)]
        with m.If(running & orders.single & left):
            m.d.sync += orders.halting.eq(1)
        with m.If(orders.inject & left):
            m.d.sync += injected.eq(1)
        with m.If(injected & empty & still):
            m.d.sync += injected.eq(0)  # unless the thread is halted, its end or its fault has been told

        with m.If(self.debug.valid & (self.debug.thread == self._number)):
            with m.Switch(self.debug.op):
                with m.Case(DebugOp.HALT):
                    m.d.sync += orders.halting.eq(running)
                with m.Case(DebugOp.RESUME, DebugOp.STEP):
                    with m.If(halted):
                        m.d.comb += orders.resumes.eq(1)
                        m.d.sync += [orders.single.eq(self.debug.op == DebugOp.STEP), break_skip.eq(1), orders.halting.eq(0)]
                with m.Case(DebugOp.BREAK_SET):
                    m.d.sync += [break_on.eq(1), break_pc.eq(self.debug.value[2:])]
                with m.Case(DebugOp.BREAK_CLEAR):
                    m.d.sync += break_on.eq(0)
                with m.Case(DebugOp.INJECT):
                    with m.If(halted):
                        m.d.comb += orders.takes.eq(1)
                        m.d.sync += orders.inject.eq(1)
                with m.Case(DebugOp.FLUSH):
                    m.d.comb += orders.flush.eq(1)
                with m.Case(DebugOp.JUMP):
                    m.d.comb += orders.jumps.eq(halted)
        return m
