"""Which vector registers wait for a load, and how many loads each has had, modulo two.

The eight lanes of a load return on their own. A register's load is over in the cycle in which its last lane returns: from the
next cycle on it is not busy, its parity has changed, and a read of it gives the loaded value.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import VECTOR_REGISTERS
from golden.arch.sram import LANES
from rtl.core.interfaces import THREAD_BITS, THREADS, LoadBegin

Arrival = data.StructLayout({"valid": LANES, "thread": data.ArrayLayout(THREAD_BITS, LANES), "reg": data.ArrayLayout(5, LANES)})
"""What came back on a load port: lanes, and the register of each."""


class LoadTracker(wiring.Component):
    """Registers of four threads. A register has one load under way at most."""

    # Loads that issue.
    begin: In(data.ArrayLayout(LoadBegin, 2))
    arrival: In(data.ArrayLayout(Arrival, 2))
    # State.
    busy: Out(data.ArrayLayout(VECTOR_REGISTERS, THREADS))
    parity: Out(data.ArrayLayout(VECTOR_REGISTERS, THREADS))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for t in range(THREADS):
            over = Signal(VECTOR_REGISTERS, name=f"over_{t}")
            begun = [Signal(VECTOR_REGISTERS, name=f"begun_{t}_{k}") for k in range(2)]
            for mask, begin in zip(begun, self.begin, strict=True):
                m.d.comb += mask.eq(Mux(begin.valid & (begin.thread == t), 1 << begin.reg, 0))
            complete = self.busy[t]
            for lane in range(LANES):
                seen = Signal(VECTOR_REGISTERS, name=f"seen_{t}_{lane}")  # lane has come, of a load that is not over
                now = Signal(VECTOR_REGISTERS, name=f"now_{t}_{lane}")
                came = [
                    Mux(port.valid[lane] & (port.thread[lane] == t), 1 << port.reg[lane], 0) for port in self.arrival
                ]
                m.d.comb += now.eq(seen | came[0] | came[1])
                m.d.sync += seen.eq(now & ~over)
                complete = complete & now
            m.d.comb += over.eq(complete)
            m.d.sync += [
                self.busy[t].eq((self.busy[t] & ~over) | begun[0] | begun[1]),
                self.parity[t].eq(self.parity[t] ^ over),
            ]
        return m


def arrival_of(lane_return) -> Cat:
    """A ``rtl.mem.ports.LaneReturn`` as an Arrival."""
    return Cat(lane_return.valid, *lane_return.thread, *lane_return.reg)
