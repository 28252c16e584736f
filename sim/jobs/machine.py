"""A machine ready to run, a node alone or a mesh of tiles: elaborated, compiled, reset."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig
from rtl.node import Node
from rtl.tile import Tile
from sim import setup
from sim.compile.elaborate import Design, elaborate_once
from sim.compile.toolchain import ToolError
from sim.compile.verilator import engine_build
from sim.engine.binding import Engine
from sim.engine.mesh import settle, straps
from sim.engine.topology import tiles

TOP, TILE = "node", "tile"
SOURCES = ("rtl", "golden/arch")
"""Folders that hold all Python that a design is made from."""


def design(config: str = "d1", trace: bool = False, after: str = "", names: bool = False) -> Design:
    """The Verilog of a node, made or found in build/; `after`: what will be built from it, for the forecast; `names`: as in `elaborate`."""
    known, settings = get_config(config), {"config": config, "parameters": {"trace": trace}, "after": after, "names": names}
    return elaborate_once(lambda: Node(known, trace=trace), SOURCES, top=TOP, **settings)


def check_tools() -> None:
    """ToolError when a tool of the build is missing: told here, because the build would fail half-way in somebody else's words."""
    lacking = setup.missing(setup.NEWEST, shutil.which, lambda module: True)
    if lacking:
        raise ToolError(lacking)


def engine(config: str = "d1", trace: bool = False, waves: Path | None = None) -> Engine:
    """One node in the C++ engine, which writes waves from its first cycle to the given file."""
    check_tools()
    node = Engine(design(config, trace, after=engine_build(TOP, config)), waves=waves is not None)
    if waves:
        node.waves(waves)
    return node


def tile_design(config: str = "d1", trace: bool = False) -> Design:
    """The Verilog of a tile, made or found in build/; an engine will be built from it."""
    known, after = get_config(config).with_network(), engine_build(TILE, config)
    return elaborate_once(lambda: Tile(known, trace=trace), SOURCES, top=TILE, config=config, parameters={"trace": trace}, after=after)


def mesh_engine(mesh: MeshConfig, config: str = "d1", trace: bool = False, waves: Path | None = None) -> Engine:
    """The tiles of a mesh in the C++ engine, on all cores; waves are those of the first node.

    ValueError when something is dead: routers have tables for it, but a node gives its own packets the first port of dimension order.
    """
    if mesh.dead or mesh.dead_links:
        raise ValueError("the RTL runs no mesh with dead nodes or links: use the simulator (iss)")
    check_tools()
    known = [straps(mesh, place) for place in mesh.live]
    engine = Engine(tile_design(config, trace), tiles(mesh), waves is not None, known, os.cpu_count() or 1)
    settle(engine)
    if waves:
        engine.waves(waves)
    return engine
