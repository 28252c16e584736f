"""Scalar registers: 32 of 64 bits per thread, four reads for the pair that issues, three writes a cycle.

Each thread's registers are read with the indices of its own two heads while issue still chooses the thread, so that the
choice does not lie before the array. Results of the execute stage are bypassed to the read of the same cycle; the late
port (loads, multiplication, start packets) is not: its readers wait for the register's pending bit. x0 is never written
and reads zero.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from rtl.core.interfaces import THREAD_BITS, THREADS

READS = 4  # operands a and b of head 0, then of head 1
RESULTS = 2

RegisterWrite = data.StructLayout({"en": 1, "thread": THREAD_BITS, "index": 5, "value": 64})


class ScalarRegisters(wiring.Component):
    """The register files of all threads."""

    # Index of read r of thread t at 4 t + r.
    index: In(data.ArrayLayout(5, THREADS * READS))
    # The thread whose values are wanted, and its four indices again.
    thread: In(THREAD_BITS)
    chosen: In(data.ArrayLayout(5, READS))
    # Combinational.
    value: Out(data.ArrayLayout(64, READS))
    # Written at the end of the cycle and bypassed; never two of one register.
    result: In(data.ArrayLayout(RegisterWrite, RESULTS))
    # Written at the end of the cycle.
    late: In(RegisterWrite)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stored = []
        for t in range(THREADS):
            m.submodules[f"thread_{t}"] = store = memory.Memory(shape=64, depth=isa.SCALAR_REGISTERS, init=[])
            for source in (*(self.result[k] for k in range(RESULTS)), self.late):
                port = store.write_port()
                m.d.comb += [
                    port.en.eq(source.en & (source.thread == t) & source.index.any()),
                    port.addr.eq(source.index),
                    port.data.eq(source.value),
                ]
            reads = []
            for r in range(READS):
                port = store.read_port(domain="comb")
                m.d.comb += port.addr.eq(self.index[READS * t + r])
                reads.append(port.data)
            stored.append(reads)
        current = [
            self.result[k].en & (self.result[k].thread == self.thread) & self.result[k].index.any() for k in range(RESULTS)
        ]
        for r in range(READS):
            held = Signal(64, name=f"held_{r}")
            with m.Switch(self.thread):
                for t in range(THREADS):
                    with m.Case(t):
                        m.d.comb += held.eq(stored[t][r])
            hit = Cat(current[k] & (self.result[k].index == self.chosen[r]) for k in range(RESULTS))
            bypass = Mux(hit[1], self.result[1].value, self.result[0].value)
            m.d.comb += self.value[r].eq(Mux(hit.any(), bypass, held))
        return m
