"""Traffic on a mesh of routers: what gets through, how late, and whether every packet came once, whole, in order and to the right node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import STEP, MeshConfig, beside
from golden.arch.packet import BODY, CHANNELS, COORD_BITS, CREDITS, PortId
from golden.noc.routes import Routes, check
from golden.noc.routing import XY, YX
from golden.noc.traffic import destinations
from rtl.noc.router import Router
from sim.compile.elaborate import Design, elaborate
from sim.engine.binding import LINK_PARTS
from sim.engine.noc import Network, SourceRoutes, SourceRule
from sim.events.packets import CLASSES, Link, percentile
from sim.jobs.traffic import Traffic

WARM, MEASURED = 10_000, 40_000
LONGEST_MEAN, LEAST_ACCEPTED = 60.0, 0.99
"""A load holds while the mean latency is at most so many cycles and at least this share of the packets is accepted."""
MOST = 1.05
"""Packets that a load creates at most, as a multiple of what it creates in the mean."""
CHUNK = 1000
"""Cycles between two looks at what has come."""
Tell = Callable[[int, int], None]
DRAIN = 200_000
"""Cycles after which a packet that has not come is lost."""


class TrafficError(RuntimeError):
    """What was asked for cannot be measured; one sentence."""


@dataclass(frozen=True)
class Load:
    """What to put on a mesh: a pattern at `rate` packets a cycle for each node that sends, on `classes` classes.

    A share `multicast` of them goes to all nodes of a rectangle between two random nodes, but their sender; what is counted are copies.
    """

    pattern: str
    rate: float
    classes: int = 2
    rule: SourceRule = SourceRule()
    seed: int = 0
    warm: int = WARM
    measured: int = MEASURED
    multicast: float = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise TrafficError(f"a rate of {self.rate} packets a cycle: a node creates more than 0 and at most 1")
        if self.classes not in (1, 2):
            raise TrafficError(f"{self.classes} classes: packets are on 1 class or on 2")
        if not 0 <= self.multicast <= 1:
            raise TrafficError(f"a share of {self.multicast} multicasts: it is at least 0 and at most 1")
        if self.warm < 0 or self.measured < 1:
            raise TrafficError(f"{self.warm} + {self.measured} cycles: at least 0 before the measurement and 1 in it")


def buffer_bits() -> int:
    """Bits in the buffers of a router: bodies, destinations, far corners, the ports here and at each router behind, none turning back."""
    return len(PortId) * CHANNELS * CREDITS * (BODY.width + 4 * COORD_BITS + len(PortId) + len(STEP) * (len(PortId) - 1))


@cache
def design() -> Design:
    """The router as Verilog; elaborated once."""
    return elaborate(Router(), top="router")


def source_routes(routes: Routes) -> SourceRoutes:
    """What sources know, as arrays."""
    mesh, ways = routes.mesh, check(routes)
    numbers = np.array([mesh.places[place] for place in mesh.live])
    count = len(mesh.places)
    first, hops = np.full((count, count, 2), -1, np.int32), np.zeros((count, count, 2), np.int32)
    among = np.ix_(numbers, numbers)
    live = slice(ways.grid.nodes)
    for route in (XY, YX):
        first[*among, route], hops[*among, route] = ways.first[route, live, live], ways.hops[route, live, live]
    allowed = first >= 0
    first, hops = np.where(allowed, first, 0).astype(np.uint8), np.where(allowed, hops, 0).astype(np.uint8)
    tables = {place: [entry.fields() for entry in table] for place, table in routes.tables.items()}
    return SourceRoutes(allowed, first, hops, tables)


def zero_load_latency(mesh: MeshConfig, known: SourceRoutes, pattern: str) -> float:
    """Mean over what the pattern sends of hops + 2, both routes of a packet being equally likely where both lead there."""
    total, count = 0.0, 0
    for place, to in destinations(mesh, pattern).items():
        targets = [other for other in mesh.live if other != place] if isinstance(to, str) else [to]
        for target in targets:
            at = mesh.places[place], mesh.places[target]
            total += float(known.hops[at][known.allowed[at]].mean()) + 2
            count += 1
    return total / count


def measure(
    routes: Routes,
    known: SourceRoutes,
    load: Load,
    threads: int = 1,
    tell: Tell | None = None,
    hopeless: bool = True,
    watch: Callable[[Traffic], None] | None = None,
) -> dict[str, Any]:
    """One load on the RTL, and what became of every packet.

    `tell` hears how many cycles of how many have run. Without `hopeless` the measurement ends as soon as no later packet can bring the mean
    latency below its limit, multicasts apart; the row's `cycles` say how long it was. `watch` gets what
    each link carried in the measurement.
    """
    mesh = routes.mesh
    if load.multicast and (mesh.dead or mesh.dead_links):
        raise TrafficError("multicasts on a mesh where something is dead: what lies behind it gets no copy, so none can be missed")
    to = destinations(mesh, load.pattern)
    total, done = load.warm + load.measured, 0
    carried = np.zeros((len(mesh.live), len(STEP), len(CLASSES)), np.int64)
    with Network(design(), mesh, known, seed=load.seed, threads=threads) as network:
        network.traffic(to, load.rate, load.classes, load.rule, load.multicast)
        while done < total:
            if done == load.warm:
                network.measure(True)
                network.options(recording=watch is not None)
            part = min(CHUNK, (load.warm if done < load.warm else total) - done)
            network.run(part)
            done += part
            if watch and done > load.warm:
                carried += _carried(network)
            if tell:
                tell(done, total)
            limit = LONGEST_MEAN * MOST * load.rate * load.measured * len(to)
            if not (hopeless or load.multicast) and network.statistics()[0]["latency_sum"] > limit:
                break
        measured = done - load.warm
        counts, latencies = network.statistics()
        network.measure(False)
        network.options(recording=False, resting=True)
        network.traffic(to, 0.0, load.classes, load.rule)
        for _ in range(DRAIN // CHUNK):
            final, _ = network.statistics()
            if final["received"] == final["created"]:
                break
            network.run(CHUNK)
    if watch:
        watch(Traffic(mesh, measured, _by_link(mesh, carried), {"packets": latencies}, "cycles from a packet's creation to its arrival"))
    return {
        "mesh": f"{mesh.columns}x{mesh.rows}",
        "dead": sorted(mesh.dead),
        "pattern": load.pattern,
        "classes": load.classes,
        "rate": load.rate,
        "multicast": load.multicast,
        "seed": load.seed,
        "cycles": measured,
        "senders": len(to),
        "offered": counts["window_created"] / measured / len(to),
        "accepted": counts["window_received"] / measured / len(to),
        "accepted_share": counts["window_received"] / max(1, counts["window_created"]),
        "mean_latency": counts["latency_sum"] / max(1, counts["latency_count"]),
        "p50_latency": percentile(latencies, 0.5),
        "p99_latency": percentile(latencies, 0.99),
        "zero_load_latency": zero_load_latency(mesh, known, load.pattern),
        "multicasts": final["multicasts"],
        "delivered": final["received"],
        "lost": final["created"] - final["received"],
        "doubled": final["doubled"],
        "disordered": final["disordered"],
        "corrupted": final["corrupted"],
        "misrouted": final["misrouted"],
        "buffer_bits": buffer_bits(),
    }


def _carried(network: Network) -> NDArray[np.int64]:
    """Packets (nodes, ports, classes) that left in the cycles recorded since the last call; a class has two channels."""
    control = network.take_links()[:, :, : len(STEP), LINK_PARTS.index("control_out")]
    return np.stack([((control >> 2 * index & 3) != 0).sum(axis=0) for index in range(len(CLASSES))], axis=-1)


def _by_link(mesh: MeshConfig, carried: NDArray[np.int64]) -> dict[str, dict[Link, int]]:
    """The same by class and link between routers."""
    links = [(node, place, port) for node, place in enumerate(mesh.live) for port in STEP if mesh.neighbour(place, port) in mesh.places]
    return {
        name: {(place, beside(place, port)): int(carried[node, port, index]) for node, place, port in links}
        for index, name in enumerate(CLASSES)
    }


def wrong(row: dict[str, Any]) -> int:
    """Packets of a measurement that did not come as they should."""
    return sum(row[name] for name in ("lost", "doubled", "disordered", "corrupted", "misrouted"))


def holds(row: dict[str, Any]) -> bool:
    """Whether the load of a measurement is below saturation."""
    return row["mean_latency"] <= LONGEST_MEAN and row["accepted_share"] >= LEAST_ACCEPTED
