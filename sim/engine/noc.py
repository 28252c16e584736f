"""Routers in the engine with sources and sinks in C++ (noc.cpp): traffic whose every packet is checked.

    with Network(mesh, routes, threads=2) as network:
        network.traffic(destinations(mesh, "uniform"), rate=0.3, classes=2)
        network.run(50_000)
        network.statistics()
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golden.arch.mesh import STEP, MeshConfig, Place
from golden.arch.packet import CREDITS
from sim.compile.elaborate import Design
from sim.compile.verilator import build_engine
from sim.engine import ports
from sim.engine.binding import FUNCTIONS, SOURCES, Engine, Functions, load
from sim.engine.mesh import router_straps, write_tables
from sim.engine.topology import routers

_SOURCE = Path(__file__).with_name("noc.cpp")
HISTOGRAM = 4096
"""Latencies that are told apart; the last stands for all that are longer."""
COUNTS = (
    "created", "sent", "received", "window_created", "window_received", "latency_sum", "latency_count", "over_minimum",
    "doubled", "disordered", "corrupted", "misrouted", "multicasts",
)  # fmt: skip
"""Fields of noc.cpp's `Statistics` before the histogram."""
NOBODY, ANYBODY = -1, -2
_U32, _U64, _POINTER = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
_FUNCTIONS: Functions = FUNCTIONS | {
    "noc_new": (_POINTER, [_POINTER, _U32, _U32, _POINTER, _U64]),
    "noc_delete": (None, [_POINTER]),
    "noc_routes": (None, [_POINTER, _POINTER, _POINTER]),
    "noc_traffic": (None, [_POINTER, ctypes.c_double, ctypes.c_double, _U32, _POINTER, _POINTER, _U32, _U32, _POINTER]),
    "noc_measure": (None, [_POINTER, _U32]),
    "noc_statistics": (None, [_POINTER, _POINTER]),
}


class Rule(IntEnum):
    """How a source chooses between the two routes of a packet."""

    ADAPTIVE = 0  # what waits at the source, credits of the node's link, credits used at the router's output
    ALTERNATE = 1
    XY_ONLY = 2
    BOTH_CLASSES = 3  # as ADAPTIVE, with the credits used by both classes


@dataclass(frozen=True)
class SourceRule:
    """The cost of a route: weights of a waiting packet, a credit that the node's link misses, one that the output misses."""

    rule: Rule = Rule.ADAPTIVE
    waiting: int = 8
    unreturned: int = 2
    used: int = 1


@dataclass(frozen=True)
class SourceRoutes:
    """What sources know, by number of source and of destination.

    Attributes
    ----------
    allowed : bool (nodes, nodes, 2)
        Whether XY and YX lead there.
    first : uint8 (nodes, nodes, 2)
        The port of the source's own router.
    hops : uint8 (nodes, nodes, 2)
        Links between routers on the way.
    tables : for each place, its router's exceptions as fields.
    """

    allowed: NDArray[np.bool_]
    first: NDArray[np.uint8]
    hops: NDArray[np.uint8]
    tables: Mapping[Place, Sequence[Mapping[str, int]]]


def _constants() -> str:
    """What noc.cpp must know beside packets."""
    numbers = {"CREDIT_BITS": CREDITS.bit_length(), "HISTOGRAM": HISTOGRAM} | {f"PORT_{port.name}": int(port) for port in STEP}
    return "".join(f"#define {name} {value}\n" for name, value in numbers.items())


def build(design: Design) -> Path:
    """The engine for a router's design as a shared object, compiled or found in build/."""
    texts = {"ports.h": ports.header(design), "fields.h": ports.fields(), "traffic.h": _constants()}
    return build_engine(design, [*SOURCES, _SOURCE], name="noc", shared=True, cflags=["-pthread", "-DENGINE_RISING"], texts=texts)


class Network(Engine):
    """The live routers of a mesh after reset, their tables written; nobody is at the edge ports.

    Parameters
    ----------
    design : of a `rtl.noc.router.Router`.
    threads : that share the routers; changes nothing but time.
    """

    def __init__(self, design: Design, mesh: MeshConfig, routes: SourceRoutes, seed: int = 0, threads: int = 1) -> None:
        self.mesh = mesh
        super().__init__(design, routers(mesh), straps=[router_straps(mesh, place) for place in mesh.live], threads=threads)
        write_tables(self, [routes.tables.get(place, ()) for place in mesh.live])
        numbers = np.array([mesh.places[place] for place in mesh.live], np.uint32)
        self._traffic = self._library.noc_new(self._handle, mesh.columns, mesh.rows, numbers.ctypes.data, seed)
        known = routes.allowed.astype(np.uint8) << np.array([0, 1], np.uint8)
        packed = known.sum(axis=2) | routes.first[..., 0] << 2 | routes.first[..., 1] << 5
        packed, hops = np.ascontiguousarray(packed, np.uint8), np.ascontiguousarray(routes.hops, np.uint8)
        self._library.noc_routes(self._traffic, packed.ctypes.data, hops.ctypes.data)

    def _load(self, waves: bool) -> ctypes.CDLL:
        return load(build(self.design), _FUNCTIONS)

    def close(self) -> None:
        super().close()
        if self._traffic:
            self._library.noc_delete(self._traffic)
            self._traffic = None

    def traffic(
        self, to: Mapping[Place, Place | str], rate: float, classes: int, rule: SourceRule = SourceRule(), multicast: float = 0
    ) -> None:
        """Every sending node creates a packet with probability `rate` a cycle, on one of `classes` classes; text means any live node.

        A share `multicast` of the packets goes to all nodes of a random rectangle, as requests on XY; nothing may be dead then.
        """
        places = self.mesh.places
        table = np.full(len(places), NOBODY, np.int32)
        for place, target in to.items():
            table[places[place]] = ANYBODY if isinstance(target, str) else places[target]
        live = np.array([places[place] for place in self.mesh.live], np.uint32)
        weights = np.array([rule.waiting, rule.unreturned, rule.used], np.int32)
        self._library.noc_traffic(
            self._traffic, rate, multicast, classes, table.ctypes.data, live.ctypes.data, len(live), rule.rule, weights.ctypes.data
        )

    def measure(self, on: bool) -> None:
        """Whether packets count for the window."""
        self._library.noc_measure(self._traffic, on)

    def statistics(self) -> tuple[dict[str, int], NDArray[np.uint64]]:
        """Counts so far (`COUNTS`, and `waiting`: packets still at their source); latencies of the window by cycles."""
        words = np.zeros(len(COUNTS) + HISTOGRAM + 1, np.uint64)
        self._library.noc_statistics(self._handle, words.ctypes.data)
        counts = dict(zip(COUNTS, map(int, words), strict=False)) | {"waiting": int(words[-1])}
        return counts, words[len(COUNTS) : -1]

    def parity_errors(self, place: Place) -> list[int]:
        """Packets with wrong parity that came in by each port of a router."""
        value = self.get(self.mesh.live.index(place), "parity_errors")
        return [value >> field["offset"] & (1 << field["width"]) - 1 for field in self._outputs["parity_errors"]["fields"]]

