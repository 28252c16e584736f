"""The silicon form of components for `make timing`: gates for arithmetic, banks for the SRAM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.lib import wiring

from rtl.fp.adder import Body
from rtl.mem.sram import SRAM


@contextmanager
def silicon() -> Iterator[None]:
    """Components made inside have their synthesis form, unless they are told otherwise: their defaults are other ones."""
    kept = []
    classes = [wiring.Component]
    for each in classes:
        classes += each.__subclasses__()
    try:
        for each in classes:
            make = each.__dict__.get("__init__")
            if make is not None and make.__defaults__:
                kept.append((make, make.__defaults__))
                form = {"body": "banks", "sweep": True} if each is SRAM else {}
                names = make.__code__.co_varnames[: make.__code__.co_argcount][-len(make.__defaults__) :]
                make.__defaults__ = tuple(
                    form.get(name, Body.SYNTHESIS if value is Body.SIMULATION else value)
                    for name, value in zip(names, make.__defaults__, strict=True)
                )
        yield
    finally:
        for make, defaults in kept:
            make.__defaults__ = defaults
