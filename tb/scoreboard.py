"""Scoreboards: what was expected against what came, under a stated order rule.

    InOrder     items come in the order in which they were expected
    PerSource   items of one source come in order; sources interleave freely

`finish()` is not optional: it fails on anything left over and on a board that compared nothing. A report says what was
expected, what came, how old the expectation is, and where it came from.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any


def _now() -> float:
    from cocotb.utils import get_sim_time

    return get_sim_time("ns")


class PerSource:
    """Compares per source, in order.

    `name` is printed in reports; `clock` gives the time for ages (simulation time in ns unless given).
    Attribute `compared`: comparisons so far.
    """

    def __init__(self, name: str, clock: Callable[[], float] = _now) -> None:
        self.name = name
        self.compared = 0
        self._clock = clock
        self._waiting: dict[Hashable, deque[tuple[Any, float]]] = {}

    def expect(self, item: Any, source: Hashable) -> None:
        """Adds what shall come next from `source`."""
        self._waiting.setdefault(source, deque()).append((item, self._clock()))

    def got(self, item: Any, source: Hashable) -> None:
        """Compares what came with the oldest expectation of `source`; AssertionError when it is not that."""
        queue = self._waiting.get(source)
        if not queue:
            raise AssertionError(f"{self.name}: got {item!r} from {source!r}, expected nothing")
        expected, since = queue.popleft()
        self.compared += 1
        if item != expected:
            age = self._clock() - since
            raise AssertionError(
                f"{self.name}: comparison {self.compared} from {source!r}: "
                f"expected {expected!r} (for {age:g} ns), got {item!r}"
            )

    @property
    def pending(self) -> int:
        """Expectations that nothing has answered yet."""
        return sum(map(len, self._waiting.values()))

    def finish(self) -> None:
        """AssertionError when expectations are left or nothing was ever compared."""
        left = [(since, item, source) for source, queue in self._waiting.items() for item, since in queue]
        if left:
            since, item, source = min(left, key=lambda entry: entry[0])
            age = self._clock() - since
            raise AssertionError(
                f"{self.name}: {len(left)} expected and never came, oldest {item!r} from {source!r} (for {age:g} ns)"
            )
        if not self.compared:
            raise AssertionError(f"{self.name}: nothing was compared")


class InOrder:
    """Compares in one order over everything; otherwise as PerSource."""

    def __init__(self, name: str, clock: Callable[[], float] = _now) -> None:
        self._board = PerSource(name, clock)

    def expect(self, item: Any) -> None:
        self._board.expect(item, "all")

    def got(self, item: Any) -> None:
        self._board.got(item, "all")

    @property
    def compared(self) -> int:
        return self._board.compared

    @property
    def pending(self) -> int:
        return self._board.pending

    def finish(self) -> None:
        self._board.finish()
