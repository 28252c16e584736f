"""Batches in shards: who has which samples, the tree of additions, and a step against shards that are computed and added one by one."""

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.numerics.convert import bits_f32
from golden.workloads import WORKLOADS
from golden.workloads.shards import additions, check, default, owned, pieces, samples
from golden.workloads.tensors import TensorKind
from golden.workloads.workload import named

EVERY = sorted(WORKLOADS)


def test_samples_and_shards_worked_by_hand():
    assert [(cut.start, cut.stop) for cut in samples(30, 4)] == [(0, 7), (7, 15), (15, 22), (22, 30)]
    assert [(cut.start, cut.stop) for cut in samples(3, 3)] == [(0, 1), (1, 2), (2, 3)]
    assert owned(4, 3) == [range(0, 1), range(1, 2), range(2, 4)]
    assert owned(8, 6) == [range(0, 1), range(1, 2), range(2, 4), range(4, 5), range(5, 6), range(6, 8)]
    assert [default(nodes) for nodes in (1, 2, 3, 4, 5, 6, 8, 354)] == [1, 2, 4, 4, 8, 8, 8, 512]


def test_the_tree_worked_by_hand():
    """((0 + 1) + (2 + 3)) + ((4 + 5) + 6)."""
    assert additions(7) == [(0, 1), (2, 3), (4, 5), (0, 2), (4, 6), (0, 4)]
    assert additions(1) == []
    # Of 8, shards 2 to 6 can be added to (2 + 3), (4 + 5) and 6.
    assert additions(8, range(2, 7)) == [(2, 3), (4, 5)] and pieces(8, range(2, 7)) == [2, 4, 6]
    assert additions(8, range(4, 8)) == [(4, 5), (6, 7), (4, 6)] and pieces(8, range(4, 8)) == [4]
    assert additions(7, range(4, 7)) == [(4, 5), (4, 6)] and pieces(7, range(4, 7)) == [4]


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 5, 7, 8, 13, 16, 100])
def test_whoever_has_the_shards_adds_the_same_tree(shards):
    """What nodes add by themselves and what is left is the whole tree, and nothing is left of what a node can do."""
    for nodes in range(1, shards + 1):
        alone = [pair for mine in owned(shards, nodes) for pair in additions(shards, mine)]
        left = [pair for pair in additions(shards) if pair not in alone]
        assert sorted(alone + left) == sorted(additions(shards))
        known = {shard for mine in owned(shards, nodes) for shard in pieces(shards, mine)}
        for into, added in left:
            assert {into, added} <= known
            known.remove(added)
        assert known == {0}


def test_every_shard_needs_a_sample_and_every_node_a_shard():
    check(4, 4, 4)
    for given, sentence in (
        ((4, 0), "0 shards"),
        ((4, 5), "a batch of 4 is smaller than its 5 shards"),
        ((9, 3, 4), "3 shards leave some of 4"),
    ):
        with pytest.raises(ValueError, match=sentence):
            check(*given)


@pytest.mark.parametrize(("batch", "shards"), [(32, 2), (32, 4), (33, 8), (7, 3)])
@pytest.mark.parametrize("name", EVERY)
def test_gradients_are_those_of_the_shards_added_in_order(name, batch, shards):
    """Every sample's activations have the bits of the whole batch; gradients are sums of FP32 in NumPy, neighbours first."""
    made = named(name)
    whole, cut = made.step(batch), made.step(batch, shards=shards)
    values = {**whole.state(made.initial(whole, 1)), **next(made.training(batch, 1))}
    once, sharded = whole.reference(values), cut.reference(values)
    for tensor in whole.tensors.values():
        if tensor.kind in (TensorKind.INPUT, TensorKind.OUTPUT, TensorKind.INNER) and "of" not in tensor.name.split():
            axis = [tensor.rows, tensor.columns].index(batch)
            own = [sharded[f"{tensor.name}.{shard}"] for shard in range(shards)]
            assert np.array_equal(np.concatenate(own, axis), once[tensor.name]), tensor.name
    for gradient in whole.of_kind(TensorKind.GRADIENT):
        alone = []
        for shard in range(shards):
            part = made.step(batch, shards=shards, mine=range(shard, shard + 1))
            alone.append(bits_f32(part.reference(values)[f"{gradient.name}.{shard}"]))
        while len(alone) > 1:
            alone = [np.add(*alone[i : i + 2]) if i + 1 < len(alone) else alone[i] for i in range(0, len(alone), 2)]
        assert np.array_equal(bits_f32(sharded[f"{gradient.name}.0"]), alone[0])
        # No farther from the whole batch's than roundings of each shard's products, which are below 1, and of the additions.
        exact = bits_f32(once[gradient.name]).astype(np.float64)
        assert np.abs(bits_f32(sharded[f"{gradient.name}.0"]) - exact).max() < shards * 2.0**-20
    assert abs(whole.loss_of(once) - cut.loss_of(sharded)) < 1e-12


@pytest.mark.parametrize("name", EVERY)
def test_shards_of_a_node_are_a_step_of_their_own(name):
    """Node 2 of 3: shards 2 and 3 of 4, one sum, that of the first, and what reads it last of all."""
    step = named(name).step(32, shards=4, mine=range(2, 4))
    assert step.pieces == [2] and step.mine == range(2, 4)
    assert {tensor.name for tensor in step.of_kind(TensorKind.INPUT)} == {"X.2", "Y.2", "X.3", "Y.3"}
    assert [call.name.split("_")[0] for call in step.calls][step.update - 1] == "add"
    read = [view.tensor for call in step.calls[step.update :] for view in call.views.values() if view.tensor.kind is TensorKind.GRADIENT]
    assert read and all(tensor.name.endswith(".2") for tensor in read)
    lives = step.lives()
    assert all(lives[step.gradient(gradient, 2).name][1] == len(step.calls) for gradient in step.gradients)
    inputs = next(named(name).training(32, 0))
    split = step.split({**inputs, "other": np.zeros(1)})
    assert np.array_equal(split["X.3"], inputs["X"][24:32]) and np.array_equal(split["Y.2"], inputs["Y"][:, 16:24]) and "other" in split


@pytest.mark.parametrize("name", EVERY)
def test_gradients_of_all_shards_have_one_pitch(name):
    layout = named(name).layout(CONFIGS["d1"], 32, shards=4)
    for gradient in layout.step.gradients:
        assert len({layout.matrices[f"{gradient}.{shard}"].pitch for shard in range(4)}) == 1
