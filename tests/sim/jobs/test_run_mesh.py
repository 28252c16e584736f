"""A kernel on every node of a mesh at once: loaded from all sides, every output compared."""

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig
from golden.kernels.job import random_job
from sim.jobs import machine, run_mesh
from sim.main import main

pytestmark = [pytest.mark.rtl, pytest.mark.mesh]
MESH = MeshConfig(3, 2, frozenset({(2, 1)}))


@pytest.fixture(autouse=True)
def traced_tile(monkeypatch):
    """The model that other tests run."""
    made = machine.mesh_engine
    monkeypatch.setattr(machine, "mesh_engine", lambda *args, **given: made(*args, **{**given, "trace": True}))


def test_every_node_computes_it(capsys):
    assert main("run gemm --m 9 --n 8 --k 12 --config tiny --mesh 3x2 --dead 2,1".split()) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (said["mesh"], said["nodes"], said["mismatches"], said["compared"]) == ("3x2", "5", "0", str(5 * 9 * 8))
    assert float(said["hz"]) > 0 and float(said["idle_hz"]) > 0 and float(said["memory_mb"]) > 1


def test_a_wrong_element_is_counted_on_every_node():
    job = random_job(get_config("tiny"), "gemm", np.random.default_rng(0), m=8, n=8, k=8)
    for expected in job.expected.values():
        expected[0, 0] ^= 1
    assert run_mesh.run_everywhere(MESH, job, "tiny")["mismatches"] == len(MESH.live)

def test_every_node_has_the_port_that_is_nearest():
    with machine.mesh_engine(MESH, "tiny") as engine:
        hosts = run_mesh.nearest_hosts(engine, MESH)
    assert {node: host.session.place for node, host in hosts.items()} == {
        (1, 1): (0, 1), (3, 1): (3, 0), (1, 2): (0, 2), (2, 2): (2, 3), (3, 2): (3, 3),
    }  # fmt: skip
