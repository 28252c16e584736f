"""Training in CFloat8: the same bits on a node, biases that follow the tensors, weights that are rounded without a bias."""

import itertools

import numpy as np
import pytest

from golden.arch.formats import CFLOAT8_1_4_3, CFLOAT8_1_5_2, FLOAT_FORMATS
from golden.kernels.mode import biases, random_key
from golden.numerics.convert import bits_f32, f32_bits, narrow, widen
from golden.workloads import WORKLOADS
from golden.workloads.scaled import BIASES, fitting, largest
from golden.workloads.workload import named
from tests.golden.iss.bench import TINY
from tests.golden.workloads.bench import Trainer

EVERY = [name for name in sorted(WORKLOADS) if "cfloat8" in WORKLOADS[name].formats]


def advance(step, saved, inputs, number, seed=5):
    inputs = step.prepare(saved, inputs, number, seed)
    values = step.reference({**step.state(saved), **inputs})
    return inputs, values, step.kept(saved, values)


@pytest.mark.parametrize(("batch", "steps"), [(32, 3), (1, 2), (7, 2), (33, 1), (64, 1)])
@pytest.mark.parametrize("name", EVERY)
def test_steps_on_the_simulator_equal_the_reference(name, batch, steps):
    made = named(name, "cfloat8")
    layout = made.layout(TINY, batch)
    step, saved = layout.step, layout.step.begin(made.initial(layout.step, batch))
    trainer = Trainer(layout, TINY, saved)
    for number, given in enumerate(itertools.islice(made.training(batch, batch), steps)):
        inputs, values, saved = advance(step, saved, given, number)
        trainer.write(layout.inputs(inputs))
        trainer.run(layout.train)
        trainer.expect(values)


@pytest.mark.parametrize(
    ("fmt", "magnitude", "bias"),
    [
        (CFLOAT8_1_4_3, 1.0, 14),  # up to 1.875 * 2^(15 - 14) = 3.75; 13 would leave two binades, 15 none
        (CFLOAT8_1_4_3, 1.875, 14),
        (CFLOAT8_1_4_3, 1.9375, 13),
        (CFLOAT8_1_4_3, 0.0, 9),
        (CFLOAT8_1_4_3, 2.0**-80, 63),
        (CFLOAT8_1_4_3, 2.0**80, 0),
        (CFLOAT8_1_5_2, 1.0, 30),  # up to 1.75 * 2^(31 - 30) = 3.5
        (CFLOAT8_1_5_2, 1.75, 30),
        (CFLOAT8_1_5_2, 1.875, 29),
    ],
)
def test_a_bias_leaves_one_binade(fmt, magnitude, bias):
    assert fitting(fmt, magnitude, 9) == bias


def test_biases_follow_what_the_tensors_hold():
    """Gradients become smaller in a training, and hidden activations larger; a clamped tensor gets more room."""
    made = named("digits-mlp", "cfloat8")
    step = made.step()
    saved, names = step.begin(made.initial(step, 0)), [tensor.name for tensor in step.scaled]
    saved[BIASES][0, names.index("H")] = 40  # at most 1.875 * 2^-25
    seen = []
    for number, given in enumerate(itertools.islice(made.training(32, 0), 40)):
        before = saved
        _, values, saved = advance(step, saved, given, number)
        seen.append(dict(zip(names, saved[BIASES][0].tolist(), strict=True)))
        for tensor, bias in zip(step.scaled, before[BIASES][0].tolist(), strict=True):
            if tensor.name not in step.masters:
                held = largest(widen(FLOAT_FORMATS[tensor.format], values[tensor.name], bias))
                assert seen[-1][tensor.name] == fitting(FLOAT_FORMATS[tensor.format], held, bias)
    assert seen[0]["H"] == 39 and seen[-1]["H"] < 14
    assert seen[-1]["dZt_c8"] >= 33 and {bias["X"] for bias in seen[1:]} == {14}


def test_copies_are_rounded_stochastically_without_a_bias():
    """Over 40 steps: copies differ from the nearest ones, by a mean that is 0 within 4 standard errors, and never by a whole unit."""
    made = named("digits-linear", "cfloat8")
    step = made.step()
    saved, errors = step.begin(made.initial(step, 0)), []
    for number, given in enumerate(itertools.islice(made.training(32, 0), 40)):
        inputs, values, saved = advance(step, saved, given, number)
        bias = biases(inputs["mode of update"])["result"]
        master = bits_f32(values["W"]).astype(np.float64)
        copy = bits_f32(widen(CFLOAT8_1_4_3, values["W_c8"], bias)).astype(np.float64)
        unit = 2.0 ** (np.maximum(np.frexp(master)[1] - 1, 1 - bias) - 3)
        errors.append(((copy - master) / unit)[master != 0])
        assert (values["W_c8"] != narrow(CFLOAT8_1_4_3, values["W"], bias)).mean() > 0.1
    errors = np.concatenate(errors)
    z = errors.mean() / errors.std() * np.sqrt(errors.size)
    assert np.abs(errors).max() < 1 and abs(z) < 4, z


def test_random_words_follow_from_seed_step_and_call():
    made = named("digits-mlp", "cfloat8")
    step = made.step()
    saved, given = step.begin(made.initial(step, 0)), next(made.training(32, 0))
    keys = [
        random_key(line)
        for seed in (5, 6)
        for number in (0, 1)
        for name, line in step.prepare(saved, given, number, seed).items()
        if name in step.lines
    ]
    assert len(set(keys)) == len(keys) == 4 * len(step.lines)
    assert not any(counter & 0xFFFFFFFF for _, counter in keys)


def test_the_ones_are_one_whatever_the_bias():
    made = named("digits-mlp", "cfloat8")
    step = made.step()
    saved = step.begin(made.initial(step, 0))
    at = [tensor.name for tensor in step.scaled].index("H")
    for bias in (0, 7, 15):
        saved[BIASES][0, at] = bias
        h = step.prepare(saved, next(made.training(32, 0)), 0, 0)["H"]
        assert (widen(CFLOAT8_1_4_3, h[:, -1], bias) == f32_bits(1.0)).all() and not h[:, :-1].any()


def test_it_learns():
    made = named("digits-mlp", "cfloat8")
    step = made.step()
    saved, loss = step.begin(made.initial(step, 1)), []
    for number, given in enumerate(itertools.islice(made.training(32, 1), 80)):
        _, values, saved = advance(step, saved, given, number)
        loss.append(step.loss_of(values))
    assert np.mean(loss[:5]) > 2 and np.mean(loss[-10:]) < 0.5


def test_shards_and_formats_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="digits-mlp: cfloat8 trains in one shard on one node, bf16 in any number"):
        named("digits-mlp", "cfloat8").step(32, shards=2)
    with pytest.raises(ValueError, match="digits-cnn does not train in cfloat8: it trains in bf16"):
        named("digits-cnn", "cfloat8")
    with pytest.raises(ValueError, match="no training in 'fp8': there is bf16, cfloat8"):
        named("digits-mlp", "fp8")
