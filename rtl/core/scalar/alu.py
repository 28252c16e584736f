"""The integer unit: one result and one comparison from two 64-bit operands, in one cycle (operations: golden.arch.classes.Alu, Compare).

Combinational between the operand registers of the execute stage and the register file's bypass. Multiplication is not
here (slow.py). No intermediate is wider than 64 bits, so that a simulator keeps to machine words.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.classes import Alu as Op
from golden.arch.classes import Compare
from rtl.core.interfaces import PC_BITS
from rtl.fp.shift import shift_left

LIH_BITS = 15


class Alu(wiring.Component):
    """Result and comparison; all outputs combinational."""

    op: In(Op)
    compare: In(Compare)
    invert: In(1)
    a: In(64)
    b: In(64)
    # Word address of the instruction, for the operations that make addresses of it.
    pc: In(PC_BITS)
    result: Out(64)
    # a + b whatever the operation: addresses and post-increments.
    sum: Out(64)
    # The comparison of a with b, inverted if asked.
    predicate: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self.a, self.b
        equal, less, less_unsigned = Signal(), Signal(), Signal()
        m.d.comb += [
            self.sum.eq(a + b),
            equal.eq(a == b),
            less_unsigned.eq(a < b),
            less.eq(Mux(a[63] == b[63], less_unsigned, a[63])),
        ]
        with m.Switch(self.compare):
            with m.Case(Compare.EQ):
                m.d.comb += self.predicate.eq(equal ^ self.invert)
            with m.Case(Compare.LT):
                m.d.comb += self.predicate.eq(less ^ self.invert)
            with m.Case(Compare.LTU):
                m.d.comb += self.predicate.eq(less_unsigned ^ self.invert)

        places = b[:6]
        left = shift_left(m, a, places, "left")
        # pc-relative results in words, with a bit for the carry and one for the sign.
        words = Signal(PC_BITS + 2)
        relative = Cat(b[:15], b[14].replicate(PC_BITS + 2 - 15))
        m.d.comb += words.eq(self.pc + Mux(self.op == Op.NEXT, 1, relative))
        link = Cat(Const(0, 2), words, words[-1].replicate(64 - 2 - len(words)))
        results = {
            Op.ADD: self.sum,
            Op.SUB: a - b,
            Op.AND: a & b,
            Op.OR: a | b,
            Op.XOR: a ^ b,
            Op.SLL: left,
            Op.SRL: a >> places,
            Op.SRA: a.as_signed() >> places,
            Op.SLT: less,
            Op.SLTU: less_unsigned,
            Op.MIN: Mux(less, a, b),
            Op.MAX: Mux(less, b, a),
            Op.LIH: Cat(b[:LIH_BITS], a)[:64],
            Op.NEXT: link,
            Op.LPC: link,
        }
        with m.Switch(self.op):
            for op, value in results.items():
                with m.Case(op):
                    m.d.comb += self.result.eq(value)
        return m
