"""Operations that move elements across the lanes of a register: one stage.

Rotation is four steps of constant distance (8, 4, 2, 1 lanes); a splat is a rotation of which lane 0 goes everywhere;
shuffles choose a lane, or a byte of 16, by what operand b holds there; the rest is fixed wiring.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.simd_ops import IMM_BITS, SIMD_LANES, SimdOp


class SimdPermute(wiring.Component):
    """The permutation class; one operation a cycle. ``lanes``: a power of two."""

    def __init__(self, lanes: int = SIMD_LANES):
        self.lanes = lanes
        super().__init__(
            {
                # The low four bits of the operation's code, with the operands.
                "op": In(4),
                # Lane index or distance, with the operands.
                "imm": In(IMM_BITS),
                # Operands, lane by lane.
                "a": In(32).array(lanes),
                "b": In(32).array(lanes),
                # Result, lane by lane, one cycle after the operands.
                "result": Out(32).array(lanes),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        lanes = self.lanes
        rotated = list(self.a)
        for bit in reversed(range(lanes.bit_length() - 1)):
            turned = [Signal(32, name=f"turn{1 << bit}_{lane}") for lane in range(lanes)]
            m.d.comb += [turned[lane].eq(Mux(self.imm[bit], rotated[(lane + (1 << bit)) % lanes], rotated[lane])) for lane in range(lanes)]
            rotated = turned

        for lane in range(lanes):
            value, result = Signal(32, name=f"value_{lane}"), Signal(32, name=f"result_{lane}", reset_less=True)
            with m.Switch(self.op):
                for op, source in self._wiring(lane).items():
                    with m.Case(op & 15):
                        m.d.comb += value.eq(source)
                with m.Case(SimdOp.SHUFFLE32 & 15):
                    with m.Switch(self.b[lane][: lanes.bit_length() - 1]):
                        for source, word in enumerate(self.a):
                            with m.Case(source):
                                m.d.comb += value.eq(word)
                with m.Case(SimdOp.SHUFFLE8 & 15):
                    group = Cat(self.a[lane // 4 * 4 : lane // 4 * 4 + 4])
                    for byte in range(4):
                        m.d.comb += value.word_select(byte, 8).eq(group.word_select(self.b[lane].word_select(byte, 8)[:4], 8))
                with m.Case(SimdOp.SPLAT & 15):
                    m.d.comb += value.eq(rotated[0])
                with m.Default():
                    m.d.comb += value.eq(rotated[lane])
            m.d.sync += result.eq(value)
            m.d.comb += self.result[lane].eq(result)
        return m

    def _wiring(self, lane: int) -> dict[SimdOp, object]:
        """What lane ``lane`` of the result is, for the operations of fixed wiring."""
        pair, half = (self.a, self.b), self.lanes // 2
        low, high = lane // 2, half + lane // 2
        odd = 16 * (lane % 2)
        # Lane i of a 16-bit zip is element i of a below element i of b: half a lane of each.
        return {
            SimdOp.ZIP32_LO: pair[lane % 2][low],
            SimdOp.ZIP32_HI: pair[lane % 2][high],
            SimdOp.ZIP16_LO: Cat(self.a[low][odd : odd + 16], self.b[low][odd : odd + 16]),
            SimdOp.ZIP16_HI: Cat(self.a[high][odd : odd + 16], self.b[high][odd : odd + 16]),
            SimdOp.ZIP8_LO: _zipped(self.a, self.b, 16 * lane),
            SimdOp.ZIP8_HI: _zipped(self.a, self.b, 16 * (self.lanes + lane)),
            SimdOp.CAT_LO: pair[lane // half][lane % half],
            SimdOp.CAT_HI: pair[lane // half][half + lane % half],
            SimdOp.DUP_LO: self.a[lane % half],
            SimdOp.DUP_HI: self.a[half + lane % half],
        }


def _zipped(a: list[Value], b: list[Value], bit: int) -> Value:
    """Two bytes of a from bit ``bit`` of the register on, each below the same byte of b."""
    left, right = (Cat(operand)[bit : bit + 16] for operand in (a, b))
    return Cat(left[:8], right[:8], left[8:], right[8:])
