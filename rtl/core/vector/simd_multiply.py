"""Products of the integers in a 32-bit lane: one of 32 bits, two of 16 or four of 8, of which either half is wanted.

    S1 a row for each bit of the multiplier, three levels of full adders    S2 five more: two rows    S3 the product    S4 its half

One array serves all sizes: of each row only the bits of the element that the multiplier's bit belongs to are left, so that every product
of w by w bits lies in 2w places of its own. The array is unsigned. What a high half of signed integers has too much is b where a is
negative, and a where b is; S4 takes it off.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.simd_ops import SimdOp
from rtl.common.delay import delay, stage
from rtl.core.vector.elements import by_size, signs, tops
from rtl.fp.adder import Body, add, add_elements, carry_save

MULTIPLY_STAGES = 4

WIDTH = 32


class SimdMultiply(wiring.Component):
    """One lane; one operation a cycle. ``body``: form of the array."""

    # The low four bits of the operation's code, with the operands.
    op: In(4)
    a: In(WIDTH)
    b: In(WIDTH)
    # MULTIPLY_STAGES cycles later.
    result: Out(WIDTH)

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b, size = self.a, self.b, self.op[:2]
        low, signed = (self.op[2:] == (op & 15) >> 2 for op in (SimdOp.IMUL8, SimdOp.IMULH8))
        whole = self._gates(m) if self.body is Body.SYNTHESIS else self._product(m)
        owed = [other & signs(operand, size) & signed.replicate(WIDTH) for operand, other in ((a, b), (b, a))]
        s1 = stage(m, "s1", size=size, high=~low, owed_a=owed[0], owed_b=owed[1])
        total = add_elements(m, s1.owed_a, s1.owed_b, Const(0), tops(s1.size, WIDTH), width=WIDTH, body=self.body, name="owed")
        s2 = stage(m, "s2", size=s1.size, high=s1.high, owed=total)
        s3 = stage(m, "s3", size=s2.size, high=s2.high, owed=s2.owed)

        def halves(bits: int) -> Value:
            parts = [whole.word_select(part, bits) for part in range(2 * WIDTH // bits)]
            return Cat(Mux(s3.high, high, low) for low, high in zip(parts[::2], parts[1::2], strict=True))

        half = Signal(WIDTH)
        m.d.comb += half.eq(by_size(s3.size, WIDTH, halves))
        rest = add_elements(m, half, s3.owed, Const(1), tops(s3.size, WIDTH), width=WIDTH, body=self.body, name="rest")
        m.d.comb += self.result.eq(delay(m, rest, ("s4",), "result", reset_less=True))
        return m

    def _product(self, m: Module) -> Value:
        """The product of S3, for simulation."""
        s1 = stage(m, "operand", size=self.op[:2], a=self.a, b=self.b)
        whole = Signal(2 * WIDTH)

        def products(bits: int) -> Value:
            return Cat(s1.a.word_select(k, bits) * s1.b.word_select(k, bits) for k in range(WIDTH // bits))

        m.d.comb += whole.eq(by_size(s1.size, WIDTH, products))
        return delay(m, whole, ("s2", "s3"), "product", reset_less=True)

    def _gates(self, m: Module) -> Value:
        """The product of S3, for synthesis."""
        half, word = self.op[:2].any(), self.op[1]
        rows = []
        for byte in range(WIDTH // 8):
            # Bytes of the multiplicand that are of one element with this byte of the multiplier.
            together = [Const(1) if k == byte else half if k // 2 == byte // 2 else word for k in range(WIDTH // 8)]
            own = Signal(WIDTH, name=f"own_{byte}")
            m.d.comb += own.eq(self.a & Cat(one.replicate(8) for one in together))
            rows += [Cat(Const(0, place), own & self.b[place].replicate(WIDTH)) for place in range(8 * byte, 8 * byte + 8)]
        rows = _compressed(m, rows, 3, "s1")
        rows = _compressed(m, [delay(m, row, (f"s1_row_{k}",), reset_less=True) for k, row in enumerate(rows)], 5, "s2")
        rows = [delay(m, row, (f"s2_row_{k}",), reset_less=True) for k, row in enumerate(rows)]
        return delay(m, add(m, *rows, width=2 * WIDTH, body=self.body, name="whole"), ("s3",), "product", reset_less=True)


def _compressed(m: Module, rows: list[Value], levels: int, name: str) -> list[Value]:
    """Fewer rows of the same sum: each level of full adders makes two of three."""
    for level in range(levels):
        made, threes = [], len(rows) // 3 * 3
        for k in range(0, threes, 3):
            made += carry_save(m, *rows[k : k + 3], width=2 * WIDTH, name=f"{name}_{level}_{k}")
        rows = made + rows[threes:]
    return rows
