"""A step on the nodes of a mesh: where each has what, and what is refused. Its bits: tests/sim/jobs/test_train_mesh.py."""

import pytest

from golden.arch.config import CONFIGS
from golden.arch.mesh import parse
from golden.workloads.mesh import MeshLayout, sendings
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


@pytest.mark.parametrize(
    ("name", "mesh", "shards", "threads"), [("digits-mlp", "2x2", 4, 4), ("digits-mlp", "3x1", 7, 3), ("digits-cnn", "2x1", 2, 4)]
)
def test_every_line_is_sent_once_and_when_it_is_written(name, mesh, shards, threads):
    """Whoever writes elements of a line is the piece behind which it is sent, or done before that."""
    config = TINY if name == "digits-mlp" else CONFIGS["d1"]
    made = MeshLayout(named(name), parse(mesh), config, 32, None, shards, threads)
    for layout, sent in zip(made.layouts.values(), made.sent, strict=True):
        step, found = layout.step, []
        behind = sendings(step, layout.pieces, layout.course)
        assert [[lines for _, lines in own] for own in behind] == sent
        for thread, own in enumerate(behind):
            for number, lines in own:
                assert number is None or layout.course.places[number][0] == thread
                for part in lines:
                    tensor = step.gradient(step.gradients[part.gradient], part.shard)
                    for line in range(part.first, part.first + part.lines):
                        found.append((part.gradient, part.shard, line))
                        before = [n for n, piece in enumerate(layout.pieces) if piece.of < step.update]
                        writers = [n for n in before if writes(layout, layout.pieces[n], tensor, line)]
                        assert writers and all(n == number or number is None or layout.course.before(n, number) for n in writers)
        every = [(g, shard, line) for g, lines in enumerate(made.reduce.lines) for shard in step.pieces for line in range(lines)]
        assert sorted(found) == sorted(every)


def writes(layout, piece, tensor, line):
    """Whether a piece writes an element of a line of a tensor."""
    return any(touches(layout, view, line) for view in piece.written() if view.tensor is tensor)


def touches(layout, view, line):
    """Whether a view of an FP32 tensor has an element in a line of it."""
    first, window = layout.matrices[view.tensor.name].address + 64 * line, layout.window(view)
    at = [window.address + row * window.pitch for row in range(window.rows)]
    return any(low < first + 64 and first < low + 4 * window.columns for low in at)


@pytest.mark.parametrize(
    ("name", "mesh", "shards", "threads"),
    [("digits-mlp", "2x2", 4, 4), ("digits-mlp", "3x1", 7, 3), ("digits-cnn", "2x1", 2, 4), ("digits-cnn", "2x1", 2, 2)],
)
def test_what_reads_sums_waits_until_they_are_there(name, mesh, shards, threads):
    """A thread knows of the sums with which it came out of the exchange itself, and of those of others that it has waited for."""
    made = MeshLayout(named(name), parse(mesh), CONFIGS["d1"], 32, None, shards, threads)
    for layout in made.layouts.values():
        step = layout.step
        updates = [n for n, piece in enumerate(layout.pieces) if piece.of >= step.update]
        assert sorted(n for order in layout.course.threads for n in order if n in updates) == updates
        for thread, order in enumerate(layout.course.threads):
            known = {thread}
            for number in (n for n in order if n in updates):
                known |= set(layout.sums[number])
                for gradient, tensor in enumerate(step.gradient(one, step.mine.start) for one in step.gradients):
                    for line in range(made.reduce.lines[gradient]):
                        if reads(layout, layout.pieces[number], tensor, line):
                            assert made.reduce.thread(gradient, line) in known


def reads(layout, piece, tensor, line):
    """Whether a piece takes an element of a line of a tensor."""
    return any(touches(layout, view, line) for view in piece.views.values() if view.tensor is tensor)


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
