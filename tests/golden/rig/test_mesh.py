"""Random programs of a mesh: one result whatever arrives when, every network instruction, and cut down they are legal still."""

from collections import Counter
from dataclasses import replace

import pytest

from golden.arch.memmap import Fault, ThreadState
from golden.arch.mesh import parse
from golden.iss.mesh import Mesh
from golden.rig import MeshRig, instructions, shrink
from golden.rig.memory import Layout
from golden.rig.mesh import RESERVED
from tests.golden.rig.runs import TINY, end_state

SHAPES = ("2x2", "2x1", "1x2")


def shape(seed):
    return parse(SHAPES[seed % len(SHAPES)])


def run(rig, mesh, order, keep=None):
    """The nodes after the job, instructions and packets in an order of that seed."""
    machine = Mesh(mesh, TINY.with_network(), order, strict=True)
    for place, job in rig.job(keep).items():
        node = machine.nodes[place]
        node.external = lambda thread, csr: 0
        for address, image in job.inputs:
            node.write(address, image)
        for launch in job.launches:
            node.threads[launch.thread].start(launch.pc, launch.args)
    machine.run()
    return machine


def state(machine):
    return [end_state(node) for node in machine.nodes.values()]


@pytest.mark.parametrize("seed", range(4))
def test_one_result_whatever_arrives_when(seed):
    mesh = shape(seed)
    rig = MeshRig(seed, TINY, mesh)
    first, other = (run(rig, mesh, order) for order in range(2))
    assert all(thread.state is ThreadState.IDLE for node in first.nodes.values() for thread in node.threads), first.describe()
    assert state(first) == state(other)


def test_every_instruction_between_nodes_is_written():
    count = Counter()
    for seed in range(15):
        for job in MeshRig(seed, TINY, shape(seed)).job().values():
            count += instructions(job.program)
    assert all(count[name] >= 8 for name in ("rput", "rget", "rraise", "rlist", "rcast")), count


@pytest.mark.parametrize("dead", [(), ((1, 2),), ((3, 1), (1, 2))], ids=str)
def test_a_refusal_stops_its_thread_and_no_other(dead):
    """With the same operand whatever arrives when; what other nodes hold at the end is the same too."""
    mesh, kinds = replace(parse("3x2"), dead=frozenset(dead)), set()
    for seed in range(3):
        rig = MeshRig(seed, TINY, mesh, 15, refusals=True)
        machines = [run(rig, mesh, order) for order in range(2)]
        for machine in machines:
            threads = {(place, thread.index): thread for place, node in machine.nodes.items() for thread in node.threads}
            stopped = {key: thread.cause for key, thread in threads.items() if thread.state is not ThreadState.IDLE}
            assert stopped == dict.fromkeys(rig.stopped.items(), Fault.NETWORK)
        for place in mesh.live:
            first, other = (machine.nodes[place] for machine in machines)
            assert [thread.operand for thread in first.threads] == [thread.operand for thread in other.threads]
            assert place in rig.stopped or end_state(first) == end_state(other)
        kinds |= {end.rig.last[rig.stopped[end.place]][0].split()[2] for end in rig.ends if end.place in rig.stopped}
    assert len(kinds) > 1


def test_any_half_of_the_snippets_is_legal(rng):
    mesh = parse("2x2")
    rig = MeshRig(3, TINY, mesh)
    for order in range(2):
        keep = [number for number in rig.numbers() if rng.random() < 0.5]
        machine = run(rig, mesh, order, keep)
        assert all(thread.state is ThreadState.IDLE for node in machine.nodes.values() for thread in node.threads), machine.describe()


def test_one_that_fails_is_cut_down_to_the_event_that_does():
    """It fails while the first node raises something at another."""
    place = (1, 1)
    rig = next(rig for rig in (MeshRig(seed, TINY, parse("2x1")) for seed in range(50)) if instructions(rig.job()[place].program)["rraise"])
    small = shrink(rig, lambda jobs: instructions(jobs[place].program)["rraise"] > 0)
    assert sum(instructions(job.program)["rraise"] for job in small.values()) == 1
    assert small[place].text.count("raise at") == 1 and small[2, 1].text.count("raise from (1, 1)") == 1


def test_what_nodes_share_lies_below_their_own_parts():
    layout = Layout(TINY.sram_bytes, RESERVED)
    assert layout.bottom + RESERVED == layout.line(0) == Layout(TINY.sram_bytes).bottom
