"""Random senders and receivers round a router, which keep to the protocol, and random tables for it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from golden.arch.boot import NEXT_NODE
from golden.arch.mesh import OPPOSITE, Place
from golden.arch.packet import BODY, CHANNELS, CONTROL, COORD_BITS, CREDITS, HEADER, PortId, header_parity, payload_parity
from golden.noc.routing import XY, YX, Entry, branches, onward


class Neighbours:
    """Senders and receivers at all ports: packets at random while there is credit, credits back at random.

    Parameters
    ----------
    at, table: the router's.
    load, back, many: how often each port sends, and gives a credit back, in a cycle; the share of multicasts.
    places: columns and rows of destinations, from and below.
    """

    def __init__(
        self, rng: np.random.Generator, at: Place, table: Sequence[Entry], load: float, back: float, many: float, places=(1, 8)
    ) -> None:
        self.rng, self.at, self.table, self.load, self.back, self.many, self.places = rng, at, table, load, back, many, places
        self.copies = Counter()
        self.credits = [[CREDITS] * CHANNELS for _ in PortId]
        self.held = [[0] * CHANNELS for _ in PortId]

    def controls(self) -> list[int]:
        words = []
        for p in PortId:
            v = int(self.rng.integers(CHANNELS))
            if self.rng.random() >= self.load or not self.credits[p][v]:
                words.append(0)
                continue
            self.credits[p][v] -= 1
            (x, y), (far_x, far_y), outs = self.multicast(p, v & 1) if self.rng.random() < self.many else self.single(p, v & 1)
            fields = {"x": x, "y": y, "far_x": far_x, "far_y": far_y}
            words.append(CONTROL.pack({"valid": 1 << v, "out": sum(1 << out for out in outs), **fields}))
        return words

    def single(self, p: PortId, route: int):
        """Any output; a destination for which nobody turns back behind it, or that of boot packets."""
        out = PortId(self.rng.choice([o for o in PortId if o != p]))
        while True:
            to = self.at if out == PortId.NODE else self.place()
            if out == PortId.NODE or OPPOSITE[out] not in onward(self.at, out, to, to, route, self.table):
                return to, to, {out}

    def place(self) -> Place:
        """Of a packet to one place; often one that an entry names."""
        kind = self.rng.random()
        if kind < 0.1:
            return NEXT_NODE
        if kind < 0.6 and self.table:
            entry = self.table[self.rng.integers(len(self.table))]
            return tuple(int(self.rng.integers(low, high + 1)) for low, high in ((entry.x0, entry.x1), (entry.y0, entry.y1)))
        return tuple(int(n) for n in self.rng.integers(*self.places, 2))

    def multicast(self, p: PortId, route: int):
        """A rectangle whose tree comes this way."""
        while True:
            x, y, far_x, far_y = (int(n) for n in self.rng.integers(*self.places, 4))
            corner, far = (min(x, far_x), min(y, far_y)), (max(x, far_x), max(y, far_y))
            outs = branches(self.at, corner, far, route, None if p == PortId.NODE else OPPOSITE[p]) - {p}
            if corner != far and outs:
                self.copies[len(outs)] += 1
                return corner, far, outs

    def bodies(self) -> list[int]:
        return [int.from_bytes(self.rng.bytes(75), "little") % (1 << BODY.width) for _ in PortId]

    def returned(self) -> list[int]:
        rows = []
        for o in PortId:
            v = int(self.rng.integers(CHANNELS))
            gives = self.held[o][v] > 0 and self.rng.random() < self.back
            self.held[o][v] -= gives
            rows.append(int(gives) << v)
        return rows

    def see(self, controls: list[int], credits: list[int]) -> None:
        for p in PortId:
            for v in range(CHANNELS):
                self.held[p][v] += CONTROL.unpack(controls[p])["valid"] >> v & 1
                self.credits[p][v] += credits[p] >> v & 1


def with_parity(body: int, control: int) -> int:
    """The body with the parity bits that belong to it and its control word."""
    fields = BODY.unpack(body)
    header = HEADER.unpack(fields["header"]) | {"parity": header_parity(control, fields["header"])}
    return BODY.pack({"header": HEADER.pack(header), "payload": fields["payload"], "payload_parity": payload_parity(fields["payload"])})


def random_table(rng: np.random.Generator, at: Place, count: int) -> list[Entry]:
    """So many exceptions, most of them near the router, some far across the mesh; those that match one packet agree."""
    table: list[Entry] = []
    last = (1 << COORD_BITS) - 1
    while len(table) < count:
        near = rng.random() < 0.7
        columns, rows = (
            sorted(int(n) for n in (rng.integers(max(0, a - 4), min(last, a + 4), 2) if near else rng.integers(0, last + 1, 2))) for a in at
        )
        routes = frozenset({XY, YX} if rng.random() < 0.3 else {int(rng.integers(2))})
        outs = frozenset(PortId(int(o)) for o in rng.choice(4, rng.integers(1, 4), replace=False))
        entry = Entry(*columns, *rows, routes, outs, PortId(int(rng.integers(5))))
        if all(other.port == entry.port or not _meet(other, entry) for other in table):
            table.append(entry)
    return table


def _meet(one: Entry, other: Entry) -> bool:
    """Some packet matches both."""
    apart = one.x1 < other.x0 or other.x1 < one.x0 or one.y1 < other.y0 or other.y1 < one.y0
    return not apart and bool(one.routes & other.routes) and bool(one.outs & other.outs)
