"""A step on the nodes of a mesh: where each has what, and what is refused. Its bits: tests/sim/jobs/test_train_mesh.py."""

import pytest

from golden.arch.config import CONFIGS
from golden.arch.mesh import parse
from golden.workloads.mesh import MeshLayout
from golden.workloads.plan import DoesNotFit
from golden.workloads.workload import named

TINY = CONFIGS["tiny"]


@pytest.mark.parametrize("name", ["digits-linear", "digits-mlp"])
def test_a_node_has_room_for_what_others_send(name):
    """Tables and buffer lie beside everything else."""
    made = MeshLayout(named(name), parse("2x2"), TINY, 32, None, 4)
    for node, layout in enumerate(made.layouts.values()):
        taken = [(m.address, m.address + m.size) for m in layout.matrices.values()]
        taken += [(at, at + size) for at, size in zip(layout.tables, layout.exchange.tables, strict=True)]
        program = (layout.program.origin, layout.program.end)
        buffer = (layout.buffer, layout.buffer + made.reduce.buffer_bytes(node))
        for first, end in taken:
            assert end <= buffer[0] or buffer[1] <= first
            assert end <= program[0] or program[1] <= first
        assert list(layout.phases)[layout.step.update] == "allreduce"
        # What leaves the node, and the sum that comes, share their place with nothing.
        for gradient in layout.step.gradients:
            mine = layout.matrices[layout.step.gradient(gradient, layout.step.mine.start).name]
            others = [m for m in layout.matrices.values() if m is not mine and layout.step.lives()[m.name][1] >= layout.step.update]
            assert all(m.address + m.size <= mine.address or mine.address + mine.size <= m.address for m in others)


def test_one_node_exchanges_nothing():
    [layout] = MeshLayout(named("digits-linear"), parse("1x1"), TINY, 32, None, 4).layouts.values()
    assert layout.exchange is None and layout.tables == [] and "allreduce" not in layout.phases


@pytest.mark.parametrize(("batch", "shards", "sentence"), [(32, 3, "3 shards leave some of 4 nodes"), (3, 4, "a batch of 3 is smaller")])
def test_what_leaves_a_node_without_work_is_refused(batch, shards, sentence):
    with pytest.raises(ValueError, match=sentence):
        MeshLayout(named("digits-linear"), parse("2x2"), TINY, batch, None, shards)


def test_what_does_not_fit_is_told():
    with pytest.raises(DoesNotFit, match="digits-mlp does not fit tiny"):
        MeshLayout(named("digits-mlp"), parse("2x1"), TINY, 1024, None, 2)
