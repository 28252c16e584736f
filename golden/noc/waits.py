"""Which channels wait for which, as a graph that grows and never closes a circle."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import TopologicalSorter


class Waits:
    """Channels by number; `after[u]` are those that a packet which holds u may want next.

    What a channel leads to is kept as a set of bits, its own among them, so that asking costs one look.
    """

    def __init__(self, channels: int, edges: Iterable[tuple[int, int]]) -> None:
        self.after: list[set[int]] = [set() for _ in range(channels)]
        for u, v in edges:
            self.after[u].add(v)
        self._leads = [1 << channel for channel in range(channels)]
        for channel in TopologicalSorter(dict(enumerate(self.after))).static_order():
            for other in self.after[channel]:
                self._leads[channel] |= self._leads[other]

    def copy(self) -> Waits:
        other = Waits.__new__(Waits)
        other.after, other._leads = [set(following) for following in self.after], list(self._leads)
        return other

    def closes(self, u: int, v: int) -> bool:
        """Whether v leads to u, so that an edge from u to v would close a circle."""
        return bool(self._leads[v] >> u & 1)

    def add(self, edges: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
        """Adds edges one after another; the first that closes a circle, and then none is added."""
        before, added = list(self._leads), []
        for u, v in edges:
            if v in self.after[u]:
                continue
            if self.closes(u, v):
                self._leads = before
                for u_added, v_added in added:
                    self.after[u_added].remove(v_added)
                return u, v
            added.append((u, v))
            self.after[u].add(v)
            new = self._leads[v]
            self._leads = [leads | new if leads >> u & 1 else leads for leads in self._leads]
        return None
