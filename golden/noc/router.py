"""A router, cycle by cycle, from its rules: what each link shows, given what came in.

Written as lists and orders, not as the circuit: buffers are lists, an order of service is a list of whose turn comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from golden.arch.mesh import Place
from golden.arch.packet import CHANNELS, CONTROL, CREDITS, PortId
from golden.noc.routing import Entry, onward

PORTS = len(PortId)
CARRIED = ("x", "y", "far_x", "far_y")
"""Fields of a control word that do not change on the way."""


@dataclass
class Held:
    """A packet in a buffer: the ports that it still leaves by, for each its ports at the next router, what it carries, its body when come.

    A multicast leaves by several ports, each as soon as it is granted; its place is free when the last copy has left.
    """

    outs: set[PortId]
    onward: dict[PortId, int]
    carried: dict[str, int]
    body: int | None = None


@dataclass(frozen=True)
class Shown:
    """What the router's flip-flops show on its links; a body of None is of no packet and may be anything."""

    controls: tuple[int, ...]
    bodies: tuple[int | None, ...]
    credits: tuple[int, ...]


@dataclass
class Router:
    """Call `step` once a cycle with what the links bring; it returns what the links show in the cycle after."""

    at: Place
    table: Sequence[Entry] = ()
    closed: frozenset[PortId] = frozenset()
    buffers: list[list[list[Held]]] = field(default_factory=lambda: [[[] for _ in range(CHANNELS)] for _ in PortId])
    credits: list[list[int]] = field(default_factory=lambda: [[CREDITS] * CHANNELS for _ in PortId])

    def __post_init__(self) -> None:
        self._ports = [[PortId(p) for p in PortId if p != o] for o in PortId]
        self._channels = [[list(range(CHANNELS)) for _ in PortId] for _ in PortId]
        self._body_due: list[Held | None] = [None] * PORTS  # by input
        self._sending: list[Held | None] = [None] * PORTS  # by output: its body shows a cycle after its control word
        self._shown = Shown((0,) * PORTS, (None,) * PORTS, (0,) * PORTS)

    def step(self, controls: Sequence[int], bodies: Sequence[int], credits: Sequence[int]) -> Shown:
        """One cycle. `controls` and `bodies` by input, `credits` by output.

        AssertionError when a sender breaks the rules: no credit left, two channels at once, a port that does not exist or turns back.
        """
        self._receive(controls, bodies)
        grants = [self._arbitrate(o) for o in PortId]
        returned, shown = [0] * PORTS, [0] * PORTS
        for o in PortId:
            back = CONTROL.unpack(self._shown.controls[o])["valid"] if o in self.closed else credits[o]
            for v in range(CHANNELS):
                self.credits[o][v] += back >> v & 1
                assert self.credits[o][v] <= CREDITS, f"{o.name}: a credit of channel {v} too many"
        leaving: list[Held | None] = [None] * PORTS
        for o, grant in zip(PortId, grants, strict=True):
            if grant is None:
                continue
            p, v = grant
            held = leaving[o] = self.buffers[p][v][0]
            held.outs.remove(o)
            self.credits[o][v] -= 1
            shown[o] = CONTROL.pack({"valid": 1 << v, "out": held.onward[o], **held.carried})
        for p, v in {grant for grant in grants if grant}:
            if not self.buffers[p][v][0].outs:
                self.buffers[p][v].pop(0)
                returned[p] |= 1 << v
        # The bodies of what was granted a cycle ago have come by now.
        sent = tuple(held.body if held else None for held in self._sending)
        self._sending = leaving
        self._shown = Shown(tuple(shown), sent, tuple(returned))
        return self._shown

    def _receive(self, controls: Sequence[int], bodies: Sequence[int]) -> None:
        for p in PortId:
            if self._body_due[p]:
                self._body_due[p].body = bodies[p]
            self._body_due[p] = None
            word = CONTROL.unpack(controls[p])
            if not word["valid"]:
                continue
            corner, far = (word["x"], word["y"]), (word["far_x"], word["far_y"])
            outs = {PortId(o) for o in PortId if word["out"] >> o & 1}
            assert word["valid"].bit_count() == 1 and outs, f"{p.name}: control word {controls[p]:#x}"
            assert corner != far or len(outs) == 1, f"{p.name}: control word {controls[p]:#x}"
            v = word["valid"].bit_length() - 1
            assert p not in outs, f"{p.name}: a packet that turns back"
            assert len(self.buffers[p][v]) < CREDITS, f"{p.name}: a packet on channel {v} without credit"
            after = {out: sum(1 << port for port in onward(self.at, out, corner, far, v & 1, self.table)) for out in outs}
            held = Held(outs, after, {name: word[name] for name in CARRIED})
            self.buffers[p][v].append(held)
            self._body_due[p] = held

    def _arbitrate(self, o: PortId) -> tuple[PortId, int] | None:
        """Who uses the output in this cycle, from the credits that it holds at its start."""
        for p in self._ports[o]:
            asking = [v for v in self._channels[o][p] if self.credits[o][v] and self.buffers[p][v] and o in self.buffers[p][v][0].outs]
            if asking:
                self._ports[o].remove(p)
                self._ports[o].append(p)
                self._channels[o][p].remove(asking[0])
                self._channels[o][p].append(asking[0])
                return p, asking[0]
        return None
