"""Who goes first among those that ask.

    first_from    the first that asks from a given place on, going round
    round_robin   the same, where the place moves past whoever was served: nobody waits for ever
    lowest        the lowest bit that is set, as a mask
    preferred     those of the highest level that asks

All answer in the same cycle. Numbers are those of the bits of ``asking``.
"""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike

from rtl.common.invariant import always


def first_from(m: Module, start: ValueLike, asking: ValueLike, name: str = "chosen") -> Signal:
    """Number of the first bit of ``asking`` that is set, looked for from bit ``start`` on and round; 0 when none is."""
    start, asking = Value.cast(start), Value.cast(asking)
    count = len(asking)
    chosen = Signal(range(count), name=name)
    with m.Switch(start):
        for place in range(count):
            with m.Case(place):
                for distance in reversed(range(count)):
                    number = (place + distance) % count
                    with m.If(asking[number]):
                        m.d.comb += chosen.eq(number)
    always(m, ~asking.any() | asking.bit_select(chosen, 1), f"{name} is one that does not ask")
    return chosen


def round_robin(m: Module, asking: ValueLike, taken: ValueLike = 1, *, init: int = 0, name: str = "turn") -> Signal:
    """Number of the one that goes first; it goes last from the next cycle on, if it asks and is ``taken``.

    With ``taken`` low the choice may change while others come to ask. ``init``: who goes first after reset.
    """
    asking = Value.cast(asking)
    turn = Signal(range(len(asking)), init=init, name=name)
    chosen = first_from(m, turn, asking, f"{name}_chosen")
    with m.If(asking.any() & taken):
        m.d.sync += turn.eq(Mux(chosen == len(asking) - 1, 0, chosen + 1))
    return chosen


def lowest(asking: ValueLike) -> Value:
    """The lowest bit of ``asking`` that is set, alone; 0 when none is."""
    asking = Value.cast(asking)
    return (asking & -asking)[: len(asking)]


def preferred(m: Module, asking: ValueLike, levels: Sequence[ValueLike], name: str = "preferred") -> Signal:
    """Those of ``asking`` whose level, one of two or more bits for each, is the highest that somebody who asks has."""
    asking = Value.cast(asking)
    chosen = Signal(len(asking), name=name)
    m.d.comb += chosen.eq(asking)
    for level in range(1 << max(len(Value.cast(value)) for value in levels)):
        there = Cat(asking[number] & (Value.cast(value) == level) for number, value in enumerate(levels))
        with m.If(there.any()):
            m.d.comb += chosen.eq(there)
    return chosen
