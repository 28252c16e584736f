"""A node ready to run: elaborated, compiled, reset."""

from __future__ import annotations

import shutil
from pathlib import Path

from golden.arch.config import get_config
from rtl.node import Node
from sim import setup
from sim.compile.elaborate import Design, elaborate_once
from sim.compile.toolchain import ToolError
from sim.compile.verilator import engine_build
from sim.engine.binding import Engine

TOP = "node"


def design(config: str = "d1", trace: bool = False, after: str = "") -> Design:
    """The Verilog of a node, made or found in build/; `after`: what will be built from it, for the forecast."""
    known = get_config(config)
    return elaborate_once(
        lambda: Node(known, trace=trace), ("rtl", "golden/arch"), top=TOP, config=config, parameters={"trace": trace}, after=after
    )


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
