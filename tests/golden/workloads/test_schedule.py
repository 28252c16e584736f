"""Steps placed over threads: the order that semaphores give, and the same bits whatever else the order is."""

import itertools

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.gemm import Gemm
from golden.kernels.relu import ReluBackward
from golden.kernels.work import work
from golden.workloads import WORKLOADS
from golden.workloads.graph import Step
from golden.workloads.pieces import cut, dependencies
from golden.workloads.schedule import Placement, place
from golden.workloads.workload import named
from tests.golden.workloads.bench import Trainer

TINY = CONFIGS["tiny"]
EVERY = sorted(WORKLOADS)
BATCHES = [1, 7, 16, 33, 64, 100]


def chain(batch: int = 40) -> Step:
    """Two products of the samples and what is between them, then a sum over the samples."""
    step = Step("chain", batch)
    x, (_, w) = step.input("X", batch, 32), step.weight("W", 32, 24)
    z, y = step.inner("Z", batch, 24, "FP32"), step.inner("Y", batch, 24)
    step.call("product", Gemm, {"a": x, "b": w, "c": z})
    step.call("mask", ReluBackward, {"dy": z, "x": x[:, :24], "dx": y})
    step.result(z)
    step.call("gradient", Gemm, {"a": x, "b": y, "c": step.gradient("dW", 32, 24)}, transpose_a=True)
    return step


def test_what_belongs_to_samples_is_cut_into_slices():
    pieces = cut(chain(), 4)
    names = ["product_0", "product_1", "product_2", "mask_0", "mask_1", "mask_2", "gradient_0", "gradient_1"]
    assert [piece.name for piece in pieces] == names
    views = pieces[5].views
    assert [(view.row, view.column, view.rows, view.columns) for view in views.values()] == [(32, 0, 8, 24)] * 3
    assert pieces[2].views["b"].whole and pieces[2].kernel.gemm.m == 8 and pieces[0].kernel == pieces[1].kernel


def test_a_piece_waits_for_those_whose_elements_it_shares():
    """A sum over the samples waits for all slices of what it adds, and for nothing that it only reads with others."""
    assert dependencies(cut(chain(), 4)) == [set(), set(), set(), {0}, {1}, {2}, {3, 4, 5}, {3, 4, 5}]


def test_what_is_written_waits_for_those_that_read_it():
    step = Step("again", 16)
    x, w, z = step.input("X", 16, 16), step.input("W", 16, 16), step.inner("Z", 16, 16)
    step.call("one", Gemm, {"a": x, "b": w, "c": z})
    step.call("two", Gemm, {"a": z, "b": w, "c": step.output("Y", 16, 16)})
    step.call("three", Gemm, {"a": w, "b": w, "c": z})
    step.result(z)
    assert dependencies(cut(step, 4)) == [set(), {0}, {0, 1}]


def test_one_thread_runs_the_calls_as_they_stand():
    pieces = cut(chain(), 1)
    made = place(pieces, 1)
    assert [piece.name for piece in pieces] == ["product", "mask", "gradient"] and made.threads == [[0, 1, 2]]
    assert not made.waits and not made.raises


def reached(made: Placement, but: tuple[int, int] | None = None) -> list[set[int]]:
    """Of each piece those that are done when it begins, as the semaphores say; the wait that ``but`` names says nothing."""
    number = {piece for order in made.threads for piece in order}
    done: dict[int, set[int]] = {}
    raised: dict[int, list[set[int]]] = {}
    heads, last = [0] * len(made.threads), [set() for _ in made.threads]
    while len(done) < len(number):
        moved = False
        for thread, order in enumerate(made.threads):
            if heads[thread] == len(order):
                continue
            piece = order[heads[thread]]
            waits = made.waits.get(piece, [])
            if any(not raised.get(semaphore) for semaphore in waits):
                continue
            known = set(last[thread])
            for semaphore in waits:
                came = raised[semaphore].pop(0)
                known |= came if (piece, semaphore) != but else set()
            done[piece], last[thread] = known, known | {piece}
            for semaphore in made.raises.get(piece, []):
                raised.setdefault(semaphore, []).append(last[thread])
            heads[thread], moved = heads[thread] + 1, True
        assert moved, "a wait that nobody answers"
    assert not any(raised.values()), "a semaphore is left raised"
    return [done[piece] for piece in range(len(number))]


