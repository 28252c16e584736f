"""Covers the exceptions of one router's table with rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.arch.packet import PortId
from golden.noc.routing import Entry

ANY_PORT = -1


@dataclass(frozen=True)
class Wanted:
    """What packets that leave a router want of its table.

    Attributes
    ----------
    port : int8 (routes, outputs, columns, rows)
        By route, output and destination: the port at the next router; ANY_PORT where no packet asks.
    exception : bool, of the same shape
        Whether dimension order would send them elsewhere.
    """

    port: NDArray[np.int8]
    exception: NDArray[np.bool_]


@dataclass
class Box:
    """An entry while it grows: a rectangle, routes, outputs, and what packets to it want."""

    low: list[int]
    high: list[int]
    routes: set[int]
    outs: set[int]
    port: int

    def entry(self) -> Entry:
        (x0, y0), (x1, y1) = self.low, self.high
        return Entry(x0, x1, y0, y1, frozenset(self.routes), frozenset(map(PortId, self.outs)), PortId(self.port))


class _Table:
    """Counts, in any rectangle, what speaks against a port."""

    def __init__(self, wanted: Wanted) -> None:
        self.left = wanted.exception.copy()
        asked = wanted.port != ANY_PORT
        self.outs = set(np.flatnonzero(asked.any(axis=(0, 2, 3))).tolist())
        x, y = np.flatnonzero(asked.any(axis=(0, 1, 3))), np.flatnonzero(asked.any(axis=(0, 1, 2)))
        self.ends = (int(x[0]), int(y[0])), (int(x[-1]), int(y[-1]))
        self.against = {}
        for port in np.unique(wanted.port[self.left]).tolist():
            sums = np.cumsum(np.cumsum(asked & (wanted.port != port), axis=2), axis=3)
            self.against[port] = np.pad(sums, ((0, 0), (0, 0), (1, 0), (1, 0))).tolist()

    def fits(self, box: Box, low: list[int], high: list[int], routes: set[int], outs: set[int]) -> bool:
        (x0, y0), (x1, y1) = low, high
        against = self.against[box.port]
        for route in routes:
            for out in outs:
                sums = against[route][out]
                if sums[x1 + 1][y1 + 1] - sums[x0][y1 + 1] - sums[x1 + 1][y0] + sums[x0][y0]:
                    return False
        return True

    def grow(self, box: Box, order: str) -> Box:
        """Makes the box larger, one thing after another (columns, rows, routes, outputs), while nothing speaks against it."""
        for what in order:
            if what in "xy":
                self._stretch(box, "xy".index(what))
            elif what == "r":
                if self.fits(box, box.low, box.high, {0, 1} - box.routes, box.outs):
                    box.routes = {0, 1}
            else:
                box.outs |= {out for out in self.outs - box.outs if self.fits(box, box.low, box.high, box.routes, {out})}
        return box

    def _stretch(self, box: Box, axis: int) -> None:
        for side, step in ((box.low, -1), (box.high, 1)):
            end = self.ends[step > 0][axis]
            while side[axis] != end:
                low, high = list(box.low), list(box.high)
                low[axis] = high[axis] = side[axis] + step
                if not self.fits(box, low, high, box.routes, box.outs):
                    break
                side[axis] += step

    def covered(self, box: Box) -> int:
        """Exceptions that the box gives their port."""
        (x0, y0), (x1, y1) = box.low, box.high
        part = self.left[:, :, x0 : x1 + 1, y0 : y1 + 1]
        return int(part[np.ix_(sorted(box.routes), sorted(box.outs))].sum())

    def take(self, box: Box) -> None:
        (x0, y0), (x1, y1) = box.low, box.high
        for route in box.routes:
            for out in box.outs:
                self.left[route, out, x0 : x1 + 1, y0 : y1 + 1] = False


_ORDERS = ("xyro", "yxro", "roxy", "royx")


def cover(wanted: Wanted) -> list[Entry]:
    """Entries that give every exception its port and nothing that is wanted another one; few, not always fewest.

    What is wanted by nobody may get any port: no packet asks.
    """
    return [box.entry() for box in boxes(wanted)]


def boxes(wanted: Wanted, orders: Sequence[str] = _ORDERS) -> list[Box]:
    """The same for whatever `port` of ``Wanted`` numbers, grown in these orders."""
    table, found = _Table(wanted), []
    while table.left.any():
        route, out, x, y = (int(axis[0]) for axis in np.nonzero(table.left))
        port = int(wanted.port[route, out, x, y])
        grown = [table.grow(Box([x, y], [x, y], {route}, {out}, port), order) for order in orders]
        best = max(grown, key=table.covered)
        table.take(best)
        found.append(best)
    return found
