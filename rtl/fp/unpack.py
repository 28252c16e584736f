"""FP32 operands taken apart, and what the operands of a multiply-add decide before any arithmetic."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data

NAN = 0x7FC00000
"""The one NaN that arithmetic produces."""

Specials = data.StructLayout({"nan": 1, "inf": 1, "inf_sign": 1, "invalid": 1, "denormal": 1})
"""What the operands alone decide: the result is NaN, or infinite with a sign; flags Invalid and Denormal."""


class Operand:
    """One unpacked FP32 operand: attributes are values, no state.

    ``sign``; ``exponent`` 8 bits, at least 1; ``significand`` 24 bits; ``zero`` (of the significand); ``inf``,
    ``nan``, ``snan``, ``subnormal``.
    """

    def __init__(self, word: Value, hidden_off: Value | None = None):
        fraction, field = word[:23], word[23:31]
        normal, top, empty = field.any(), field.all(), ~fraction.any()
        hidden = normal if hidden_off is None else normal & ~hidden_off
        self.sign = word[31]
        self.exponent = Cat(field[0] | ~normal, field[1:])
        self.significand = Cat(fraction, hidden)
        self.zero = empty & ~hidden
        self.inf = top & empty
        self.nan = top & ~empty
        self.snan = self.nan & ~fraction[22]
        self.subnormal = ~normal & ~empty


def specials(m: Module, a: Operand, b: Operand, c: Operand, quiet: Value) -> data.View:
    """The ``Specials`` of three operands, as a driven signal; Denormal is off when ``quiet``."""
    out = Signal(Specials)
    sign = a.sign ^ b.sign
    product_inf = a.inf | b.inf
    inf_times_zero = (a.inf & b.zero) | (b.inf & a.zero)
    any_nan = a.nan | b.nan | c.nan
    opposed = product_inf & c.inf & (sign != c.sign)
    m.d.comb += [
        out.nan.eq(any_nan | inf_times_zero | opposed),
        out.inf.eq(product_inf | c.inf),
        out.inf_sign.eq(Mux(c.inf, c.sign, sign)),
        out.invalid.eq(a.snan | b.snan | c.snan | inf_times_zero | (opposed & ~any_nan)),
        out.denormal.eq(~quiet & (a.subnormal | b.subnormal | c.subnormal)),
    ]
    return out
