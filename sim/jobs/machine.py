"""A node ready to run: elaborated, compiled, reset."""

from __future__ import annotations

from pathlib import Path

from golden.arch.config import get_config
from rtl.node import Node
from sim.build.elaborate import Design, elaborate_once
from sim.engine.binding import Engine


def design(config: str = "d1", trace: bool = False) -> Design:
    """The Verilog of a node, made or found in build/."""
    known = get_config(config)
    return elaborate_once(
        lambda: Node(known, trace=trace), ("rtl", "golden/arch"), top="node", config=config, parameters={"trace": trace}
    )


def engine(config: str = "d1", trace: bool = False, waves: Path | None = None) -> Engine:
    """One node in the C++ engine, which writes waves from its first cycle to the given file."""
    node = Engine(design(config, trace), waves=waves is not None)
    if waves:
        node.waves(waves)
    return node