@pytest.mark.parametrize("threads", [2, 3, 4])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", EVERY)
def test_every_wait_is_needed_and_no_other(name, batch, threads):
    """What must be done is done, and each wait, left out, lets a piece begin too early."""
    pieces = cut(named(name).step(batch), threads, threads // 2)
    needs, made = dependencies(pieces), place(pieces, threads)
    assert sorted(itertools.chain(*made.threads)) == list(range(len(pieces)))
    known = reached(made)
    assert all(needed <= done for needed, done in zip(needs, known, strict=True))
    for one, two in itertools.permutations(range(len(pieces)), 2):
        assert not made.before(one, two) or one in known[two]
    for piece, semaphores in made.waits.items():
        for semaphore in semaphores:
            assert any(not needed <= done for needed, done in zip(needs, reached(made, (piece, semaphore)), strict=True))


@pytest.mark.parametrize("count", [1, 2])
def test_a_chain_has_the_accumulators_of_its_thread_to_itself(count):
    """From its first link to its last nothing else on its thread is a product, and the links are in order."""
    pieces = cut(named("digits-mlp").step(64), 4, count)
    made = place(pieces, 4)
    chains = {piece.chain for piece in pieces if piece.chain}
    assert len(chains) == count
    for chain in chains:
        links = [number for number, piece in enumerate(pieces) if piece.chain == chain]
        [order] = [order for order in made.threads if links[0] in order]
        inside = order[order.index(links[0]) : order.index(links[-1]) + 1]
        assert [number for number in inside if work(pieces[number].kernel).matrix] == links and len(links) == 4
        assert pieces[links[0]].kernel.opens and pieces[links[-1]].kernel.closes


@pytest.mark.parametrize("threads", [1, 2])
def test_there_are_chains_only_where_threads_are_left_for_others(threads):
    """With one thread nothing is cut; parts of 32 rows have more tiles than a thread has accumulators."""
    assert not any(piece.chain for piece in cut(named("digits-mlp").step(64), threads, threads // 2))


@pytest.mark.parametrize(
    ("batch", "shards", "threads", "config"),
    [(64, 1, 4, "d1"), (100, 1, 4, "d1"), (33, 1, 2, "tiny"), (48, 1, 3, "d1"), (32, 4, 4, "tiny"), (40, 1, 1, "d1")],
)
@pytest.mark.parametrize("name", EVERY)
def test_whatever_the_order_of_the_threads_the_bits_are_goldens(name, batch, shards, threads, config, rng):
    """Threads go on alone, for a while or up to their next wait, in an order that is drawn; three steps, and a forward pass."""
    model = named(name)
    layout = model.layout(CONFIGS[config], batch, shards=shards, threads=threads)
    step, saved = layout.step, model.initial(layout.step, batch)
    trainer = Trainer(layout, CONFIGS[config], saved)
    for inputs in itertools.islice(model.training(batch, 3), 3):
        trainer.write(layout.inputs(inputs))
        trainer.run(layout.train, rng)
        values = step.reference({**step.state(saved), **inputs})
        trainer.expect(values)
        assert not any(trainer.node.semaphores)
        saved = {tensor.name: values[tensor.name] for tensor in step.saved}
    trainer.write(layout.inputs(inputs))
    trainer.run(layout.forward, rng)
    logits = step.infer({**step.state(saved), **inputs})
    assert np.array_equal(step.logits_of({tensor.name: trainer.read(tensor.name) for tensor in step.logits}), logits)


def test_tensors_that_threads_use_at_once_lie_apart():
    """Two of them share only when an order of the pieces keeps all their uses apart, in a step and in a forward pass."""
    for batch in BATCHES:
        layout = named("digits-mlp").layout(TINY, batch)
        known = {True: reached(layout.ahead), False: reached(layout.course)}
        uses = {
            name: [i for i, piece in enumerate(layout.pieces) if any(view.tensor.name == name for view in piece.views.values())]
            for name in layout.step.tensors
        }
        for one, two in itertools.combinations(layout.step.tensors, 2):
            a, b = layout.matrices[one], layout.matrices[two]
            if a.address + a.size <= b.address or b.address + b.size <= a.address:
                continue
            for done in known.values():
                pairs = [(i, j) for i in uses[one] for j in uses[two] if i < len(done) and j < len(done)]
                assert all(i in done[j] for i, j in pairs) or all(j in done[i] for i, j in pairs), (one, two)
