"""Traffic on a mesh of routers: what gets through, how late, and whether every packet came once, whole, in order and to the right node."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from golden.arch.mesh import MeshConfig
from golden.arch.packet import BODY, CHANNELS, COORD_BITS, CREDITS, PortId
from golden.noc.routes import Routes, check
from golden.noc.routing import XY, YX
from golden.noc.traffic import destinations
from rtl.noc.router import Router
from sim.compile.elaborate import Design, elaborate
from sim.engine.noc import Network, SourceRoutes, SourceRule, build

WARM, MEASURED = 10_000, 40_000
LONGEST_MEAN, LEAST_ACCEPTED = 60.0, 0.99
"""A load holds while the mean latency is at most so many cycles and at least this share of the packets is accepted."""
DRAIN = 200_000
"""Cycles after which a packet that has not come is lost."""


class TrafficError(RuntimeError):
    """What was asked for cannot be measured; one sentence."""


@dataclass(frozen=True)
class Load:
    """What to put on a mesh: a pattern at `rate` packets a cycle for each node that sends, on `classes` classes."""

    pattern: str
    rate: float
    classes: int = 2
    rule: SourceRule = SourceRule()
    seed: int = 0
    warm: int = WARM
    measured: int = MEASURED

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise TrafficError(f"a rate of {self.rate} packets a cycle: a node creates more than 0 and at most 1")
        if self.classes not in (1, 2):
            raise TrafficError(f"{self.classes} classes: packets are on 1 class or on 2")
        if self.warm < 0 or self.measured < 1:
            raise TrafficError(f"{self.warm} + {self.measured} cycles: at least 0 before the measurement and 1 in it")


def buffer_bits() -> int:
    """Bits in the buffers of a router: bodies, destinations, far corners, the port here and at the next router."""
    return len(PortId) * CHANNELS * CREDITS * (BODY.width + 4 * COORD_BITS + 2 * len(PortId))


def design() -> Design:
    """The router as Verilog."""
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
            total += known.hops[at][known.allowed[at]].mean() + 2
            count += 1
    return total / count


def measure(routes: Routes, known: SourceRoutes, load: Load, threads: int = 1) -> dict[str, Any]:
    """One load on the RTL, and what became of every packet."""
    mesh = routes.mesh
    to = destinations(mesh, load.pattern)
    with Network(design(), mesh, known, seed=load.seed, threads=threads) as network:
        network.traffic(to, load.rate, load.classes, load.rule)
        network.run(load.warm)
        network.options(measuring=True)
        network.run(load.measured)
        counts, latencies = network.statistics()
        network.options(measuring=False, resting=True)
        network.traffic(to, 0.0, load.classes, load.rule)
        for _ in range(DRAIN // 1000):
            final, _ = network.statistics()
            if final["received"] == final["created"]:
                break
            network.run(1000)
    total = max(1, int(latencies.sum()))
    return {
        "mesh": f"{mesh.columns}x{mesh.rows}",
        "pattern": load.pattern,
        "classes": load.classes,
        "rate": load.rate,
        "seed": load.seed,
        "cycles": load.measured,
        "senders": len(to),
        "offered": counts["window_created"] / load.measured / len(to),
        "accepted": counts["window_received"] / load.measured / len(to),
        "accepted_share": counts["window_received"] / max(1, counts["window_created"]),
        "mean_latency": counts["latency_sum"] / max(1, counts["latency_count"]),
        "p99_latency": int(np.searchsorted(np.cumsum(latencies), 0.99 * total)),
        "zero_load_latency": zero_load_latency(mesh, known, load.pattern),
        "delivered": final["received"],
        "lost": final["created"] - final["received"],
        "doubled": final["doubled"],
        "disordered": final["disordered"],
        "corrupted": final["corrupted"],
        "misrouted": final["misrouted"],
        "buffer_bits": buffer_bits(),
    }


def wrong(row: dict[str, Any]) -> int:
    """Packets of a measurement that did not come as they should."""
    return sum(row[name] for name in ("lost", "doubled", "disordered", "corrupted", "misrouted"))


def holds(row: dict[str, Any]) -> bool:
    """Whether the load of a measurement is below saturation."""
    return row["mean_latency"] <= LONGEST_MEAN and row["accepted_share"] >= LEAST_ACCEPTED


def measure_all(routes: Routes, loads: Sequence[Load]) -> list[dict[str, Any]]:
    """Several loads, side by side on the cores of the machine."""
    known = source_routes(routes)
    build(design())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda load: measure(routes, known, load), loads))


def sweep(routes: Routes, load: Load, step: float, points: int = 8) -> tuple[list[dict[str, Any]], float]:
    """A curve up to saturation, and the largest multiple of `step` that holds (all smaller ones are taken to hold)."""
    low, high = 0, round(1 / step)
    rows = []
    while high - low > 1:
        middle = sorted({low + (high - low) * i // 3 for i in (1, 2)} - {low})
        found = measure_all(routes, [replace(load, rate=count * step) for count in middle])
        rows += found
        for count, row in zip(middle, found, strict=True):
            if holds(row):
                low = count
            else:
                high = count
                break
    below = [round(low * i / points) for i in range(1, points + 1)]
    done = {row["rate"] for row in rows}
    rows += measure_all(routes, [replace(load, rate=count * step) for count in below if count and count * step not in done])
    return sorted(rows, key=lambda row: row["rate"]), low * step


