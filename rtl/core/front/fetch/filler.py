"""Fills of the instruction cache: one line at a time; after a missing line the next one too, if it is not there."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.memmap import LINE_BITS
from rtl.core.front.parts import Came, FetchEvents, Flush, Miss, Probe
from rtl.mem import ports


class Filler(wiring.Component):
    """The fills.

    Parameters
    ----------
    config : size of SRAM: lines past it are not asked for.
    """

    miss: In(Miss)
    flush: In(Flush)
    fill: Out(ports.Fill)
    came: Out(Came)
    probe: Out(Probe)
    events: Out(FetchEvents)

    def __init__(self, config: NodeConfig) -> None:
        self._exist = config.sram_bytes // 64
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fill, back, flush, came = self.fill, self.fill.ret, self.flush.all, self.came
        asked, returning = Signal(LINE_BITS), Signal()
        after, prefetching = Signal(), Signal()  # a line returned in the previous cycle; it was not asked for by a miss
        stale = Signal()  # flushed while a fill was under way: its data is dropped
        starts = self.miss.valid & ~fill.valid & ~returning & ~after
        m.d.sync += self.events.miss.eq(starts & self.miss.first)
        with m.If(starts):
            m.d.sync += [fill.valid.eq(1), asked.eq(self.miss.line)]
        with m.If(fill.valid & fill.ready):
            m.d.sync += [fill.valid.eq(0), returning.eq(1)]
        with m.If(back.valid):
            m.d.sync += [returning.eq(0), after.eq(~after & ~flush), stale.eq(0)]
        with m.If(after):
            m.d.sync += after.eq(0)
            with m.If(~self.probe.there & ~prefetching & (self.probe.line < self._exist)):
                m.d.sync += [fill.valid.eq(1), asked.eq(self.probe.line), prefetching.eq(1)]
            with m.Else():
                m.d.sync += prefetching.eq(0)
        with m.If(flush):
            m.d.sync += stale.eq((returning & ~back.valid) | (fill.valid & fill.ready))
        m.d.comb += [
            fill.line.eq(asked),
            self.probe.line.eq(asked + 1),
            came.valid.eq(back.valid),
            came.counts.eq(~stale),
            came.line.eq(asked),  # still the line that returned, in the cycle after
            came.data.eq(back.data),
            came.lost.eq(back.lost),
        ]
        m.d.sync += came.told.eq(back.valid)
        return m
