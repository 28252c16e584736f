"""A node ready to run: elaborated, compiled, reset."""

from __future__ import annotations

from golden.arch.config import get_config
from rtl.node import Node
from sim.build.elaborate import Design, elaborate
from sim.engine.binding import Engine


def design(config: str = "d1", trace: bool = False) -> Design:
    """The Verilog of a node, made or found in build/."""
    return elaborate(Node(get_config(config), trace=trace), top="node", config=config, parameters={"trace": trace})


def engine(config: str = "d1", trace: bool = False, waves: bool = False) -> Engine:
    """One node in the C++ engine."""
    return Engine(design(config, trace), waves=waves)
