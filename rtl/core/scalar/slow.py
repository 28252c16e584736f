"""The slow unit: multiplication and reads of control registers, one at a time, with the result some cycles later.

A product takes eight digits of 8 bits, a cycle each, in two steps: 64 x 8 bits, and addition. The result waits until the
late write port of the register file is free; until then the destination is pending and nothing else may start here.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.trace import SEQ_BITS
from rtl.common.invariant import always
from rtl.core.interfaces import THREAD_BITS

DIGIT = 8

SlowTag = data.StructLayout({"thread": THREAD_BITS, "index": 5, "seq": SEQ_BITS})


class SlowUnit(wiring.Component):
    """Starts when issue has claimed it, releases itself when the result is written or the instruction was cancelled."""

    # Issue claims the unit: the instruction comes to `start` or `cancel` in the next cycle.
    claim: In(1)
    # Nobody has claimed it; a flip-flop.
    free: Out(1, init=1)
    start: In(1)
    cancel: In(1)
    # With start.
    is_csr: In(1)
    a: In(64)
    b: In(64)
    tag: In(SlowTag)
    # Value of the control register, one cycle after start.
    csr_value: In(64)
    # A result waits; flip-flops. It is gone after a cycle with `take`.
    done: Out(1)
    result: Out(64)
    result_tag: Out(SlowTag)
    take: In(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        multiplicand, multiplier = Signal(64, reset_less=True), Signal(64, reset_less=True)
        reads = Signal()
        # Ones that walk down: digits still to multiply, and products still to add, a cycle behind.
        multiplying, adding = Signal(64 // DIGIT), Signal(64 // DIGIT)
        parts = [Signal(2 * DIGIT, name=f"part_{k}", reset_less=True) for k in range(64 // DIGIT)]
        # Products at even and at odd places do not overlap among themselves.
        even, odd = Cat(parts[0::2]), Cat(Const(0, DIGIT), parts[1::2])[:64]
        m.d.sync += [
            *(part.eq(multiplicand.word_select(k, DIGIT) * multiplier[:DIGIT]) for k, part in enumerate(parts)),
            multiplicand.eq(Cat(Const(0, DIGIT), multiplicand)),
            multiplier.eq(multiplier[DIGIT:]),
            multiplying.eq(multiplying[1:]),
            adding.eq(multiplying),
        ]
        always(m, ~self.claim | self.free, "the slow unit is claimed twice")
        always(m, ~(self.start | self.cancel) | ~self.free, "an instruction that did not claim the slow unit starts or is cancelled")
        always(m, ~self.take | self.done, "a result is taken before it is there")
        with m.If(self.start):
            m.d.sync += [
                multiplicand.eq(self.a),
                multiplier.eq(self.b),
                self.result.eq(0),
                self.result_tag.eq(self.tag),
                reads.eq(self.is_csr),
                multiplying.eq(Mux(self.is_csr, 0, 1 << (64 // DIGIT - 1))),
            ]
        with m.Elif(reads):
            m.d.sync += [self.result.eq(self.csr_value), reads.eq(0), self.done.eq(1)]
        with m.Elif(adding.any()):
            m.d.sync += [self.result.eq(self.result + even + odd), self.done.eq(adding[0])]
        with m.If(self.take):
            m.d.sync += self.done.eq(0)
        with m.If(self.claim):
            m.d.sync += self.free.eq(0)
        with m.Elif(self.take | self.cancel):
            m.d.sync += self.free.eq(1)
        return m
