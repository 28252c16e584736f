"""After reset, write zero words with valid check bits everywhere, and keep the ports shut meanwhile."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from rtl.mem.stages import SweepStep


class Sweep(wiring.Component):
    """Counts `steps` cycles after reset."""

    # Active from reset to the last step.
    now: Out(SweepStep)

    def __init__(self, steps: int):
        self._steps = steps
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        active = Signal(init=1)
        m.d.comb += self.now.active.eq(active)
        with m.If(active):
            m.d.sync += self.now.step.eq(self.now.step + 1)
            with m.If(self.now.step == self._steps - 1):
                m.d.sync += active.eq(0)
        return m
