"""Pictures of a network: they are what their names say, and hold each class that carried something."""

import re

import numpy as np
import pytest

from golden.arch.mesh import MeshConfig
from sim.views.traffic import plot_heat, plot_latencies

MESH = MeshConfig(2, 2, frozenset({(2, 2)}))
SHARES = {"requests": {((1, 1), (2, 1)): 0.25, ((1, 1), (1, 0)): 0.5}, "responses": {((2, 1), (1, 1)): 0.125}}


def texts(path):
    """Comments of matplotlib's SVG, which hold the texts that it draws."""
    return re.findall(r"<!-- (.*?) -->", path.read_text())


def test_a_heat_map_names_classes_nodes_and_shares(tmp_path):
    plot_heat(tmp_path / "heat.svg", MESH, SHARES, "a mesh")
    found = texts(tmp_path / "heat.svg")
    assert {"requests", "responses", "a mesh", "1,1", "2,1", "1,2", "dead", ".25", ".50", ".12"} <= set(found)
    plot_heat(tmp_path / "one.svg", MESH, {**SHARES, "responses": {}}, "a mesh")
    assert "responses" not in texts(tmp_path / "one.svg")


@pytest.mark.parametrize("size", [1, 9])
def test_a_quiet_or_a_large_mesh_is_drawn(tmp_path, size):
    plot_heat(tmp_path / "heat.png", MeshConfig(size, size), {"requests": {}, "responses": {}}, "quiet")
    assert (tmp_path / "heat.png").read_bytes().startswith(b"\x89PNG")


def test_latencies_say_how_many_came_within(tmp_path):
    plot_latencies(tmp_path / "late.svg", {"requests": np.array([0, 0, 50, 48, 1, 0, 1]), "responses": np.zeros(3, int)}, "late")
    assert "100 requests: half within 2 cycles, 99 % within 4, all within 6" in texts(tmp_path / "late.svg")
    plot_latencies(tmp_path / "none.png", {"requests": np.zeros(3, int)}, "nothing")
    assert (tmp_path / "none.png").read_bytes().startswith(b"\x89PNG")
