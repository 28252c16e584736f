"""Integers of 16 and 8 bits: what the packed class does within a lane, and 32-bit lanes clamped to small integers. One stage each."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import IntFormat
from golden.arch.simd_ops import IMM_BITS, SIMD_LANES, SIMD_OPS, SimdClass, SimdOp


class SimdPacked(wiring.Component):
    """Shifts, compares, minimum and maximum of a lane's elements; one operation a cycle."""

    # The low four bits of the operation's code, and the shift distance, with the operands.
    op: In(4)
    imm: In(IMM_BITS)
    a: In(32)
    b: In(32)
    # One cycle later.
    result: Out(32)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result, wide = Signal(32, reset_less=True), {}
        m.d.comb += self.result.eq(result)
        for bits in (16, 8):
            wide[bits] = Signal(32, name=f"elements_of_{bits}")
            for place in range(32 // bits):
                m.d.comb += wide[bits].word_select(place, bits).eq(self._element(m, bits, place))
        # Bit 3 of the code is set for bytes.
        m.d.sync += result.eq(Mux(self.op[3], wide[8], wide[16]))
        return m

    def _element(self, m: Module, bits: int, place: int) -> Value:
        a, b = (operand.word_select(place, bits) for operand in (self.a, self.b))
        distance, unsigned = self.imm[: (bits - 1).bit_length()], self.op[:3] == SimdOp.ILTU16 & 7
        less = Cat(a[:-1], a[-1] ^ ~unsigned) < Cat(b[:-1], b[-1] ^ ~unsigned)
        value = Signal(bits, name=f"element_{bits}_{place}")
        with m.Switch(self.op[:3]):
            for op, meaning in (
                (SimdOp.ISHL16, (a << distance)[:bits]),
                (SimdOp.ISHR16, a >> distance),
                (SimdOp.ISAR16, a.as_signed() >> distance),
                (SimdOp.IEQ16, (a == b).replicate(bits)),
                (SimdOp.ILT16, less.replicate(bits)),
                (SimdOp.ILTU16, less.replicate(bits)),
                (SimdOp.IMIN16, Mux(less, a, b)),
                (SimdOp.IMAX16, Mux(less, b, a)),
            ):
                with m.Case(op & 7):
                    m.d.comb += value.eq(meaning)
        return value


_PACKS = {op: info.format for op, info in SIMD_OPS.items() if info.simd_class is SimdClass.PACK}


class SimdPack(wiring.Component):
    """The packing class: element i is lane i of a, element 16 + i lane i of b, clamped. ``lanes``: a power of two."""

    def __init__(self, lanes: int = SIMD_LANES):
        self.lanes = lanes
        super().__init__(
            {
                # The low four bits of the operation's code, with the operands.
                "op": In(4),
                "a": In(32).array(lanes),
                "b": In(32).array(lanes),
                # Lane by lane, one cycle later.
                "result": Out(32).array(lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        elements = []
        for place, value in enumerate([*self.a, *self.b]):
            clamped = Signal(16, name=f"clamped_{place}")
            with m.Switch(self.op):
                for op, fmt in _PACKS.items():
                    with m.Case(op & 15):
                        m.d.comb += clamped.eq(_clamped(value, fmt))
            elements.append(clamped)
        byte = self.op.matches(*(op & 15 for op, fmt in _PACKS.items() if fmt.bits == 8))
        for lane in range(self.lanes):
            four = Cat(element[:8] for element in elements[4 * lane : 4 * lane + 4]) if lane < self.lanes // 2 else Const(0, 32)
            result = Signal(32, name=f"result_{lane}", reset_less=True)
            m.d.sync += result.eq(Mux(byte, four, Cat(elements[2 * lane : 2 * lane + 2])))
            m.d.comb += self.result[lane].eq(result)
        return m


def _clamped(value: Value, fmt: IntFormat) -> Value:
    """A signed word as the nearest number of the format, by the bits above its own."""
    bits, negative = fmt.bits, value[-1]
    if not fmt.signed:
        return Mux(negative, fmt.min, Mux(value[bits:-1].any(), fmt.max, value[:bits]))
    above = value[bits - 1 : -1]
    ends = Mux(negative, Const(fmt.min & ((1 << bits) - 1), bits), Const(fmt.max, bits))
    return Mux(Mux(negative, ~above.all(), above.any()), ends, value[:bits])
