"""Which tests one process runs together, and in which order processes get them: what failed before first, then the longest.

    plan = Plan(tests, seeds=range(3, 6), times={...}, failing=[...])
    while order := plan.next(seconds_left): ...

Tests that take no seed run once, under the first one; the others run once for each.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sim.suite.catalog import Case

START = 1.5  # seconds for a process to begin
PART = 60.0  # seconds of one file's tests that one process runs at most
UNKNOWN = {"proof": 60.0, "system": 20.0, "rtl": 20.0, "slow": 20.0}  # seconds that a test may take of which nothing is known
SHORT = 0.3  # any other


@dataclass(frozen=True)
class Order:
    """Tests of one file under one seed, for one process; `seconds` is what they are thought to take."""

    tests: tuple[str, ...]
    seed: int
    seconds: float
    waves: bool = False


def estimate(test: Case, times: Mapping[str, float]) -> float:
    """Seconds that a test will take, start of the process not counted."""
    return times.get(test.name, next((seconds for tag, seconds in UNKNOWN.items() if tag in test.tags), SHORT))


def compose(tests: Iterable[Case], seed: int, times: Mapping[str, float]) -> list[Order]:
    """Orders for these tests, longest first: a file's tests stay together as long as they are short."""
    by_file: dict[str, list[Case]] = defaultdict(list)
    for test in tests:
        by_file[test.file].append(test)
    orders = []
    for group in by_file.values():
        part: list[str] = []
        spent = 0.0
        for test in group:
            seconds = estimate(test, times)
            if part and spent + seconds > PART:
                orders.append(Order(tuple(part), seed, START + spent))
                part, spent = [], 0.0
            part.append(test.name)
            spent += seconds
        orders.append(Order(tuple(part), seed, START + spent))
    return sorted(orders, key=lambda order: (-order.seconds, order.tests))


class Plan:
    """Hands out orders until all is done, or nothing more fits into the time.

    Parameters
    ----------
    seeds: the first one is that of tests that take none; may have no end.
    times, failing: as ``known.Known`` has them.
    done: (test, seed) that need not run.
    """

    def __init__(
        self,
        tests: Sequence[Case],
        seeds: Iterable[int],
        times: Mapping[str, float],
        failing: Iterable[tuple[str, int]] = (),
        done: Iterable[tuple[str, int]] = (),
    ) -> None:
        self.tests, self.times = list(tests), times
        self.done = set(done)
        self.left_out: set[tuple[str, int]] = set()
        self._seeds, self._round = iter(seeds), 0
        self._bounded = isinstance(seeds, range)
        self._first = deque(self._again(failing))
        self._queue: deque[Order] = deque()
        self._refill()

    def _again(self, failing: Iterable[tuple[str, int]]) -> list[Order]:
        """What failed before, a test alone, under the seed with which it failed."""
        known = {test.name: test for test in self.tests}
        orders = []
        for name, seed in failing:
            if name in known and (name, seed) not in self.done:
                orders += compose([known[name]], seed, self.times)
                self.done.add((name, seed))
        return orders

    def _refill(self) -> None:
        """The orders of the next seed."""
        for seed in islice(self._seeds, 1):
            tests = [test for test in self.tests if (test.seeded or not self._round) and (test.name, seed) not in self.done]
            self._queue.extend(compose(tests, seed, self.times))
            self._round += 1

    def add(self, order: Order) -> None:
        """Something that is to run before all else."""
        self._first.appendleft(order)

    def next(self, left: float = math.inf) -> Order | None:
        """The order that runs next, None when there is none or none that fits into the seconds that are left."""
        while True:
            for queue in (self._first, self._queue):
                for order in list(queue):
                    if order.seconds <= left:
                        queue.remove(order)
                        return order
                    if self._bounded or self._round == 1:
                        self.left_out |= {(test, order.seed) for test in order.tests}
                    queue.remove(order)
            before = self._round
            self._refill()
            if self._round == before or not self._queue or all(order.seconds > left for order in self._queue):
                return None

    def seconds(self) -> float:
        """What the orders of this round and all that are known to follow are thought to take."""
        rest = sum(order.seconds for order in (*self._first, *self._queue))
        if self._bounded:
            seeded = compose((test for test in self.tests if test.seeded), 0, self.times)
            rest += sum(order.seconds for order in seeded) * self._seeds.__length_hint__()
        return rest
