"""Meshes of whole nodes as one Verilog design under cocotb: packets from every edge reach every node."""

import pytest

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig
from rtl.mesh import Mesh
from rtl.tile import Tile


@pytest.mark.rtl
def test_a_mesh_under_cocotb(bench):
    mesh = Mesh(MeshConfig(2, 1), get_config("tiny"), trace=True)
    passed = bench(mesh, "cocotb_mesh.py", config="tiny", parameters={"config": "tiny", "columns": 2, "rows": 1}, counted=False)
    assert len(passed) == 6


@pytest.mark.fast
def test_a_tile_has_a_network():
    with pytest.raises(ValueError, match="tiny as a tile: its features lack network"):
        Tile(get_config("tiny"))
