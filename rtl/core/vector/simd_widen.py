"""Sixteen elements of a register widened to the 32-bit lanes: narrow floats to FP32, small integers with copies of their sign or zeros.

    1 the elements of the part that the immediate names    2 widen
"""

from collections.abc import Iterable

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BIAS_BITS, NARROW_FORMATS, FloatFormat, IntFormat
from golden.arch.simd_ops import IMM_BITS, SIMD_LANES, SIMD_OPS, SimdClass
from rtl.core.vector.simd_operands import any_flags
from rtl.fp.convert import WIDEN_STAGES, Widen, format_width
from rtl.fp.flags import FpFlags

SIMD_WIDEN_STAGES = 1 + WIDEN_STAGES

_FORMATS = {op: info.format for op, info in SIMD_OPS.items() if info.simd_class is SimdClass.CONVERT and info.format is not None}
FLOATS = {op: fmt for op, fmt in _FORMATS.items() if isinstance(fmt, FloatFormat)}
INTEGERS = {op: fmt for op, fmt in _FORMATS.items() if isinstance(fmt, IntFormat)}


def is_op(code: Value, ops: Iterable[int]) -> Value:
    """Whether the low four bits of an operation code are those of one of the operations, all of one class."""
    return code.matches(*(op & 15 for op in ops))


class SimdWiden(wiring.Component):
    """All lanes; one operation a cycle. ``lanes``: a power of two."""

    def __init__(self, lanes: int = SIMD_LANES):
        self.lanes = lanes
        super().__init__(
            {
                # The low four bits of the operation's code, the part, the bias, with the operand.
                "op": In(4),
                "imm": In(IMM_BITS),
                "bias": In(BIAS_BITS),
                # Operand, lane by lane.
                "a": In(32).array(lanes),
                # SIMD_WIDEN_STAGES cycles later: the lanes, and the flags that any of them raises.
                "result": Out(32).array(lanes),
                "flags": Out(FpFlags),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wide = Cat(self.a)
        short = is_op(self.op, [op for op, fmt in _FORMATS.items() if fmt.bits == 16])
        number, bias = Signal(format_width(NARROW_FORMATS), reset_less=True), Signal(BIAS_BITS, reset_less=True)
        integer, signed, byte = (Signal(name=name, reset_less=True) for name in ("integer", "signed", "byte"))
        m.d.sync += [
            bias.eq(self.bias),
            integer.eq(is_op(self.op, INTEGERS)),
            signed.eq(is_op(self.op, [op for op, fmt in INTEGERS.items() if fmt.signed])),
            byte.eq(~short),
        ]
        with m.Switch(self.op):
            for op, fmt in FLOATS.items():
                with m.Case(op & 15):
                    m.d.sync += number.eq(NARROW_FORMATS.index(fmt))

        integers, flags = Signal(reset_less=True), []
        m.d.sync += integers.eq(integer)
        for lane in range(self.lanes):
            code = Signal(16, name=f"code_{lane}", reset_less=True)
            halves = [wide.word_select(self.lanes * part + lane, 16) for part in range(2)]
            bytes_ = [wide.word_select(self.lanes * part + lane, 8) for part in range(4)]
            with m.If(short):
                m.d.sync += code.eq(Mux(self.imm[0], halves[1], halves[0]))
            with m.Else():
                with m.Switch(self.imm[:2]):
                    for part, element in enumerate(bytes_):
                        with m.Case(part):
                            m.d.sync += code.eq(element)
            m.submodules[f"widen_{lane}"] = widen = Widen(NARROW_FORMATS)
            m.d.comb += [widen.format.eq(number), widen.bias.eq(bias), widen.code.eq(code)]
            extended = Signal(32, name=f"extended_{lane}", reset_less=True)
            top = Mux(byte, code[7], code[15]) & signed
            m.d.sync += extended.eq(Mux(byte, Cat(code[:8], top.replicate(24)), Cat(code, top.replicate(16))))
            m.d.comb += self.result[lane].eq(Mux(integers, extended, widen.result))
            flags.append(widen.flags)
        m.d.comb += self.flags.eq(Mux(integers, 0, any_flags(flags)))
        return m

