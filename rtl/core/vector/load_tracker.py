"""Which vector registers wait for a load, and how many loads each has had, modulo two.

The eight lanes of a load return on their own. A register's load is over in the cycle in which its last lane returns: from the
next cycle on it is not busy, its parity has changed, and a read of it gives the loaded value.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import VECTOR_REGISTERS
from golden.arch.sram import LANES
from rtl.common.invariant import always
from rtl.core.interfaces import THREADS, LoadBegins
from rtl.core.vector.parts import LoadState
from rtl.mem.ports import LaneReturn


class LoadTracker(wiring.Component):
    """Registers of four threads. A register has one load under way at most."""

    # Loads that issue.
    begins: In(LoadBegins)
    # What their lanes bring.
    l0: In(LaneReturn)
    l1: In(LaneReturn)
    state: Out(LoadState)

    def elaborate(self, platform: object) -> Module:
        m, state = Module(), self.state
        for t in range(THREADS):
            over = Signal(VECTOR_REGISTERS, name=f"over_{t}")
            begun = [Signal(VECTOR_REGISTERS, name=f"begun_{t}_{k}") for k in range(2)]
            for mask, begin in zip(begun, self.begins.begin, strict=True):
                m.d.comb += mask.eq(Mux(begin.valid & (begin.thread == t), 1 << begin.reg, 0))
            complete = state.busy[t]
            for lane in range(LANES):
                seen = Signal(VECTOR_REGISTERS, name=f"seen_{t}_{lane}")  # lane has come, of a load that is not over
                now = Signal(VECTOR_REGISTERS, name=f"now_{t}_{lane}")
                came = [
                    Mux(port.valid[lane] & (port.thread[lane] == t), 1 << port.reg[lane], 0) for port in (self.l0, self.l1)
                ]
                m.d.comb += now.eq(seen | came[0] | came[1])
                returns, twice = came[0] | came[1], (came[0] & came[1]) | ((came[0] | came[1]) & seen)
                always(m, ~twice.any(), f"lane {lane} returns twice to a register of thread {t}")
                always(m, ~(returns & ~state.busy[t]).any(), f"lane {lane} returns to a register of thread {t} that waits for no load")
                m.d.sync += seen.eq(now & ~over)
                complete = complete & now
            m.d.comb += over.eq(complete)
            always(m, ~(begun[0] & begun[1]).any(), f"two loads of a register of thread {t} issue at once")
            always(m, ~((begun[0] | begun[1]) & state.busy[t]).any(), f"a register of thread {t} has two loads under way")
            m.d.sync += [
                state.busy[t].eq((state.busy[t] & ~over) | begun[0] | begun[1]),
                state.parity[t].eq(state.parity[t] ^ over),
            ]
        return m
