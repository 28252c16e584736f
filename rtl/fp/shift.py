"""Counting leading zeros and shifting left without growing: what every normalisation consists of.

Both stay within the width of their operand, so that a simulator never sees a word of more than 64 bits; written with
``<<`` the shift would be as wide as its operand and its longest distance together.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value


def leading_zeros(m: Module, value: Value, name: str) -> Value:
    """Zeros above the highest one of a value whose width is a power of two; width - 1 of a zero.

    Each bit of the count, highest first, says that the upper half of what is left is empty.
    """
    part, count, width = value, [], len(value) // 2
    while width:
        empty, rest = Signal(name=f"{name}_empty_{width}"), Signal(width, name=f"{name}_{width}")
        m.d.comb += [empty.eq(~part[width:].any()), rest.eq(Mux(empty, part[:width], part[width:]))]
        count.append(empty)
        part, width = rest, width // 2
    return Cat(*reversed(count))


def shift_left(m: Module, value: Value, places: Value, name: str) -> Value:
    """``value`` of at most 64 bits moved up by ``places`` (at most 6 bits) within its own width."""
    width = len(value)
    if width <= 32:
        return (value << places[:5])[:width]
    upper = Signal(64, name=f"{name}_upper")
    m.d.comb += upper.eq(Mux(places[5], Cat(Const(0, 32), value[:32]), value))
    low, high = Signal(64, name=f"{name}_low"), Signal(32, name=f"{name}_high")
    m.d.comb += [
        low.eq(upper[:32] << places[:5]),
        high.eq((upper[32:] << places[:5]) | low[32:]),
    ]
    return Cat(low[:32], high)[:width]
