"""What holds for every registered workload, and what is said of one that is half there or does not fit."""

import itertools

import numpy as np
import pytest

from golden.arch.config import CONFIGS
from golden.kernels.axpy import Axpy
from golden.workloads import WORKLOADS
from golden.workloads.plan import DoesNotFit
from golden.workloads.tensors import TensorKind
from golden.workloads.workload import MEANT, Workload, named, workload
from tests.golden.workloads.bench import Trainer

TINY, D1 = CONFIGS["tiny"], CONFIGS["d1"]
EVERY = sorted(WORKLOADS)


@pytest.mark.parametrize(
    ("batch", "steps", "shards"), [(32, 3, 1), (1, 2, 1), (7, 2, 1), (33, 1, 1), (64, 1, 1), (32, 2, 4), (33, 2, 8), (7, 1, 3), (5, 1, 5)]
)
@pytest.mark.parametrize("name", EVERY)
def test_steps_on_the_simulator_equal_the_reference(name, batch, steps, shards):
    made = named(name)
    layout = made.layout(D1, batch, shards=shards)
    step, saved = layout.step, made.initial(layout.step, batch)
    trainer = Trainer(layout, D1, saved)
    for inputs in itertools.islice(made.training(batch, batch), steps):
        trainer.write(layout.inputs(inputs))
        trainer.run(layout.train)
        values = step.reference({**step.state(saved), **inputs})
        trainer.expect(values)
        saved = {tensor.name: values[tensor.name] for tensor in step.saved}


@pytest.mark.parametrize("name", EVERY)
def test_the_phases_are_the_step(name):
    made = named(name)
    layout = made.layout(TINY, 16)
    saved, inputs = made.initial(layout.step, 0), next(made.training(16, 0))
    trainer = Trainer(layout, TINY, saved)
    trainer.write(layout.inputs(inputs))
    for launch in layout.phases.values():
        trainer.run(launch)
    trainer.expect(layout.step.reference({**layout.step.state(saved), **inputs}))
    assert list(layout.phases) == [call.name for call in layout.step.calls]


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("name", EVERY)
def test_a_forward_pass_on_the_simulator_after_a_step(name, shards):
    """Fewer images than the batch: the rows that are left over are zeros, and their labels do not exist."""
    made = named(name)
    layout = made.layout(D1, 100, shards=shards)
    step, saved = layout.step, made.initial(layout.step, 3)
    trainer = Trainer(layout, D1, saved)
    trainer.write(layout.inputs(next(made.training(100, 0))))
    trainer.run(layout.train)
    state = {tensor.name: trainer.read(tensor.name) for tensor in step.compared}
    seen = 0
    for inputs, labels in made.held_out(100):
        trainer.write(layout.inputs(inputs))
        trainer.run(layout.forward)
        logits = step.infer({**state, **inputs})
        assert np.array_equal(step.logits_of({tensor.name: trainer.read(tensor.name) for tensor in step.logits}), logits)
        seen += len(labels)
        assert len(made.classes(logits)) == 100 >= len(labels)
    assert seen == 360


@pytest.mark.parametrize("name", EVERY)
def test_nothing_but_results_changes(name):
    """Constants, arguments and the program are what the host wrote."""
    made = named(name)
    layout = made.layout(TINY, 9)
    trainer = Trainer(layout, TINY, made.initial(layout.step, 2))
    trainer.write(layout.inputs(next(made.training(9, 0))))
    constants = [layout.matrices[tensor.name] for tensor in layout.step.of_kind(TensorKind.CONSTANT)]
    fixed = [(layout.program.origin, len(layout.program.image)), (layout.table, 256), *((m.address, m.size) for m in constants)]
    before = [trainer.node.read(*piece) for piece in fixed]
    trainer.run(layout.train)
    assert [trainer.node.read(*piece) for piece in fixed] == before


def test_equal_seeds_are_equal_and_others_not():
    for name in EVERY:
        made, step = named(name), named(name).step()
        one, two, other = (made.initial(step, seed) for seed in (1, 1, 2))
        drawn = {tensor.copy_of.name for tensor in step.of_kind(TensorKind.STATE) if tensor.copy_of}
        assert all(np.array_equal(one[key], two[key]) for key in one)
        assert drawn and not any(np.array_equal(one[key], other[key]) for key in drawn)
        assert set(one) == {tensor.name for tensor in step.saved}


