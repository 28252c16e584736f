"""One slot of the execute stage (X, also called AG): result, next descriptor, addresses, and whether the instruction faults.

Combinational between the flip-flops that issue filled and whatever takes the results. A slot can do everything that needs
no unit that exists once.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0, F1, F2
from golden.arch.memmap import Fault
from rtl.core.memory.address import GatherAddress
from rtl.core.memory.descriptors import Descriptor, Stepper
from rtl.core.scalar.alu import Alu
from rtl.core.scalar.decode import Queued
from rtl.core.scalar.issue import GENERATION_BITS

ADDRESS_BITS = 21

Execute = data.StructLayout({
    "valid": 1,
    "q": Queued,
    "a": 64,
    "b": 64,
    "descriptor": Descriptor,
    "generation": GENERATION_BITS,
})
Gather = data.StructLayout({
    "base": 18,
    "t0": 18,
    "t1": 18,
    "t2": 18,
    "enable": 8,
    "keep": 64,
    "low": 18,
    "high": 18,
    "row": 3,
})


def pick(slots: list, flag: str) -> tuple[Value, Value]:
    """For a flag of the control word that one of the pair has at most: whether one has it, and whether the second."""
    second = slots[1].valid & slots[1].q.control[flag]
    return second | (slots[0].valid & slots[0].q.control[flag]), second


class ExecuteSlot(wiring.Component):
    """A slot.

    Parameters
    ----------
    words: words of SRAM.
    """

    x: In(Execute)
    # Faults found by the units that exist once, for an instruction of theirs.
    drain_fault: In(1)
    csr_illegal: In(1)
    # Register written at the end of this stage, if the instruction completes.
    writes: Out(1)
    index: Out(5)
    result: Out(64)
    # Predicate.
    predicate: Out(1)
    after: Out(Descriptor)
    # Byte address of a scalar access.
    address: Out(64)
    gather: Out(Gather)
    lanes: Out(data.ArrayLayout(18, 8))
    # Lanes of a vector access that are outside SRAM.
    outside: Out(8)
    # The instruction, if not cancelled, faults; operand unless lanes or a drain are outside.
    fault: Out(1)
    cause: Out(4)
    operand: Out(64)

    def __init__(self, words: int) -> None:
        self._words = words
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x, q, c = self.x, self.x.q, self.x.q.control
        m.submodules.alu = alu = Alu()
        m.submodules.stepper = stepper = Stepper()
        m.submodules.gather = gather = GatherAddress(self._words)
        m.d.comb += [
            alu.op.eq(c.alu),
            alu.compare.eq(c.compare),
            alu.invert.eq(c.invert),
            alu.a.eq(x.a),
            alu.b.eq(x.b),
            alu.pc.eq(q.pc),
            stepper.current.eq(x.descriptor),
            stepper.step.eq(q.step),
            stepper.set.eq(c.setd),
            stepper.low.eq(x.a),
            stepper.high.eq(x.b),
            gather.geometry.eq(x.descriptor.geometry),
            gather.position.eq(x.descriptor.inner),
            gather.tile.eq(q.word[F2 : F2 + 3]),
            gather.pieces.eq(c.pieces),
            self.after.eq(stepper.after),
            self.predicate.eq(alu.predicate),
            self.lanes.eq(gather.addr),
            self.outside.eq(gather.outside),
            *(self.gather[name].eq(getattr(gather, name)) for name in ("base", "enable", "keep", "low", "high", "row")),
            *(self.gather[f"t{bit}"].eq(gather.t[bit]) for bit in range(3)),
        ]
        # The result is a half of a descriptor, the moved base, or the arithmetic unit's.
        half = Mux(q.word[F2], stepper.image_high, stepper.image_low)
        m.d.comb += [
            self.writes.eq((c.writes_rd & ~c.sload & ~c.slow) | c.writes_ra),
            self.index.eq(Mux(c.writes_ra, q.word[F1 : F1 + 5], q.word[F0 : F0 + 5])),
            self.result.eq(Mux(c.getd, half, Mux(c.writes_ra, alu.sum, alu.result))),
            self.address.eq(Mux(c.post, x.a, alu.sum)),
        ]
        # A misaligned scalar access is that first.
        unaligned = Signal()
        with m.Switch(c.size):
            for size in range(1, 4):
                with m.Case(size):
                    m.d.comb += unaligned.eq(self.address[:size].any())
        beyond = self.address[ADDRESS_BITS:].any() | (self.address[3:ADDRESS_BITS] >= self._words)
        m.d.comb += [self.cause.eq(Fault.RANGE), self.operand.eq(self.address)]
        with m.If(c.sload | c.sstore):
            m.d.comb += self.fault.eq(unaligned | beyond)
            with m.If(unaligned):
                m.d.comb += self.cause.eq(Fault.MISALIGNED)
        with m.Elif(c.vload | c.vstore):
            m.d.comb += self.fault.eq(gather.outside.any())
        with m.Elif(c.drain):
            m.d.comb += self.fault.eq(self.drain_fault)
        with m.Elif(c.setd):
            m.d.comb += [self.fault.eq(stepper.bad), self.cause.eq(Fault.DESCRIPTOR), self.operand.eq(x.b)]
        with m.Elif(c.csr):
            m.d.comb += [self.fault.eq(self.csr_illegal), self.cause.eq(Fault.ILLEGAL), self.operand.eq(q.word)]
        return m
