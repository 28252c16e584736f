"""Driving and watching ready/valid streams.

Four rules hold on every stream: a transfer happens at an edge where valid and ready are high; once valid is high it
stays, with the same payload, until that edge; valid never waits for ready; ready may do as it likes. A Monitor asserts
the second; a Sink made with `after_valid=True` never offers ready first, so a producer that breaks the third stands
still and the test's deadline names it.

Gaps (idle cycles before each transfer) are endless generators of numbers, the same for Source and Sink:

    GAPS["none" | "steady" | "bursts" | "random" | "stuck"](random generator)
"""

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, cycle, repeat
from typing import Any

import cocotb
from cocotb.triggers import Event, RisingEdge

from tb.bind import Port, Ports

Gaps = Iterator[int]


def _bursts(rng: random.Random) -> Gaps:
    while True:
        yield rng.randint(3, 12)
        yield from repeat(0, rng.randint(1, 8))


def _random(rng: random.Random) -> Gaps:
    while True:
        yield rng.choice((0, 0, 1, 2, 5))


GAPS: Mapping[str, Callable[[random.Random], Gaps]] = {
    "none": lambda rng: repeat(0),
    "steady": lambda rng: cycle((1,)),
    "bursts": _bursts,
    "random": _random,
    "stuck": lambda rng: chain((40,), repeat(0)),  # longer than any queue under test is deep, then at full rate
}


class _Stream:
    """Valid, ready and payload of the stream `name` in `ports`; fields without a common payload port count as one."""

    def __init__(self, ports: Ports, name: str) -> None:
        self.name = name
        self.edge = RisingEdge(ports.clock.handle)
        self.reset: Port | None = ports.reset
        self.valid = ports[f"{name}__valid"]
        self.ready = ports[f"{name}__ready"]
        self.payload = ports.payload(name)


class Source(_Stream):
    """Offers what `put` queued, in order, waiting `gaps` before each. Start it after reset."""

    def __init__(self, ports: Ports, name: str, gaps: Gaps | None = None) -> None:
        super().__init__(ports, name)
        self._gaps = gaps if gaps is not None else repeat(0)
        self._queue: deque[int | Mapping[str, Any]] = deque()
        self._idle = Event()
        self._idle.set()
        cocotb.start_soon(self._run())

    def put(self, *items: int | Mapping[str, Any]) -> None:
        """Queues payloads: numbers, or dictionaries of fields."""
        self._queue.extend(items)
        self._idle.clear()

    async def idle(self) -> None:
        """Returns once everything queued has been transferred."""
        await self._idle.wait()

    async def _run(self) -> None:
        while True:
            if not self._queue:
                self._idle.set()
                await self.edge
                continue
            for _ in range(next(self._gaps)):
                await self.edge
            self.payload.set(self._queue[0])
            self.valid.set(1)
            await self.edge
            while not self.ready.get():
                await self.edge
            self._queue.popleft()
            self.valid.set(0)


class Sink(_Stream):
    """Takes transfers, keeping ready low for `gaps` cycles before each; calls `take(payload number)` for each.

    With `after_valid` ready is low until valid has been seen high.
    """

    def __init__(
        self,
        ports: Ports,
        name: str,
        gaps: Gaps | None = None,
        *,
        after_valid: bool = False,
        take: Callable[[int], None] = lambda payload: None,
    ) -> None:
        super().__init__(ports, name)
        self._gaps = gaps if gaps is not None else repeat(0)
        self._after_valid = after_valid
        self._take = take
        self.count = 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        while True:
            for _ in range(next(self._gaps)):
                await self.edge
            while self._after_valid and not self.valid.get():
                await self.edge
            self.ready.set(1)
            await self.edge
            while not self.valid.get():
                await self.edge
            self.count += 1
            self._take(self.payload.get())
            self.ready.set(0)


class Monitor(_Stream):
    """Calls `see(payload number)` for every transfer and asserts that an offer stands until it is taken.

    Attributes: `transfers`, and `offered` (cycles with valid high), `cycles` watched, all outside reset.
    """

    def __init__(self, ports: Ports, name: str, see: Callable[[int], None] = lambda payload: None) -> None:
        super().__init__(ports, name)
        self._see = see
        self.transfers = 0
        self.offered = 0
        self.cycles = 0
        self._standing: int | None = None
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        while True:
            await self.edge
            if self.reset is not None and self.reset.get():
                self._standing = None
                continue
            valid = self.valid.get()
            self.step(valid, self.ready.get(), self.payload.get() if valid else 0)

    def step(self, valid: int, ready: int, payload: int) -> None:
        """One cycle's values; AssertionError when they break a rule."""
        self.cycles += 1
        if self._standing is not None:
            assert valid, f"{self.name}: valid fell in cycle {self.cycles} before {self._standing:#x} was taken"
            assert payload == self._standing, (
                f"{self.name}: payload changed from {self._standing:#x} to {payload:#x} in cycle {self.cycles} "
                "before it was taken"
            )
        self.offered += valid
        self._standing = payload if valid and not ready else None
        if valid and ready:
            self.transfers += 1
            self._see(payload)
