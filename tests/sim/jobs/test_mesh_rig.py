"""Random programs of all nodes of a mesh on the RTL against the simulator, instruction by instruction."""

from dataclasses import replace

import pytest

from golden.arch.config import get_config
from golden.arch.mesh import MeshConfig, parse
from golden.asm import assemble
from golden.kernels.job import Launch
from golden.rig import MeshRig, instructions
from sim.jobs.mesh_lockstep import Part, run_lockstep

pytestmark = pytest.mark.mesh
TINY = get_config("tiny")


def run(mesh, seed, refusals=False):
    """The rig, and what was compared."""
    rig = MeshRig(seed, TINY, mesh, refusals=refusals)
    jobs = rig.job()
    parts = {place: Part(job.inputs, job.launches) for place, job in jobs.items()}
    result, images = run_lockstep(mesh, TINY.with_network(), parts, seed)
    assert sum(instructions(job.program)[name] for job in jobs.values() for name in ("rput", "rget", "rraise", "rlist", "rcast"))
    assert result.retired > 100 * len(mesh.live)
    assert {place for place, image in images.items() if not image} == set(rig.stopped)
    return rig, result


@pytest.mark.rtl
@pytest.mark.parametrize(("shape", "seed"), [("2x2", 0), ("2x1", 1), ("2x2", 2), ("1x2", 3)])
def test_random_programs_do_what_they_do_on_the_simulator(shape, seed):
    assert not run(parse(shape), seed)[1].faults


@pytest.mark.rtl
@pytest.mark.parametrize(("shape", "dead", "seed"), [("3x2", (2, 1), 4), ("3x3", (2, 2), 5)])
def test_random_programs_round_a_dead_node(shape, dead, seed):
    assert not run(replace(parse(shape), dead=frozenset({dead})), seed)[1].faults


@pytest.mark.rtl
@pytest.mark.parametrize("dead", [frozenset(), frozenset({(1, 2)}), frozenset({(2, 2)}), frozenset({(3, 1), (1, 2)})], ids=str)
def test_a_thread_stops_when_its_request_is_refused_and_all_others_go_on(dead, seed):
    """Requests to dead nodes, to addresses behind a node's memory, multicasts that meet somebody dead."""
    rig, result = run(MeshConfig(3, 2, dead), seed, refusals=True)
    stopped = {f"node {x},{y} thread {thread}" for (x, y), thread in rig.stopped.items()}
    assert {" ".join(text.split()[:4]) for text in result.faults} == stopped and all("NETWORK" in text for text in result.faults)


@pytest.mark.rtl
def test_hazards_are_those_of_one_node():
    """One node reads a register all the time, the other writes the one of that number."""
    mesh, parts = parse("2x1"), {}
    for place, line in zip(mesh.live, ("add x0, x1, x1", "li x1, 3"), strict=True):
        program = assemble(f"{line}\n" * 20 + "halt\n")
        parts[place] = Part([(program.origin, program.image)], [Launch(0, program.origin)])
    result, _ = run_lockstep(mesh, TINY.with_network(), parts, 0)
    assert {point for point in result.coverage.points if " of " in point} == {"x of ALU written again by ALU next"}
