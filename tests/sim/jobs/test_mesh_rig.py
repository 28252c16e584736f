"""Random programs of all nodes of a mesh on the RTL against the simulator, instruction by instruction."""

import pytest

from golden.arch.config import get_config
from golden.arch.mesh import parse
from golden.rig import MeshRig, instructions
from sim.jobs.mesh_lockstep import Part, run_lockstep

TINY = get_config("tiny")


@pytest.mark.rtl
@pytest.mark.parametrize(("shape", "seed"), [("2x2", 0), ("2x1", 1), ("2x2", 2), ("1x2", 3)])
def test_random_programs_do_what_they_do_on_the_simulator(shape, seed):
    mesh = parse(shape)
    jobs = MeshRig(seed, TINY, mesh).job()
    parts = {place: Part(job.inputs, job.launches) for place, job in jobs.items()}
    result, images = run_lockstep(mesh, TINY.with_network(), parts, seed)
    assert not result.faults and all(images.values())
    assert sum(instructions(job.program)[name] for job in jobs.values() for name in ("rput", "rget", "rraise", "rlist", "rcast"))
    assert result.retired > 100 * len(mesh.live)
