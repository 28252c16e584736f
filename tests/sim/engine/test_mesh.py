"""Meshes of tiles in the engine: link for link and cycle for cycle what the same mesh is as one design.

All are ``tiny`` with its trace.
"""

import numpy as np
import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import Kind, Packet
from sim.compile.verilator import build_cocotb, run_cocotb
from sim.engine.binding import Engine
from sim.engine.mesh import straps
from sim.engine.topology import tiles
from sim.jobs import machine
from sim.jobs.host import MeshEdge
from tests.rtl.mesh_model import LARGER, MESH, TILE_WIRES, mesh_design
from tests.sim.engine.mesh_traffic import BEGIN, packets

pytestmark = pytest.mark.rtl
CYCLES = 3000


def run(seed, threads=1, mesh=MESH):
    """Links of every cycle, and what each edge received."""
    known = [straps(mesh, place) for place in mesh.live]
    with Engine(machine.tile_design("tiny", trace=True), tiles(mesh), straps=known, threads=threads) as engine:
        engine.options(recording=True)
        engine.run(BEGIN)
        for edge, place in enumerate(mesh.edges):
            engine.send(edge, [packet.encode() for packet in packets(mesh, place, seed)])
        engine.run(CYCLES - BEGIN)
        return engine.take_links(), [[Packet.decode(*words) for words in engine.take(edge)] for edge in range(len(mesh.edges))]


@pytest.mark.parametrize("mesh", [MESH, pytest.param(LARGER, marks=pytest.mark.slow)], ids=lambda mesh: f"{mesh.columns}x{mesh.rows}")
def test_every_link_in_every_cycle_is_that_of_one_design_under_cocotb(artifacts, seed, mesh):
    links, received = run(seed, mesh=mesh)
    assert sum(packet.kind == Kind.HALTED for packet in received[0]) == len(mesh.live)
    artifacts.mkdir(parents=True, exist_ok=True)
    np.save(artifacts / "links.npy", links)
    model = build_cocotb(mesh_design(mesh), public=TILE_WIRES)
    parameters = {"seed": seed, "columns": mesh.columns, "rows": mesh.rows, "links": str(artifacts / "links.npy")}
    assert run_cocotb(model, "tests/sim/engine/cocotb_mesh_links.py", results=artifacts / "cocotb", seed=seed, parameters=parameters)


def test_threads_change_nothing(seed):
    links, received = run(seed)
    again, received_again = run(seed, threads=3)
    assert np.array_equal(links, again) and received == received_again


@pytest.mark.parametrize("edge", [(0, 1), (4, 2), (2, 0), (3, 3)], ids=str)
def test_a_host_at_an_edge_reaches_every_node(edge):
    mesh = MeshConfig(3, 2)
    port = MeshEdge(machine.mesh_engine(mesh, "tiny", trace=True), mesh, edge)
    for number, (node, host) in enumerate(port.hosts.items()):
        identity = host.do(host.session.identity())
        assert (identity["x"], identity["y"]) == node
        host.write([(0x1000, bytes([number + 1]) * 200)])
    for number, host in enumerate(port.hosts.values()):
        assert host.read(0x1000, 200) == bytes([number + 1]) * 200
    assert port.engine.topology.nodes == len(mesh.live)


def test_a_mesh_with_a_dead_node_is_refused():
    with pytest.raises(ValueError, match="the RTL runs no mesh with dead nodes or links"):
        machine.mesh_engine(MeshConfig(2, 2, frozenset({(2, 2)})), "tiny")


def test_an_edge_port_that_is_none_is_refused():
    with (
        machine.mesh_engine(MESH, "tiny", trace=True) as engine,
        pytest.raises(ValueError, match="there is no edge port 1,1 on a mesh of 2x1"),
    ):
        MeshEdge(engine, MESH, (1, 1))
