"""A machine ready to run, a node alone or a mesh of tiles: elaborated, compiled, reset."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig, Place
from golden.arch.packet import Packet
from golden.host_mesh import boot
from golden.noc.boot import rounds, way_in
from rtl.node import Node
from rtl.tile import Tile
from sim import setup
from sim.compile.elaborate import Design, elaborate_once
from sim.compile.toolchain import ToolError
from sim.compile.verilator import engine_build
from sim.engine.binding import Engine
from sim.engine.topology import tiles

TOP, TILE = "node", "tile"
SOURCES = ("rtl", "golden/arch")
"""Folders that hold all Python that a design is made from."""


def design(config: str = "d1", trace: bool = False, after: str = "", names: bool = False, assertions: bool = False) -> Design:
    """The Verilog of a node, made or found in build/; `after`: what will be built from it, for the forecast; others as in `elaborate`."""
    known, settings = get_config(config), {"after": after, "names": names, "assertions": assertions}
    return elaborate_once(lambda: Node(known, trace=trace), SOURCES, top=TOP, config=config, parameters={"trace": trace}, **settings)


def check_tools() -> None:
    """ToolError when a tool of the build is missing: told here, because the build would fail half-way in somebody else's words."""
    lacking = setup.missing(setup.NEWEST, shutil.which, lambda module: True)
    if lacking:
        raise ToolError(lacking)


def engine(config: str = "d1", trace: bool = False, waves: Path | None = None, waved: bool = False) -> Engine:
    """One node in the C++ engine, which writes waves from its first cycle to the given file; ``waved``: it can write waves when asked."""
    check_tools()
    waved = waved or waves is not None
    node = Engine(design(config, trace, after=engine_build(TOP, config), names=waved), waves=waved)
    if waves:
        node.waves(waves)
    return node


def tile_design(config: str = "d1", trace: bool = False, names: bool = False) -> Design:
    """The Verilog of a tile, made or found in build/; an engine will be built from it. `names`: as in `elaborate`."""
    known, settings = get_config(config).with_network(), {"parameters": {"trace": trace}, "after": engine_build(TILE, config)}
    return elaborate_once(lambda: Tile(known, trace=trace), SOURCES, top=TILE, config=config, names=names, **settings)


BOOT_LIMIT, BOOT_QUIET = 1_000_000, 1_000
"""Cycles in which echoes come back, and in which something moves."""


def boot_tiles(engine: Engine, mesh: MeshConfig, edge: Place, used: Collection[Place] | None = None) -> None:
    """A host at an edge port boots the tiles of a mesh. RouteError, HostError as golden.host_mesh.boot, ``used`` too."""
    port = mesh.edges.index(edge)

    def send(packets: Sequence[Packet]) -> None:
        engine.send(port, [packet.encode() for packet in packets])

    def receive(count: int) -> Sequence[Packet]:
        engine.run(BOOT_LIMIT, packets=count, edge=port, quiet=BOOT_QUIET)
        return [Packet.decode(*words) for words in engine.take(port)]

    boot(mesh, edge, send, receive, used)


def numbers_of(mesh: MeshConfig, shown: Sequence[Place]) -> Sequence[int]:
    """Numbers of the nodes whose waves are wanted, else of the first; ValueError for a place that is none of a live node."""
    if wrong := [place for place in shown if place not in mesh.live]:
        raise ValueError(f"no waves of {wrong[0][0]},{wrong[0][1]}: no live node of the mesh of {mesh.columns}x{mesh.rows}")
    return [mesh.live.index(place) for place in shown] or (0,)


def mesh_engine(
    mesh: MeshConfig,
    config: str = "d1",
    trace: bool = False,
    waves: Path | None = None,
    waved: bool = False,
    used: Collection[Place] | None = None,
) -> Engine:
    """The tiles of a mesh in the C++ engine, on all cores, booted, which writes waves of the first one from here on to the given file.

    ``waved``: it can write waves when asked. ``used``: the edge ports where somebody will be, the last of them among these; others are
    closed, so that what is sent there is refused. None: all; what goes where nobody is is then lost.

    RouteError when no tables lead round what is dead, or no boot packet.
    """
    edge = way_in(mesh)
    rounds(mesh, edge)  # what cannot be booted is refused before anything is built
    check_tools()
    waved = waved or waves is not None
    engine = Engine(tile_design(config, trace, waved), tiles(mesh), waved, threads=os.cpu_count() or 1)
    boot_tiles(engine, mesh, edge, used)
    if waves:
        engine.waves(waves)
    return engine
