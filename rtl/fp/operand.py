"""Operand decode of the matrix unit: register bits become sign, significand and exponent of a BF16 number.

The rules are docs/numerics.md section 7. BF16 subnormals stay as they are (exponent 1, no hidden bit). An eight-bit
operand becomes, exactly, the BF16 number of the same value, which is a normal one or zero: its denormals are
normalised here. A step on eight-bit operands therefore equals the BF16 step on converted ones, bit for bit.

A group is the four operands that one row of A or one column of B brings to its eight lanes, so every group is decoded
once. Where its elements lie in the register depends on the storage order and on the format; the unit wires all four
candidates of an element to its decoder.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import BF16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, FloatFormat
from rtl.fp.adder import Body
from rtl.fp.dot import TERMS, OperandGroup, significands


class OperandFormat(enum.Enum, shape=2):
    """Number format of a step's operand."""

    BF16 = 0
    CF143 = 1
    CF152 = 2


OperandMode = data.StructLayout(
    {
        # The matrix is stored transposed.
        "transposed": 1,
        "format": OperandFormat,
        # Eight-bit formats: which half of the vector; exponent bias.
        "half": 1,
        "bias": 6,
    }
)
"""How to read one operand of a step."""

Candidates = data.StructLayout(
    {
        # BF16 word of the element in plain and in transposed storage.
        "words": data.ArrayLayout(16, 2),
        # Eight-bit code: index 2 * transposed + half.
        "codes": data.ArrayLayout(8, 4),
    }
)
"""The places of a register where one element of an operand may lie."""


class OperandDecode(wiring.Component):
    """Decodes a group of four operands; results leave from flip-flops.

    Parameters
    ----------
    body: form of the significands (`rtl.fp.dot.significands`).
    """

    def __init__(self, body: Body = Body.SIMULATION):
        self.body = body
        super().__init__(
            {
                # The register's bits; valid in the decode stage.
                "candidates": In(data.ArrayLayout(Candidates, TERMS)),
                "mode": In(OperandMode),
                # Low: the group counts as four zeros (a load passes).
                "active": In(1),
                # One cycle later.
                "group": Out(OperandGroup),
                "significand": Out(significands(body)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for j in range(TERMS):
            candidate = self.candidates[j]
            word, code = Signal(16, name=f"word_{j}"), Signal(8, name=f"code_{j}")
            m.d.comb += word.eq(candidate.words[self.mode.transposed])
            m.d.comb += code.eq(candidate.codes[Cat(self.mode.half, self.mode.transposed)])
            self._element(m, j, word, code)
        return m

    def _element(self, m: Module, j: int, word: Value, code: Value) -> None:
        is_word = self.mode.format == OperandFormat.BF16
        short = Mux(
            self.mode.format == OperandFormat.CF143,
            Cat(*_widened(CFLOAT8_1_4_3, code, self.mode.bias)),
            Cat(*_widened(CFLOAT8_1_5_2, code, self.mode.bias)),
        )
        fraction, field, negative = word[: BF16.mantissa_bits], word[BF16.mantissa_bits : 15], word[15]
        special = field.all()
        magnitude, exponent = Signal(8, name=f"magnitude_{j}"), Signal(8, name=f"exponent_{j}")
        sign, nonzero = Signal(name=f"negative_{j}"), Signal(name=f"nonzero_{j}")
        long = Cat(Cat(fraction, field.any()) & ~special.replicate(8), Mux(field.any(), field, 1), negative)
        m.d.comb += Cat(magnitude, exponent, sign).eq(Mux(is_word, long, short))
        m.d.comb += nonzero.eq(magnitude.any() & self.active)
        value = Mux(sign, -magnitude, magnitude)
        group = self.group
        m.d.sync += [
            group.exponent[16 * j : 16 * j + 8].eq(exponent),
            group.part[16 * j : 16 * j + 9].eq(nonzero.replicate(9)),
            group.nan[j].eq(is_word & special & fraction.any() & self.active),
            group.infinite[j].eq(is_word & special & ~fraction.any() & self.active),
            group.zero[j].eq(~magnitude.any() & ~(is_word & special)),
            group.negative[j].eq(sign),
            self.significand[j].eq(Mux(self.active, value, Const(0, signed(10)))),
        ]


def _widened(fmt: FloatFormat, code: Value, bias: Value) -> tuple[Value, Value, Value]:
    """Magnitude (8 bits, leading one at the top, or 0), BF16 exponent (8 bits) and sign of an eight-bit code."""
    mantissa, field, negative = code[: fmt.mantissa_bits], code[fmt.mantissa_bits : 7], code[7]
    # Denormals have 1 - bias as exponent and lose one more per leading zero; the leading one becomes the hidden bit.
    leading, less = mantissa.shift_left(1), Const(0, 2)
    for zeros in range(1, fmt.mantissa_bits):
        short = ~mantissa[fmt.mantissa_bits - zeros :].any()
        leading = Mux(short, mantissa.shift_left(1 + zeros), leading)
        less = Mux(short, Const(zeros, 2), less)
    normal = field.any()
    magnitude = Mux(normal, Cat(mantissa, 1), leading)[: fmt.mantissa_bits + 1]
    exponent = (BF16.fixed_bias - bias) + Mux(normal, field, -less)
    return Cat(Const(0, 7 - fmt.mantissa_bits), magnitude), exponent[:8], negative
