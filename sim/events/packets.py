"""Packets in a recording of a mesh: what each link carried, and each packet's way from its first link to its last."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import MeshConfig, Place, beside, parse_place
from golden.arch.packet import Kind, PortId
from sim.events.file import About, Event, EventsError, Recording

CLASSES = ("requests", "responses")
_KINDS = {kind.value: kind.name for kind in Kind}
Link = tuple[Place, Place]
"""Who sends and who receives: neighbours, or a node and the edge port beside it."""


@dataclass(frozen=True)
class Hop:
    """A packet crosses a link in a cycle."""

    cycle: int
    link: Link
    event: Event

    @property
    def class_(self) -> str:
        return class_of(self.event)

    @property
    def identity(self) -> tuple[Any, ...]:
        """What stays the same on the whole way; packets of the same identity stay in order on it."""
        control = self.event.fields["control"]
        return (*(value for name, value in control.items() if name != "out"), *self.event.fields["header"].values())

    def reaches(self) -> bool:
        """Whether the receiver is one of those whom it is for."""
        control, (x, y) = self.event.fields["control"], self.link[1]
        return control["x"] <= x <= control["far_x"] and control["y"] <= y <= control["far_y"]


@dataclass(frozen=True)
class Arrival:
    """A packet, or a copy of it, is where it should be: the cycles of its first and last link, and how many links it crossed."""

    first: int
    last: int
    links: int
    class_: str

    @property
    def latency(self) -> int:
        """From the first link to the last, both counted: as many cycles as links where nothing is in the way."""
        return self.last - self.first + 1


def hops(recording: Recording, first: int, last: int) -> list[Hop]:
    """All in these cycles, in their order; EventsError for a recording of no mesh."""
    about = recording.about
    if not about.mesh[0]:
        raise EventsError(f"{recording.path} was recorded on a node alone, which has no links to others: record with --mesh")
    found = []
    for node, name in enumerate(about.places):
        place = parse_place(name)
        for event in recording.events(first, last, node, frozenset({"hop", "entry"})):
            other = beside(place, PortId(event.number))
            found.append(Hop(event.cycle, (place, other) if event.kind == "hop" else (other, place), event))
    return sorted(found, key=lambda hop: hop.cycle)


def mesh_of(about: About) -> MeshConfig:
    """Where the nodes of a recording are."""
    whole = MeshConfig(*about.mesh)
    return MeshConfig(*about.mesh, dead=frozenset(whole.places) - set(map(parse_place, about.places)))


def carried(found: list[Hop]) -> dict[str, Counter[Link]]:
    """Packets by class and link."""
    counts: dict[str, Counter[Link]] = {name: Counter() for name in CLASSES}
    for hop in found:
        counts[hop.class_][hop.link] += 1
    return counts


def arrivals(found: list[Hop]) -> list[Arrival]:
    """Packets that came to whom they are for; boot packets, which change on their way, are left out."""
    at: dict[Place, dict[tuple[Any, ...], deque[tuple[int, int]]]] = defaultdict(lambda: defaultdict(deque))
    came = []
    for hop in found:
        if hop.event.fields["header"]["kind"] == Kind.BOOT:
            continue
        waiting, copied = at[hop.link[0]][hop.identity], multicast(hop.event)
        begun, count = (waiting[-1] if copied else waiting.popleft()) if waiting else (hop.cycle, 0)
        if hop.reaches():
            came.append(Arrival(begun, hop.cycle, count + 1, hop.class_))
        if not hop.reaches() or copied:
            at[hop.link[1]][hop.identity].append((begun, count + 1))
    return came


def percentile(counts: NDArray[Any], share: float) -> int:
    """The least number of cycles within which that share of the packets came; ``counts`` by cycles."""
    return int(np.searchsorted(np.cumsum(counts), share * max(1, int(counts.sum()))))


def multicast(event: Event) -> bool:
    """Whether the packet is for the nodes of a rectangle."""
    control = event.fields["control"]
    return (control["x"], control["y"]) != (control["far_x"], control["far_y"])


def class_of(event: Event) -> str:
    """That of the channel on which it is."""
    return CLASSES[(event.fields["control"]["valid"].bit_length() - 1) // 2]


def kind_of(event: Event) -> str:
    """What the packet asks or answers."""
    kind = event.fields["header"]["kind"]
    return _KINDS.get(kind, f"kind {kind}")


def said_of(event: Event) -> dict[str, Any]:
    """What the packet says, for people."""
    control, header = event.fields["control"], event.fields["header"]
    to = f"{control['x']},{control['y']}"
    if multicast(event):
        to += f" to {control['far_x']},{control['far_y']}"
    return {
        "from": f"{header['source_x']},{header['source_y']}",
        "to": to,
        "channel": f"{class_of(event)}, {'XY' if control['valid'] & 5 else 'YX'}",
        "address": f"{header['address']:#x}",
        "words": header["length"],
        "tag": header["tag"],
        "sequence": header["sequence"],
    }


def sentence(event: Event, about: About) -> str:
    """A packet on a link of a node."""
    said = said_of(event)
    side = PortId(event.number).name.lower() if about.mesh[0] else "host"
    way = f"to the {side}" if event.kind == "hop" else f"from outside, in the {side}" if about.mesh[0] else "from the host"
    what = f"{kind_of(event)} from {said['from']} to {said['to']} ({said['channel']})"
    return f"link {way}: {what}, address {said['address']}, tag {said['tag']}"
