"""The silicon form of components for `make timing`: gates for arithmetic, banks for the SRAM, equal lanes elaborated once.

Elaborating 64 equal lanes of gates takes minutes and gives the same netlist 64 times. Of equal lanes only the first is elaborated; the
others are hollow: their inputs end in flip-flops and their outputs come from flip-flops, so that the logic on both sides of them stays.
sim/suite/timing_units.py lays what it finds at a hollow lane's ports on the whole one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from amaranth.hdl import Module, Signal, Value, ValueLike
from amaranth.lib import wiring

from rtl.fp.adder import Body
from rtl.mem.sram import SRAM

REPEATED = ("DotLane", "FmaLane")
"""Lanes of gates that stand in a tile many times."""

SLICES = 10
"""Parts of a router's switch, some 60 bits in each: so a select bit drives no more than that."""

Hollows = dict[wiring.Component, wiring.Component]
"""Hollow lanes -> the whole one that they stand beside."""


@contextmanager
def silicon() -> Iterator[Hollows]:
    """Components made and elaborated inside have their synthesis form, unless they are told otherwise: their defaults are other ones."""
    kept, whole, hollows = [], [], {}
    classes = [wiring.Component]
    for each in classes:
        classes += each.__subclasses__()
    try:
        for each in classes:
            make = each.__dict__.get("__init__")
            if make is not None and make.__defaults__:
                kept.append((make, make.__defaults__))
                form = {"body": "banks", "sweep": True} if each is SRAM else {"gates": True, "slices": SLICES}
                names = make.__code__.co_varnames[: make.__code__.co_argcount][-len(make.__defaults__) :]
                make.__defaults__ = tuple(
                    form.get(name, Body.SYNTHESIS if value is Body.SIMULATION else value)
                    for name, value in zip(names, make.__defaults__, strict=True)
                )
        for each in classes:
            if each.__name__ in REPEATED:
                whole.append((each, each.elaborate))
                each.elaborate = _first_only(each.elaborate, hollows)
        yield hollows
    finally:
        for make, defaults in kept:
            make.__defaults__ = defaults
        for each, elaborate in whole:
            each.elaborate = elaborate


def bits(value: ValueLike) -> Value:
    """A port's value without its shape."""
    return value.as_value() if hasattr(value, "as_value") else value


def _first_only(elaborate: Callable, hollows: Hollows) -> Callable:
    seen = {}

    def instead(self: wiring.Component, platform: object) -> Module:
        first = seen.setdefault((type(self), str(self.signature), *_settings(self)), self)
        if first is self:
            return elaborate(self, platform)
        hollows[self] = first
        m = Module()
        for _path, member, value in self.signature.flatten(self):
            value = bits(value)
            m.d.sync += value.eq(~value) if member.flow == wiring.Out else Signal(len(value)).eq(value)
        return m

    return instead


def _settings(component: wiring.Component) -> list[str]:
    """What the component was made with: its attributes that are neither ports nor Amaranth's own."""
    own = ("_MustUse__", "_Component__")
    return [
        f"{name}={value}"
        for name, value in sorted(vars(component).items())
        if not name.startswith(own) and name not in component.signature.members
    ]
