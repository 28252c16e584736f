"""Shifts of the integers in 64 bits, each by a distance of its own.

    S1 distances; turned over for a left shift    S2 shift right    S3 turned back

One shifter serves all sizes: where a step would bring in bits of the element above, it brings in zeros or the sign.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.simd_ops import SimdOp
from rtl.common.delay import delay, stage
from rtl.core.vector.elements import by_size, pattern, signs

SHIFT_STAGES = 3

WIDTH = 64
STEPS = (WIDTH - 1).bit_length()


class SimdShift(wiring.Component):
    """Two lanes; one operation a cycle."""

    # The low four bits of the operation's code, with the operands.
    op: In(4)
    a: In(WIDTH)
    b: In(WIDTH)
    # SHIFT_STAGES cycles later.
    result: Out(WIDTH)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = self.op[:2]
        left, arithmetic = (self.op[2:] == (op & 15) >> 2 for op in (SimdOp.ISHLV8, SimdOp.ISARV8))
        distances = [by_size(size, WIDTH, lambda bits, byte=byte: _distance(self.b, bits, byte)) for byte in range(WIDTH // 8)]
        moves = {}
        for k in range(STEPS):
            # A bit for each byte: whether it moves by 2^k places.
            straight = Signal(WIDTH // 8, name=f"straight_{k}")
            m.d.comb += straight.eq(Cat(distance[k] for distance in distances))
            moves[f"move_{k}"] = Mux(left, straight[::-1], straight)
        s1 = stage(
            m,
            "s1",
            left=left,
            size=size,
            word=Mux(left, self.a[::-1], self.a),
            fill=signs(self.a, size) & arithmetic.replicate(WIDTH),
            **moves,
        )
        word = s1.word
        for k in range(STEPS):
            kept = by_size(s1.size, WIDTH, lambda bits, step=1 << k: pattern(WIDTH, bits, (1 << max(bits - step, 0)) - 1))
            move = Cat(bit.replicate(8) for bit in getattr(s1, f"move_{k}"))
            step = Signal(WIDTH, name=f"moved_{1 << k}")
            m.d.comb += step.eq(move & (kept & word[1 << k :] | ~kept & s1.fill) | ~move & word)
            word = step
        s2 = stage(m, "s2", left=s1.left, word=word)
        m.d.comb += self.result.eq(delay(m, Mux(s2.left, s2.word[::-1], s2.word), ("s3",), "result", reset_less=True))
        return m


def _distance(b: Value, bits: int, byte: int) -> Value:
    """How far the element of so many bits moves that holds a byte."""
    element = b.word_select(8 * byte // bits, bits)
    return Cat(element[: (bits - 1).bit_length()], Const(0, STEPS))[:STEPS]
