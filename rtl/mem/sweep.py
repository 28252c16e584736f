"""After reset, write zero words with valid check bits everywhere, and keep the ports shut meanwhile."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out


class Sweep(wiring.Component):
    """Counts `steps` cycles after reset."""

    # High from reset to the last step.
    active: Out(1, init=1)
    # The step that runs, while active.
    step: Out(16)

    def __init__(self, steps: int):
        self._steps = steps
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        with m.If(self.active):
            m.d.sync += self.step.eq(self.step + 1)
            with m.If(self.step == self._steps - 1):
                m.d.sync += self.active.eq(0)
        return m
