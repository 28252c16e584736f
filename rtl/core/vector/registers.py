"""The vector registers: eight slices of 64 bits, one per lane, each with four threads of 32 registers.

Reads are addressed in one cycle and stand at the output in the next. What is written in a cycle is read by addresses of the next
cycle on. The lanes of a load write on their own; nobody writes one register from two ports in a cycle.
"""

from amaranth.hdl import Cat, Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from golden.arch.isa import VECTOR_REGISTERS
from golden.arch.sram import LANES
from rtl.core.interfaces import THREADS, StoreData
from rtl.core.vector.parts import SimdResult, reads
from rtl.mem.ports import LaneReturn


class VectorRegisters(wiring.Component):
    """The register file."""

    # Three reads for SIMD operations, two for the matrix unit, one for stores.
    simd: In(reads(3))
    matrix: In(reads(2))
    store: In(StoreData)
    # Two load ports, one SIMD result.
    l0: In(LaneReturn)
    l1: In(LaneReturn)
    result: In(SimdResult)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        asked = [*zip(self.simd.address, self.simd.value, strict=True), *zip(self.matrix.address, self.matrix.value, strict=True)]
        asked.append((self.store.read, self.store.data))
        for lane in range(LANES):
            m.submodules[f"slice_{lane}"] = part = memory.Memory(shape=64, depth=THREADS * VECTOR_REGISTERS, init=[])
            for source in (self.l0, self.l1):
                port = part.write_port()
                m.d.comb += [
                    port.en.eq(source.valid[lane]),
                    port.addr.eq(Cat(source.reg[lane], source.thread[lane])),
                    port.data.eq(source.data[lane]),
                ]
            port = part.write_port()
            m.d.comb += [port.en.eq(self.result.valid), port.addr.eq(self.result.to), port.data.eq(self.result.data[lane])]
            for address, value in asked:
                port = part.read_port(domain="sync")
                m.d.comb += [port.addr.eq(address), value[64 * lane : 64 * lane + 64].eq(port.data)]
        return m
