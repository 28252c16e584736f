"""Links: packets become control words and bodies, wires become packets, credits become back-pressure.

    control (t), body (t+1), one credit per channel and place        golden.arch.packet

A link has no ready. A sender holds CREDITS credits per channel; whoever frees a place returns one with a pulse. So
back-pressure is the gap before each credit, drawn from tb.stream.GAPS, and the rule that a LinkMonitor asserts is that
nothing is sent without a credit and no credit is returned twice.
"""

import random
from collections import deque
from collections.abc import Callable
from itertools import repeat

import cocotb
from cocotb.triggers import RisingEdge

from golden.arch.bits import Field
from golden.arch.packet import BODY, CHANNELS, CONTROL, CREDITS, Packet
from tb.bind import Ports
from tb.stream import Gaps


def _places(*fields: Field) -> tuple[int, ...]:
    return tuple(bit for field in fields for bit in range(field.lo, field.lo + field.width))


ROUTE_PLACES = _places(*(field for field in CONTROL if field.name not in ("valid", "out")))
"""Bits of a control word under its parity, but ``valid``: wrong bits of that make another channel of it, or two."""
HEADER_PLACES, PAYLOAD_PLACES = _places(BODY["header"]), _places(BODY["payload"], BODY["payload_parity"])
"""Bits of a body under the parity of header or payload: an odd number of wrong ones is noticed."""


class LinkSource:
    """Sends what `put` queued: one packet a cycle at most, per channel in order, while there is credit, with `gaps` before each.

    A packet is sent with one wrong bit of whatever is to come wrong of it. Bodies that belong to no packet are noise.
    """

    def __init__(self, ports: Ports, name: str, rng: random.Random, gaps: Gaps | None = None) -> None:
        self._edge = RisingEdge(ports.clock.handle)
        self._control, self._body, self._credit = (ports[f"{name}__{part}"] for part in ("control", "body", "credit"))
        self._rng = rng
        self._gaps = gaps if gaps is not None else repeat(0)
        self._queues: list[deque[Packet]] = [deque() for _ in range(CHANNELS)]
        self._credits = [CREDITS] * CHANNELS
        cocotb.start_soon(self._run())

    def put(self, *items: Packet) -> None:
        """Queues packets, each on its channel."""
        for item in items:
            self._queues[item.channel].append(item)

    @property
    def waiting(self) -> int:
        """Packets not yet sent."""
        return sum(map(len, self._queues))

    def _words(self, item: Packet) -> tuple[int, int]:
        control, body = item.encode()
        if item.wrong_header and self._rng.random() < 0.2:
            control ^= 1 << self._rng.choice(ROUTE_PLACES)
        elif item.wrong_header:
            body ^= 1 << self._rng.choice(HEADER_PLACES)
        if item.wrong_payload:
            body ^= 1 << self._rng.choice(PAYLOAD_PLACES)
        return control, body

    async def _run(self) -> None:
        wait = next(self._gaps)
        body = None
        while True:
            self._body.set(self._rng.getrandbits(self._body.width) if body is None else body)
            control, body = 0, None
            sendable = [v for v in range(CHANNELS) if self._queues[v] and self._credits[v]]
            if wait:
                wait -= 1
            elif sendable:
                channel = self._rng.choice(sendable)
                control, body = self._words(self._queues[channel].popleft())
                self._credits[channel] -= 1
                wait = next(self._gaps)
            self._control.set(control)
            await self._edge
            pulses = self._credit.get()
            for v in range(CHANNELS):
                self._credits[v] += pulses >> v & 1


class LinkMonitor:
    """Calls `see(packet)` for every packet, in the cycle of its body; asserts the rule of credits. `count`: packets so far."""

    def __init__(self, ports: Ports, name: str, see: Callable[[Packet], None] = lambda item: None) -> None:
        self.name = name
        self._see = see
        self.count = 0
        self._credits = [CREDITS] * CHANNELS
        self._before = 0
        cocotb.start_soon(self._run(ports))

    async def _run(self, ports: Ports) -> None:
        edge = RisingEdge(ports.clock.handle)
        control, body, credit = (ports[f"{self.name}__{part}"] for part in ("control", "body", "credit"))
        while True:
            await edge
            self.step(control.get(), body.get() if self._before else 0, credit.get())

    def step(self, control: int, body: int, credit: int) -> None:
        """One cycle's values; AssertionError when a packet has no credit, or a credit no packet."""
        if self._before:
            self.count += 1
            self._see(Packet.decode(self._before, body))
        valid = control & CONTROL["valid"].mask
        for v in range(CHANNELS):
            if valid >> v & 1:
                assert self._credits[v], f"{self.name}: a packet on channel {v} without credit"
                self._credits[v] -= 1
        # A pulse counts from the next cycle on.
        for v in range(CHANNELS):
            self._credits[v] += credit >> v & 1
            assert self._credits[v] <= CREDITS, f"{self.name}: a credit of channel {v} too many"
        self._before = control if valid else 0


class LinkSink:
    """Returns the credit of every packet that comes, one a cycle at most, with `gaps` before each."""

    def __init__(self, ports: Ports, name: str, rng: random.Random, gaps: Gaps | None = None) -> None:
        self._edge = RisingEdge(ports.clock.handle)
        self._control, self._credit = ports[f"{name}__control"], ports[f"{name}__credit"]
        self._rng = rng
        self._gaps = gaps if gaps is not None else repeat(0)
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        held = [0] * CHANNELS
        wait = next(self._gaps)
        while True:
            await self._edge
            valid = self._control.get() & CONTROL["valid"].mask
            for v in range(CHANNELS):
                held[v] += valid >> v & 1
            pulse = 0
            if not any(held):
                pass
            elif wait:
                wait -= 1
            else:
                channel = self._rng.choice([v for v in range(CHANNELS) if held[v]])
                held[channel] -= 1
                pulse = 1 << channel
                wait = next(self._gaps)
            self._credit.set(pulse)
