"""Credits: what a sender knows of the free places at the other end of a link."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.packet import CHANNELS, CREDITS
from rtl.common.invariant import always

COUNT = data.ArrayLayout(range(CREDITS + 1), CHANNELS)
"""Credits per channel."""


class Credits(wiring.Component):
    """One counter per channel, full after reset. A credit that comes back counts from the next cycle on."""

    # A packet leaves on the channel; only while `ok`.
    take: In(CHANNELS)
    # The receiver freed a place.
    give: In(CHANNELS)
    # The channel has credit. Flip-flops, as is `count`.
    ok: Out(CHANNELS, init=(1 << CHANNELS) - 1)
    count: Out(COUNT, init=[CREDITS] * CHANNELS)

    def elaborate(self, platform):
        m = Module()
        for v in range(CHANNELS):
            count, give = self.count[v], self.give[v]
            # `take` comes late: both outcomes are ready before it.
            taken, kept = Signal(self.count[v].shape(), name=f"taken{v}"), Signal(self.count[v].shape(), name=f"kept{v}")
            m.d.comb += [taken.eq(count - 1 + give), kept.eq(count + give)]
            always(m, ~self.take[v] | count.any(), f"a packet leaves on channel {v} without credit")
            always(m, ~give | (count != CREDITS), f"a credit of channel {v} comes back that nobody spent")
            always(m, self.ok[v] == count.any(), f"channel {v} has credit, or none, and says otherwise")
            m.d.sync += [
                count.eq(Mux(self.take[v], taken, kept)),
                self.ok[v].eq(Mux(self.take[v], taken != 0, kept != 0)),
            ]
        return m
