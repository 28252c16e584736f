"""Paths round what is dead: a port for every router, destination and route, found one blocked pair after another.

A router's decision depends on destination and route alone. Dimension order is decided wherever it arrives; what is added may use only
decisions that nobody has made yet, and joins those that stand.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import OPPOSITE, STEP, MeshConfig
from golden.arch.packet import PortId
from golden.noc.grid import NOBODY, Grid
from golden.noc.routing import XY, YX
from golden.noc.waits import Waits

N, E, S, W = PortId.NORTH, PortId.EAST, PortId.SOUTH, PortId.WEST
SIDES = len(STEP)
OUTSIDE_COST = 20
"""Hops that a turn outside a route's model costs."""
TRIES = 8
"""Paths of one pair whose channels, taken together, closed a circle."""

Model = tuple[frozenset[PortId], frozenset[PortId]]
MODELS: tuple[Model, ...] = (
    (frozenset({N}), frozenset({W})),
    (frozenset({S}), frozenset({W})),
    (frozenset({N}), frozenset({E})),
    (frozenset({S}), frozenset({E})),
    (frozenset(), frozenset()),
)
"""Directions of travel out of which XY and YX may turn against their order: none of these closes a circle with it."""


@dataclass
class Decisions:
    """Of one route. A channel's number is 4 * index of the router that sends + port.

    Attributes
    ----------
    port : int8 (destinations, places)
        The port of a packet; NOBODY where the route does not lead there, the node's at the destination.
    cost : int32 (destinations, places)
        Hops to the destination, turns outside the model costing more.
    waits : of the channels that these decisions use.
    """

    port: NDArray[np.int8]
    cost: NDArray[np.int32]
    waits: Waits

    def copy(self) -> Decisions:
        return Decisions(self.port.copy(), self.cost.copy(), self.waits.copy())


def dimension_orders(grid: Grid) -> tuple[Decisions, Decisions]:
    """XY and YX wherever they arrive."""
    here = np.arange(grid.count)[:, None]
    hops = abs(grid.x[:, None] - grid.x) + abs(grid.y[:, None] - grid.y)
    found = []
    for route in (XY, YX):
        onward = grid.onward(grid.order[route])
        end = np.where(onward == NOBODY, here, onward)
        for _ in range(int(grid.count).bit_length()):
            end = np.take_along_axis(end, end, axis=0)
        port = np.where(end == np.arange(grid.count), grid.order[route], NOBODY).astype(np.int8)
        found.append(Decisions(port.T.copy(), hops.T.astype(np.int32), Waits(SIDES * grid.nodes, _edges(grid, port))))
    return found[0], found[1]


def _edges(grid: Grid, port: NDArray[np.int8]) -> list[tuple[int, int]]:
    """Pairs of channels that follow each other on somebody's way; `port` by place and destination."""
    behind = grid.onward(port)
    place, to = np.nonzero((port >= 0) & (port < SIDES) & (behind < grid.nodes))
    other = behind[place, to]
    onward = port[other, to]
    both = (onward >= 0) & (onward < SIDES)
    pairs = np.stack([SIDES * place + port[place, to], SIDES * other + onward])[:, both]
    return [(int(u), int(v)) for u, v in np.unique(pairs, axis=1).T]


