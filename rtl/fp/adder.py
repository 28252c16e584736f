"""Adder with two bodies: `+` for simulation, a Kogge-Stone prefix tree for synthesis.

The rule: both bodies give the same bits (tests/rtl/fp/test_adder.py proves it); only the netlist differs. A simulator
runs `+` as one instruction, while synthesis at 500 ps needs a prefix tree of logarithmic depth.

    body = Body.SIMULATION    total = a + b + carry
    body = Body.SYNTHESIS     propagate, generate -> ceil(log2(width + 1)) prefix levels -> xor
"""

import enum

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Body(enum.Enum):
    """Which form of a data path to build; both compute the same bits at the same cycle."""

    SIMULATION = "simulation"
    SYNTHESIS = "synthesis"


class Adder(wiring.Component):
    """Sum of two equally wide words and a carry, modulo 2^width. Combinational: the caller registers.

    Parameters
    ----------
    width: bits of each word, at least 1.
    body: form of the netlist.

    Raises ValueError for a width below 1.
    """

    def __init__(self, width: int, body: Body = Body.SIMULATION):
        if width < 1:
            raise ValueError(f"an adder of {width} bits has nothing to add")
        self.width = width
        self.body = body
        super().__init__(
            {
                # Addends; valid together.
                "a": In(width),
                "b": In(width),
                # Added at bit 0.
                "carry": In(1),
                # Sum of the inputs of the same cycle.
                "total": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self.body is Body.SIMULATION:
            m.d.comb += self.total.eq(self.a + self.b + self.carry)
            return m
        # The carry enters as a generate below bit 0, so it costs no more than one position of the tree.
        generate, _ = prefixes(m, Cat(self.carry, self.a & self.b), Cat(Const(0, 1), self.a | self.b), self.width, "below")
        m.d.comb += self.total.eq((self.a ^ self.b) ^ generate[: self.width])
        return m


def prefixes(m: Module, generate: Value, propagate: Value, reach: int, name: str) -> tuple[Value, Value]:
    """Kogge-Stone: for each place, whether it and those below generate a carry, and whether all of them propagate one.

    ``reach``: how many places a carry may cross; below bit 0 everything propagates and nothing generates.
    """
    width, distance = len(generate), 1
    while distance < reach:
        farther_g = Signal(width, name=f"{name}_generate_{distance}")
        farther_p = Signal(width, name=f"{name}_propagate_{distance}")
        m.d.comb += [
            farther_g.eq(generate | (propagate & Cat(Const(0, distance), generate)[:width])),
            farther_p.eq(propagate & Cat(Const((1 << distance) - 1, distance), propagate)[:width]),
        ]
        generate, propagate = farther_g, farther_p
        distance *= 2
    return generate, propagate


def both_sums(m: Module, a: Value, b: Value, width: int, name: str) -> tuple[Value, Value]:
    """a + b and a + b + 1 modulo 2^width out of one tree."""
    generate, propagate = prefixes(m, a & b, a | b, width, name)
    exclusive = a ^ b
    plain, plus_one = (
        exclusive ^ Cat(Const(carry, 1), word)[:width] for carry, word in ((0, generate), (1, generate | propagate))
    )
    return plain, plus_one


def add(m: Module, a: Value, b: Value, carry: Value | int = 0, *, width: int, body: Body, name: str) -> Value:
    """`(a + b + carry)[:width]` in the given body; addends are extended to `width` by their own sign.

    In simulation this is an expression and costs no module; in synthesis it is a submodule called `name`.
    """
    total = Signal(width, name=name)
    if body is Body.SIMULATION:
        m.d.comb += total.eq(a + b + carry)
    else:
        m.submodules[name] = adder = Adder(width, body)
        m.d.comb += [adder.a.eq(a), adder.b.eq(b), adder.carry.eq(carry), total.eq(adder.total)]
    return total


def add_elements(m: Module, a: Value, b: Value, subtract: Value, tops: Value, *, width: int, body: Body, name: str) -> Value:
    """Sums, or differences, of the elements of two words by one adder. ``tops`` has a one at the top bit of each element.

    The top bits stand aside, so that no carry leaves an element, and are added without carry afterwards.
    """
    left, right = Signal(width, name=f"{name}_left"), Signal(width, name=f"{name}_right")
    m.d.comb += [
        # Subtracting, a one stands in for a's top bit, so that no borrow leaves the element either.
        left.eq(Mux(subtract, a | tops, a & ~tops)),
        right.eq(Mux(subtract, ~(b & ~tops), b & ~tops)),
    ]
    total = add(m, left, right, subtract, width=width, body=body, name=name)
    return total ^ ((a ^ b ^ subtract.replicate(width)) & tops)


def full_adders(m: Module, a: Value, b: Value, c: Value, width: int, name: str) -> tuple[Value, Value]:
    """One full adder a place: sum bits, and carries that belong one place higher."""
    total, carry = Signal(width, name=f"{name}_sum"), Signal(width, name=f"{name}_carry")
    m.d.comb += [total.eq(a ^ b ^ c), carry.eq(a & b | a & c | b & c)]
    return total, carry


def carry_save(m: Module, a: Value, b: Value, c: Value, *, width: int, name: str) -> tuple[Value, Value]:
    """One row of full adders: (sum, carry) with sum + carry = a + b + c modulo 2^width.

    Bit 0 of the carry word is 0: a free place for one more bit of weight 1.
    """
    rows = [Signal(width, name=f"{name}_{letter}") for letter in "abc"]
    m.d.comb += [row.eq(value) for row, value in zip(rows, (a, b, c), strict=True)]
    total, carries = full_adders(m, *rows, width, name)
    return total, Cat(Const(0, 1), carries[:-1])


def booth_digit(low: Value, middle: Value, high: Value) -> tuple[Value, Value, Value]:
    """A digit of -2..2 out of three neighbouring bits of a multiplier, as (once, twice, minus); 111 is a plain zero."""
    return low ^ middle, (high & ~middle & ~low) | (~high & middle & low), high & ~(middle & low)
