"""The mesh that benches compile as one design: one for all of them, because that takes minutes."""

from golden.arch.config import get_config
from golden.arch.mesh import STEP, MeshConfig
from rtl.mesh import Mesh
from sim.compile.elaborate import Design, elaborate_once
from sim.jobs import machine

MESH = MeshConfig(2, 1)
TILE_WIRES = [("Tile", f"{side}__{int(port)}__{part}") for side in "io" for port in STEP for part in ("control", "body", "credit")]
"""Links of every tile, which a bench must see."""


def mesh_design(names: bool = False) -> Design:
    """Two nodes of ``tiny`` with their traces; ``names``: those of the source, for waves."""
    settings = {"config": "tiny", "parameters": {"columns": MESH.columns, "rows": MESH.rows, "trace": True}, "names": names}
    return elaborate_once(lambda: Mesh(MESH, get_config("tiny"), trace=True), machine.SOURCES, top="Mesh", **settings)
