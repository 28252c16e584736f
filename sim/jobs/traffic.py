"""What a network carried, link by link and class by class, and how late packets came: of a recording, or of played traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import MeshConfig, Place
from sim.events.file import Recording
from sim.events.packets import CLASSES, Link, arrivals, carried, hops, mesh_of, percentile

BUSIEST = 5  # links that are named


@dataclass(frozen=True)
class Traffic:
    """What there was in so many cycles.

    Attributes
    ----------
    counts : packets of each link, by class.
    latencies : packets by cycles, by class.
    measured : from where to where latencies are, for people.
    """

    mesh: MeshConfig
    cycles: int
    counts: Mapping[str, Mapping[Link, int]]
    latencies: Mapping[str, NDArray[Any]]
    measured: str

    @property
    def shares(self) -> dict[str, dict[Link, float]]:
        """Packets a cycle."""
        return {name: {link: count / self.cycles for link, count in each.items()} for name, each in self.counts.items()}


def of_recording(recording: Recording, first: int, last: int) -> Traffic:
    """Between these cycles; EventsError for a recording of no mesh."""
    found = hops(recording, first, last)
    came, latencies = arrivals(found), {}
    for name in CLASSES:
        latencies[name] = np.bincount([one.latency for one in came if one.class_ == name] or [0], minlength=2)
        latencies[name][0] = 0
    return Traffic(mesh_of(recording.about), last - first, carried(found), latencies, "cycles from a packet's first link to its last")


def figures(traffic: Traffic) -> dict[str, Any]:
    """The busiest links and the latencies as figures, and as sentences."""
    every = sorted(
        ((count, link, name) for name, each in traffic.counts.items() for link, count in each.items() if count), key=lambda one: -one[0]
    )
    rows = [
        {"from": _said(link[0]), "to": _said(link[1]), "class": name, "packets": count, "share": count / traffic.cycles}
        for count, link, name in every
    ]
    sentences = [
        f"{row['from']} to {row['to']}: {_counted(row['packets'], row['class'])}, {row['share']:.3f} packets a cycle"
        for row in rows[:BUSIEST]
    ]
    late = {}
    for name, each in traffic.latencies.items():
        if each.sum():
            late[name] = {"packets": int(each.sum()), "p50": percentile(each, 0.5), "p99": percentile(each, 0.99)}
            found = late[name]
            sentences.append(f"{_counted(found['packets'], name)}: half within {found['p50']} cycles, 99 % within {found['p99']}")
    if sentences:
        sentences.append(f"latencies are {traffic.measured}")
    return {"cycles": traffic.cycles, "links": rows, "latencies": late, "sentences": sentences or ["no packet crossed a link"]}


def _counted(count: int, name: str) -> str:
    return f"{count} {name.removesuffix('s') if count == 1 else name}"


def _said(place: Place) -> str:
    return f"{place[0]},{place[1]}"
