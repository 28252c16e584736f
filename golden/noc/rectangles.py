"""Covers the exceptions of one router's table with rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import Place
from golden.arch.packet import PortId
from golden.noc.routing import Entry


@dataclass(frozen=True)
class Wanted:
    """Packets to `to` on `route` that leave by `out` go on to `port`; `exception`: dimension order would send them elsewhere."""

    to: Place
    route: int
    out: PortId
    port: PortId
    exception: bool


class _Table:
    """All that is wanted of a table, as columns."""

    def __init__(self, wants: Sequence[Wanted]) -> None:
        self.x, self.y = (np.array([want.to[axis] for want in wants]) for axis in (0, 1))
        self.route, self.out, self.port = (np.array([int(getattr(want, name)) for want in wants]) for name in ("route", "out", "port"))
        self.left = np.array([want.exception for want in wants])

    def matched(self, entry: Entry) -> NDArray[np.bool_]:
        inside = (self.x >= entry.x0) & (self.x <= entry.x1) & (self.y >= entry.y0) & (self.y <= entry.y1)
        return inside & np.isin(self.route, list(entry.routes)) & np.isin(self.out, list(entry.outs))

    def fits(self, entry: Entry) -> bool:
        return not (self.matched(entry) & (self.port != entry.port)).any()

    def grown(self, entry: Entry, order: str) -> Entry:
        """The entry made larger, one thing after another, while nothing speaks against it."""
        for what in order:
            while (wider := next((wider for wider in self._wider(entry, what) if self.fits(wider)), None)) is not None:
                entry = wider
        return entry

    def _wider(self, entry: Entry, what: str) -> list[Entry]:
        if what in "xy":
            low, high, reached = f"{what}0", f"{what}1", getattr(self, what)
            found = [replace(entry, **{low: getattr(entry, low) - 1})] if getattr(entry, low) > reached.min() else []
            return [*found, replace(entry, **{high: getattr(entry, high) + 1})] if getattr(entry, high) < reached.max() else found
        if what == "routes":
            return [] if len(entry.routes) == 2 else [replace(entry, routes=frozenset({0, 1}))]
        outs = {PortId(out) for out in np.unique(self.out)} - entry.outs
        return [replace(entry, outs=entry.outs | {out}) for out in sorted(outs)]


_ORDERS = (("x", "y", "routes", "outs"), ("y", "x", "routes", "outs"), ("routes", "outs", "x", "y"), ("routes", "outs", "y", "x"))


def cover(wants: Sequence[Wanted]) -> list[Entry]:
    """Entries that give every exception its port and nothing that is wanted another one; few, not always fewest.

    What is wanted by nobody may get any port: no packet asks.
    """
    table, entries = _Table(wants), []
    while table.left.any():
        first = wants[int(np.flatnonzero(table.left)[0])]
        x, y = first.to
        seed = Entry(x, x, y, y, frozenset({first.route}), frozenset({first.out}), first.port)
        best = max((table.grown(seed, order) for order in _ORDERS), key=lambda entry: int((table.matched(entry) & table.left).sum()))
        table.left &= ~table.matched(best)
        entries.append(best)
    return entries