# --- what cannot be --------------------------------------------------------------------------------------------------------------


def test_an_unknown_workload_lists_them():
    with pytest.raises(ValueError, match="no workload 'mnist': there is digits-cnn, digits-linear, digits-mlp"):
        named("mnist")


@pytest.mark.parametrize("batch", [0, 1025])
def test_a_batch_that_does_not_exist_is_one_sentence(batch):
    with pytest.raises(ValueError, match=f"digits-mlp: a batch of {batch} does not exist: 1 to 1024"):
        named("digits-mlp").step(batch)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 1e39])
def test_a_rate_that_does_not_exist_is_one_sentence(rate):
    with pytest.raises(ValueError, match="digits-mlp: a learning rate of .* does not exist: above 0, to 3e38"):
        named("digits-mlp").step(8, rate)


def test_tensors_that_do_not_fit_are_named_with_what_would():
    with pytest.raises(DoesNotFit) as caught:
        named("digits-mlp").layout(TINY, 512)
    text = str(caught.value)
    assert text.startswith("digits-mlp does not fit tiny: program, arguments and tensors need ") and "its SRAM has 131072" in text
    assert "X 73728, dH 65536, H 40960" in text and text.count("\n") == 0
    fits = int(text.split("a batch of ")[1].split()[0])
    assert named("digits-mlp").layout(TINY, fits).plan.end <= TINY.sram_bytes
    with pytest.raises(DoesNotFit):
        named("digits-mlp").layout(TINY, fits + 1)


# --- a workload that is half there -----------------------------------------------------------------------------------------------


def whole() -> dict[str, object]:
    """The names of a class that is a workload."""
    methods = {what: lambda self, *rest: None for what in MEANT}
    return methods | {"steps": 3, "rate": 0.5, "__doc__": "Nothing.", "__module__": "golden.workloads.planted"}


@pytest.mark.parametrize("missing", MEANT)
def test_what_is_missing_is_told_with_the_file(missing):
    names = whole()
    del names[missing]
    with pytest.raises(ValueError, match=f"^golden/workloads/planted.py: workload planted does not say its {missing}: "):
        workload("planted")(type("Planted", (Workload,), names))
    assert "planted" not in WORKLOADS


def test_a_workload_without_words_is_told():
    with pytest.raises(ValueError, match="workload planted does not say what it is: give the class a docstring"):
        workload("planted")(type("Planted", (Workload,), whole() | {"__doc__": None}))


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match=r"planted.py: workload digits-mlp is registered twice, in golden/workloads/digits_mlp.py too"):
        workload("digits-mlp")(type("Planted", (Workload,), whole()))


def planted(write) -> Workload:
    """A workload of this step."""
    made = type("Planted", (Workload,), whole() | {"write": lambda self, step, batch, rate: write(step)})()
    made.name = "planted"
    return made


def test_a_step_without_a_forward_pass_is_told():
    with pytest.raises(ValueError, match=r"planted does not say where its forward pass ends: call step.result\(\) with its logits"):
        planted(lambda step: None).step()


def test_logits_without_an_axis_of_samples_are_told():
    def write(step):
        x, y = step.input("X", 2, 16, "FP32"), step.inner("Y", 2, 16, "FP32", initial=np.zeros((2, 16), np.uint32))
        step.call("only", Axpy, {"x": x, "y": y})
        step.result(y)

    with pytest.raises(ValueError, match="planted: Y does not say along which axis its samples lie: declare it with samples="):
        planted(write).step()


def test_a_step_without_a_loss_is_told():
    def write(step):
        x, y = step.input("X", 2, 16, "FP32"), step.input("Y", 2, 16, "FP32")
        step.call("only", Axpy, {"x": x, "y": y})
        step.result(y)

    with pytest.raises(ValueError, match=r"planted has no output named loss: declare it with step.output\(\)"):
        planted(write).step()
