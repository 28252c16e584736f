"""Routers in lockstep with sources and sinks in C++ (noc.cpp): traffic whose every packet is checked.

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

from golden.arch.mesh import OPPOSITE, STEP, MeshConfig, Place
from golden.arch.packet import BODY, CHANNELS, CONTROL, CREDITS, HEADER, PortId
from golden.arch.route_table import ENTRY
from sim.compile.elaborate import Design
from sim.compile.verilator import build_engine

_SOURCE = Path(__file__).with_name("noc.cpp")
BODY_WORDS = -(-BODY.width // 32)
HISTOGRAM = 4096
"""Latencies that are told apart; the last stands for all that are longer."""
COUNTS = (
    "created", "sent", "received", "window_created", "window_received", "latency_sum", "latency_count", "over_minimum",
    "doubled", "disordered", "corrupted", "misrouted",
)  # fmt: skip
"""Fields of noc.cpp's `Statistics` before the histogram."""
TRACED = ("control_in", "body_in", "credit_in", "control_out", "body_out", "credit_out")
"""What a trace holds of every port in every cycle: bodies folded to 32 bits, credits beside the words that they belong to."""
NOBODY, ANYBODY = -1, -2


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


def _fields() -> str:
    """What noc.cpp must know of packets and of the router's ports."""
    groups = {"CONTROL": CONTROL, "HEADER": HEADER, "BODY": BODY}
    at = [f"X({group}_{field.name}, {field.lo}, {field.width})" for group, layout in groups.items() for field in layout]
    ports = []
    for p in PortId:
        names = [f"{side}___05F{p.value}___05F{part}" for side in "io" for part in ("control", "body", "credit")]
        ports.append(f"X({p.value}, {', '.join(names)})")
    constants = {
        "PORTS": len(PortId),
        "CHANNELS": CHANNELS,
        "CREDITS": CREDITS,
        "CREDIT_BITS": CREDITS.bit_length(),
        "ERROR_BITS": 16,
        "NODE": PortId.NODE.value,
        "BODY_WORDS": BODY_WORDS,
        "HISTOGRAM": HISTOGRAM,
    }
    lines = [f"#define {name} {value}" for name, value in constants.items()]
    return "\n".join([*lines, "#define FOR_EACH_FIELD(X) " + " ".join(at), "#define BIND_PORTS(X) " + " ".join(ports)]) + "\n"


def build(design: Design) -> Path:
    """The engine for a router's design as a shared object, compiled or found in build/."""
    return build_engine(design, [_SOURCE], name="noc", shared=True, cflags=["-pthread"], texts={"ports.h": _fields()})


