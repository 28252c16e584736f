"""One of several values, or one of several places.

    by_number   the value of that number, as a multiplexer
    by_mark     the value whose mark is set, as gates: marks are one-hot, so nothing is decoded
    by_branch   the same as branches, of which a simulation takes one: what the values are computed from costs nothing elsewhere
    mark        a number as one-hot marks
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike

from rtl.common.invariant import at_most_one


def by_number(m: Module, number: ValueLike, values: Sequence[Any], name: str) -> Any:
    """A signal of the values' own shape that equals ``values[number]``; 0 when there is no such value.

    Raises ValueError when there is none to choose from, or when they differ in width.
    """
    chosen = _like(values, name)
    with m.Switch(number):
        for place, value in enumerate(values):
            with m.Case(place):
                m.d.comb += Value.cast(chosen).eq(Value.cast(value))
    return chosen


def by_mark(m: Module, marks: ValueLike, values: Sequence[Any], name: str) -> Any:
    """A signal of the values' own shape: the bitwise OR of those whose mark is set, so 0 when none is.

    Raises ValueError as ``by_number``, and when there are not as many marks as values.
    """
    marks, chosen = Value.cast(marks), _marked(marks, values, name)
    gated = [Value.cast(value) & mark.replicate(len(Value.cast(value))) for mark, value in zip(marks, values, strict=True)]
    total = gated[0]
    for value in gated[1:]:
        total = total | value
    m.d.comb += Value.cast(chosen).eq(total)
    at_most_one(m, marks, f"two marks choose {name}")
    return chosen


def by_branch(m: Module, marks: ValueLike, values: Sequence[Any], name: str) -> Any:
    """As ``by_mark``, but of several values whose mark is set it is the first."""
    marks, chosen = Value.cast(marks), _marked(marks, values, name)
    total: Value = Const(0, len(Value.cast(chosen)))
    for mark, value in reversed([*zip(marks, values, strict=True)]):
        total = Mux(mark, Value.cast(value), total)
    m.d.comb += Value.cast(chosen).eq(total)
    return chosen


def mark(number: ValueLike, count: int) -> Value:
    """``count`` bits of which the one of that ``number`` is set; none when there is no such bit."""
    return Cat(Value.cast(number) == place for place in range(count))


def _marked(marks: ValueLike, values: Sequence[Any], name: str) -> Any:
    chosen, count = _like(values, name), len(Value.cast(marks))
    if count != len(values):
        raise ValueError(f"{name} has {len(values)} values to choose from, but {count} marks")
    return chosen


def _like(values: Sequence[Any], name: str) -> Any:
    if not values:
        raise ValueError(f"{name} has no value to choose from")
    widths = {len(Value.cast(value)) for value in values}
    if len(widths) > 1:
        raise ValueError(f"{name} is chosen from values of different widths: {', '.join(map(str, sorted(widths)))} bits")
    shape = values[0].shape()
    return Signal(shape, name=name)
