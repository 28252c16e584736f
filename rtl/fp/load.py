"""Load converter of the matrix unit: one FP32 number becomes an accumulator element, exactly.

The rule is docs/numerics.md section 7: the significand M of a finite number, subnormals included, stands at
2^((y & 7) + 16) with E = y >> 3, y = max(e, 1) + 118; a zero of either sign gives S = E = 0; Inf and NaN leave S = E = 0
and set P. Two parts, because the lanes need E four stages before S and P. Both are combinational.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from rtl.fp.adder import Body, add

SIGNIFICAND_BITS = 56
EXPONENT_BITS = 6


def load_exponent(number: Value) -> Value:
    """E of an FP32 number (32 bits)."""
    field = number[23:31]
    used = number[:31].any() & ~field.all()
    y = Mux(field.any(), field, 1) + 118
    return y[3:9] & used.replicate(EXPONENT_BITS)


def load_value(m: Module, number: Value, *, body: Body, name: str) -> Value:
    """S and above it P (58 bits) of an FP32 number; internal signals carry `name`."""
    fraction, field, negative = number[:23], number[23:31], number[31]
    special = field.all()
    significand = Signal(24, name=f"{name}_significand")
    m.d.comb += significand.eq(Cat(fraction, field.any()) & ~special.replicate(24))
    value = add(
        m,
        significand ^ negative.replicate(25),
        Const(0, 25),
        negative,
        width=25,
        body=body,
        name=f"{name}_signed",
    ).as_signed()
    low = (Mux(field.any(), field[:3], 1) + 6)[:3]
    for bit in range(3):
        moved = Signal(signed(32), name=f"{name}_moved_{bit}")
        m.d.comb += moved.eq(Mux(low[bit], value.shift_left(1 << bit), value))
        value = moved
    wide = Signal(SIGNIFICAND_BITS, name=f"{name}_value")
    m.d.comb += wide.eq(value.shift_left(16))
    nan = fraction.any()
    return Cat(wide, special & (nan | ~negative), special & (nan | negative))
