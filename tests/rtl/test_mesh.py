"""Meshes of whole nodes as one Verilog design under cocotb: packets from every edge reach every node."""

import pytest

from golden.arch.config import get_config
from rtl.tile import Tile
from tests.rtl.mesh_model import MESH, TILE_WIRES, mesh_design


@pytest.mark.rtl
def test_a_mesh_under_cocotb(bench, request):
    design = mesh_design(names=request.config.getoption("waves"))
    parameters = {"config": "tiny", "columns": MESH.columns, "rows": MESH.rows}
    passed = bench(design, "cocotb_mesh.py", parameters=parameters, public=TILE_WIRES, apart="Tile", counted=False)
    assert len(passed) == 8


@pytest.mark.fast
def test_a_tile_has_a_network():
    with pytest.raises(ValueError, match="tiny as a tile: its features lack network"):
        Tile(get_config("tiny"))
