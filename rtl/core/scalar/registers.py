"""Scalar registers: 32 of 64 bits per thread, four reads for the pair that issues, three writes a cycle.

Each thread's registers are read with the indices of its own two heads while issue still chooses the thread, so that the
choice does not lie before the array. Results of the execute stage are bypassed to the read of the same cycle; the late
port (loads, multiplication, start packets) is not: its readers wait for the register's pending bit. x0 is never written
and reads zero.
"""

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from rtl.common.select import by_number
from rtl.core.access import ISSUE_SLOTS, Issued
from rtl.core.interfaces import THREAD_BITS, THREADS
from rtl.core.scalar.queue import HEADS, Heads

READS = 4  # operands a and b of head 0, then of head 1

RegisterWrite = data.StructLayout({"en": 1, "thread": THREAD_BITS, "index": 5, "value": 64})
Results = wiring.Signature(
    {
        # Written at the end of the cycle and bypassed; never two of one register.
        "write": Out(RegisterWrite).array(ISSUE_SLOTS),
    }
)
LateResult = wiring.Signature(
    {
        # Written at the end of the cycle, and not bypassed.
        "write": Out(RegisterWrite),
    }
)
Operands = wiring.Signature({"value": Out(data.ArrayLayout(64, READS))})


class ScalarRegisters(wiring.Component):
    """The register files of all threads."""

    # The registers of the heads are read, those of the thread that issues chosen.
    heads: In(Heads)
    issued: In(Issued)
    # Combinational.
    operands: Out(Operands)
    results: In(Results)
    late: In(LateResult)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        results = self.results.write
        stored = []
        for t in range(THREADS):
            m.submodules[f"thread_{t}"] = store = memory.Memory(shape=64, depth=isa.SCALAR_REGISTERS, init=[])
            for source in (*results, self.late.write):
                port = store.write_port()
                m.d.comb += [
                    port.en.eq(source.en & (source.thread == t) & source.index.any()),
                    port.addr.eq(source.index),
                    port.data.eq(source.value),
                ]
            reads = []
            for h in range(HEADS):
                q = self.heads.entry[HEADS * t + h]
                for index in (q.names.a, q.names.b):
                    port = store.read_port(domain="comb")
                    m.d.comb += port.addr.eq(index)
                    reads.append(Mux(index.any(), port.data, 0))
            stored.append(reads)
        thread = self.issued.thread
        current = [result.en & (result.thread == thread) & result.index.any() for result in results]
        chosen = [index for q in self.issued.slot for index in (q.names.a, q.names.b)]
        for r in range(READS):
            held = by_number(m, thread, [stored[t][r] for t in range(THREADS)], f"held_{r}")
            hit = Cat(current[k] & (results[k].index == chosen[r]) for k in range(ISSUE_SLOTS))
            bypass = Mux(hit[1], results[1].value, results[0].value)
            m.d.comb += self.operands.value[r].eq(Mux(hit.any(), bypass, held))
        return m
