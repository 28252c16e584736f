"""The mesh that benches compile as one design: one for all of them, because that takes minutes; a larger one is slow."""

from golden.arch.config import get_config
from golden.arch.mesh import STEP, MeshConfig
from rtl.mesh import Mesh
from sim.compile.elaborate import Design, elaborate_once
from sim.jobs import machine

MESH, LARGER = MeshConfig(2, 1), MeshConfig(2, 2)
TILE_WIRES = [(machine.TILE, f"{side}__{int(port)}__{part}") for side in "io" for port in STEP for part in ("control", "body", "credit")]
"""Links of every tile, which a bench must see."""


def mesh_design(mesh: MeshConfig = MESH, names: bool = False) -> Design:
    """Nodes of ``tiny`` with their traces; ``names``: those of the source, for waves."""
    settings = {"config": "tiny", "parameters": {"columns": mesh.columns, "rows": mesh.rows, "trace": True}, "names": names}
    tile = machine.tile_design("tiny", trace=True, names=names)
    return elaborate_once(lambda: Mesh(mesh, get_config("tiny"), trace=True), machine.SOURCES, top="Mesh", parts=[tile], **settings)
