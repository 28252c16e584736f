"""The vector registers: eight slices of 64 bits, one per lane, each with four threads of 32 registers.

Reads are addressed in one cycle and stand at the output in the next. What is written in a cycle is read by addresses of the next
cycle on. The lanes of a load write on their own; nobody writes one register from two ports in a cycle.
"""

from amaranth.hdl import Module
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import VECTOR_REGISTERS
from golden.arch.sram import LANES
from rtl.core.interfaces import THREADS, Register

READS = 6
LaneWrite = data.StructLayout(
    {
        "valid": LANES,
        "to": data.ArrayLayout(Register, LANES),
        "data": data.ArrayLayout(64, LANES),
    }
)
RegisterWrite = data.StructLayout({"valid": 1, "to": Register, "data": data.ArrayLayout(64, LANES)})


class VectorRegisters(wiring.Component):
    """The register file."""

    read: In(data.ArrayLayout(Register, READS))
    # What the addresses of the previous cycle named.
    value: Out(data.ArrayLayout(512, READS))
    # Two load ports, one SIMD result.
    load: In(data.ArrayLayout(LaneWrite, 2))
    result: In(RegisterWrite)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane in range(LANES):
            m.submodules[f"slice_{lane}"] = part = memory.Memory(shape=64, depth=THREADS * VECTOR_REGISTERS, init=[])
            for source in self.load:
                port = part.write_port()
                m.d.comb += [port.en.eq(source.valid[lane]), port.addr.eq(source.to[lane]), port.data.eq(source.data[lane])]
            port = part.write_port()
            m.d.comb += [port.en.eq(self.result.valid), port.addr.eq(self.result.to), port.data.eq(self.result.data[lane])]
            for address, value in zip(self.read, self.value, strict=True):
                port = part.read_port(domain="sync")
                m.d.comb += [port.addr.eq(address), value[64 * lane : 64 * lane + 64].eq(port.data)]
        return m
