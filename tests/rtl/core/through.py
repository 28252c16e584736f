"""A unit's interface that a component around it passes through."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring


def through(m: Module, outer: Any, inner: Any) -> None:
    """Joins the outer component's interface to the unit's; of arrays, each to its own."""
    if isinstance(outer, list):
        for mine, port in zip(outer, inner, strict=True):
            through(m, mine, port)
    else:
        wiring.connect(m, wiring.flipped(outer), inner)