class Network:
    """The live routers of a mesh after reset, their tables written.

    Parameters
    ----------
    design : of a `rtl.noc.router.Router`.
    threads : that share the routers; changes nothing but time.
    """

    def __init__(self, design: Design, mesh: MeshConfig, routes: SourceRoutes, seed: int = 0, threads: int = 1) -> None:
        self.mesh = mesh
        self._library = ctypes.CDLL(str(build(design).resolve()))
        u32, u64, pointer = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
        for name, result, arguments in (
            ("new", pointer, [u32, u32, u32, u64]),
            ("delete", None, [pointer]),
            ("place", None, [pointer, u32, u32, u32, u32]),
            ("join", None, [pointer, u32, u32, u32, u32]),
            ("entry", None, [pointer, u32, u32, u64]),
            ("routes", None, [pointer, pointer, pointer]),
            ("traffic", None, [pointer, ctypes.c_double, u32, pointer, pointer, u32, u32, pointer]),
            ("options", None, [pointer, u32, u32, u32]),
            ("run", None, [pointer, u64]),
            ("statistics", None, [pointer, pointer]),
            ("parity_errors", None, [pointer, u32, pointer]),
            ("cycle", u64, [pointer]),
            ("trace_size", u64, [pointer]),
            ("take_trace", None, [pointer, pointer]),
        ):
            function = getattr(self._library, f"noc_{name}")
            function.restype, function.argtypes = result, arguments
        self._handle = self._library.noc_new(mesh.columns, mesh.rows, threads, seed)
        self._options = {"measuring": 0, "resting": 0, "tracing": 0}
        for place in mesh.live:
            number = mesh.places[place]
            # Nobody is at the edge ports here.
            closed = [port for port in STEP if mesh.neighbour(place, port) not in mesh.places]
            self._library.noc_place(self._handle, number, *place, sum(1 << port for port in closed))
            for port in (PortId.EAST, PortId.SOUTH):
                other = mesh.neighbour(place, port)
                if other in mesh.places:
                    self._library.noc_join(self._handle, number, port, mesh.places[other], OPPOSITE[port])
            for index, entry in enumerate(routes.tables.get(place, ())):
                self._library.noc_entry(self._handle, number, index, ENTRY.pack(entry))
        known = routes.allowed.astype(np.uint8) << np.array([0, 1], np.uint8)
        packed = known.sum(axis=2) | routes.first[..., 0] << 2 | routes.first[..., 1] << 5
        packed, hops = np.ascontiguousarray(packed, np.uint8), np.ascontiguousarray(routes.hops, np.uint8)
        self._library.noc_routes(self._handle, packed.ctypes.data, hops.ctypes.data)

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._library.noc_delete(self._handle)
            self._handle = None

    def traffic(self, to: Mapping[Place, Place | str], rate: float, classes: int, rule: SourceRule = SourceRule()) -> None:
        """Every sending node creates a packet with probability `rate` a cycle, on one of `classes` classes; text means any live node."""
        places = self.mesh.places
        table = np.full(len(places), NOBODY, np.int32)
        for place, target in to.items():
            table[places[place]] = ANYBODY if isinstance(target, str) else places[target]
        live = np.array([places[place] for place in self.mesh.live], np.uint32)
        weights = np.array([rule.waiting, rule.unreturned, rule.used], np.int32)
        self._library.noc_traffic(
            self._handle, rate, classes, table.ctypes.data, live.ctypes.data, len(live), rule.rule, weights.ctypes.data
        )

    def options(self, **which: bool) -> None:
        """`measuring`: packets count for the window; `resting`: routers at rest are passed over; `tracing`: links are recorded."""
        self._options |= {name: int(value) for name, value in which.items()}
        self._library.noc_options(self._handle, *self._options.values())

    def run(self, cycles: int) -> None:
        self._library.noc_run(self._handle, cycles)

    @property
    def cycle(self) -> int:
        """Cycles run."""
        return self._library.noc_cycle(self._handle)

    def statistics(self) -> tuple[dict[str, int], NDArray[np.uint64]]:
        """Counts so far (`COUNTS`, and `waiting`: packets still at their source); latencies of the window by cycles."""
        words = np.zeros(len(COUNTS) + HISTOGRAM + 1, np.uint64)
        self._library.noc_statistics(self._handle, words.ctypes.data)
        counts = dict(zip(COUNTS, map(int, words), strict=False)) | {"waiting": int(words[-1])}
        return counts, words[len(COUNTS) : -1]

    def parity_errors(self, place: Place) -> list[int]:
        """Packets with wrong parity that came in by each port of a router."""
        counts = np.zeros(len(PortId), np.uint32)
        self._library.noc_parity_errors(self._handle, self.mesh.places[place], counts.ctypes.data)
        return [int(count) for count in counts]

    def take_trace(self) -> NDArray[np.uint32]:
        """What was recorded, (cycles, nodes, ports, `TRACED`)."""
        words = np.zeros(self._library.noc_trace_size(self._handle), np.uint32)
        self._library.noc_take_trace(self._handle, words.ctypes.data)
        return words.reshape(-1, len(self.mesh.places), len(PortId), len(TRACED))