class Joiner:
    """Adds paths to dimension order until every pair has a route, under one turn model."""

    def __init__(self, mesh: MeshConfig, grid: Grid, orders: Sequence[Decisions], model: Model) -> None:
        self.grid, self.model = grid, model
        self.routes = [decisions.copy() for decisions in orders]
        self._behind = grid.behind.tolist()
        self._into = [[] for _ in range(grid.count)]
        for place, around in enumerate(self._behind):
            for side, other in enumerate(around):
                if other != NOBODY:
                    self._into[other].append(SIDES * place + side)
        self._far = (abs(grid.x[:, None] - grid.x) + abs(grid.y[:, None] - grid.y)).tolist()

    def join(self) -> tuple[int, ...]:
        """Gives every pair a route; the two places of one that has none when that fails."""
        for to in range(self.grid.count):
            blocked = np.flatnonzero((self.routes[XY].port[to] < 0) & (self.routes[YX].port[to] < 0))
            blocked = blocked[blocked < self.grid.nodes]
            if not len(blocked):
                continue
            rows = [(decisions.port[to].tolist(), decisions.cost[to].tolist()) for decisions in self.routes]
            if (failed := self._serve(to, blocked.tolist(), rows)) is not None:
                return failed, to
            for decisions, (port, cost) in zip(self.routes, rows, strict=True):
                decisions.port[to], decisions.cost[to] = port, cost
        return ()

    def _serve(self, to: int, blocked: list[int], rows: list[tuple[list[int], list[int]]]) -> int | None:
        """Gives the blocked nodes a way to a destination, near ones first; the first that has none.

        A tree serves nearly all at once; whoever it leaves out, as every place keeps to one channel in it, is searched for alone.
        """
        trees = [self._tree(to, route, rows[route], set(blocked)) for route in (XY, YX)]
        ways = sorted((tree[start], route, start) for route, tree in enumerate(trees) for start in blocked if start in tree)
        for _, route, start in ways:
            if all(port[start] < 0 for port, _ in rows):
                self._climb(start, route, rows[route], trees[route])
        for start in blocked:
            if all(port[start] < 0 for port, _ in rows) and not self._join(start, to, rows):
                return start
        return None

    def _tree(self, to: int, route: int, row: tuple[list[int], list[int]], wanted: set[int]) -> dict[int, tuple[int, int]]:
        """(cost, channel) by place without decision: cheapest ways to those that have one, every place keeping to its channel.

        It ends when all that are wanted are reached.
        """
        port, cost = row
        found: dict[int, tuple[int, int]] = {}
        todo: list[tuple[int, int]] = []
        for place, side in enumerate(port):
            if side >= 0:
                self._approach(todo, route, place, SIDES * place + side if place != to else NOBODY, cost[place], port)
        while todo and wanted:
            spent, channel = heapq.heappop(todo)
            if (place := channel // SIDES) not in found:
                found[place] = spent, channel
                wanted.discard(place)
                self._approach(todo, route, place, channel, spent, port)
        return found

    def _approach(self, todo: list[tuple[int, int]], route: int, place: int, onward: int, spent: int, port: list[int]) -> None:
        """Puts the channels to a place that goes on by `onward` among what is to do."""
        for channel in self._into[place]:
            if port[channel // SIDES] < 0 and (price := self._price(route, channel, onward)) is not None:
                heapq.heappush(todo, (spent + 1 + price, channel))

    def _climb(self, start: int, route: int, row: tuple[list[int], list[int]], tree: dict[int, tuple[int, int]]) -> None:
        """Makes a way of the tree the decision of its places, unless a circle of channels closes by now."""
        port, cost = row
        at, way = start, []
        while port[at] < 0:
            way.append(tree[at])
            at = self._behind[at][way[-1][1] % SIDES]
        channels = [channel for _, channel in way] + ([SIDES * at + port[at]] if port[at] < SIDES else [])
        if self.routes[route].waits.add(zip(channels, channels[1:], strict=False)):
            return
        for spent, channel in way:
            port[channel // SIDES], cost[channel // SIDES] = channel % SIDES, spent

    def _join(self, start: int, to: int, rows: list[tuple[list[int], list[int]]]) -> bool:
        banned: set[tuple[int, int]] = set()
        for _ in range(TRIES):
            best = None
            for route in (XY, YX):
                if (path := self._search(start, to, route, rows[route], banned, best[0] if best else None)) is not None:
                    best = path[0], route, path[1]
            if best is None:
                return False
            cost, route, channels = best
            # The last one is none at the destination.
            closing = self.routes[route].waits.add((u, v) for u, v in zip(channels, channels[1:], strict=False) if v != NOBODY)
            if closing is None:
                for i, channel in enumerate(channels[:-1]):
                    rows[route][0][channel // SIDES] = channel % SIDES
                    rows[route][1][channel // SIDES] = cost - i
                return True
            banned.add(closing)
        return False

    def _search(
        self, start: int, to: int, route: int, row: tuple[list[int], list[int]], banned: set[tuple[int, int]], limit: int | None
    ) -> tuple[int, list[int]] | None:
        """(cost, channels) of the cheapest path as far as a router whose decision stands, its channel (or NOBODY) being the last.

        None when there is none that costs less than the limit.
        """
        port, cost = row
        nodes, behind, far = self.grid.nodes, self._behind, self._far[to]
        # (lower bound of the whole, latest first, spent, place, places on the way as bits, channels, whether the path is complete)
        todo: list[tuple[int, int, int, int, int, tuple[int, ...], bool]] = [(far[start], 0, 0, start, 1 << start, (), False)]
        seen: set[tuple[int, int]] = set()
        count = 0
        while todo:
            bound, _, spent, at, visited, path, complete = heapq.heappop(todo)
            if limit is not None and bound >= limit:
                return None
            if complete:
                return bound, list(path)
            came = path[-1] if path else NOBODY
            if (at, came) in seen:
                continue
            seen.add((at, came))
            for side in range(SIDES):
                other, channel = behind[at][side], SIDES * at + side
                if other == NOBODY or (other >= nodes and other != to) or visited >> other & 1:
                    continue
                if (came, channel) in banned or (price := self._price(route, came, channel)) is None:
                    continue
                count -= 1
                so_far, way = spent + 1 + price, (*path, channel)
                if other == to:
                    heapq.heappush(todo, (so_far, count, so_far, other, visited, (*way, NOBODY), True))
                elif port[other] >= 0:
                    after = SIDES * other + port[other]
                    if (channel, after) not in banned and (turn := self._price(route, channel, after)) is not None:
                        heapq.heappush(todo, (so_far + turn + cost[other], count, so_far, other, visited, (*way, after), True))
                else:
                    heapq.heappush(todo, (so_far + far[other], count, so_far, other, visited | 1 << other, way, False))
        return None

    def _price(self, route: int, came: int, channel: int) -> int | None:
        """What a turn costs beside the hop; None when it is refused."""
        if NOBODY in (came, channel):
            return 0
        before, now = came % SIDES, channel % SIDES
        if now == OPPOSITE[before]:
            return None
        waits = self.routes[route].waits
        if channel not in waits.after[came] and waits.closes(came, channel):
            return None
        inside = now == before or (before in (E, W)) == (route == XY) or before in self.model[route]
        return 0 if inside else OUTSIDE_COST
