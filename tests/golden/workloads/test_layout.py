"""A step on a node: entries, arguments, subroutines that calls share."""

import numpy as np

from golden.arch.config import CONFIGS
from golden.kernels.axpy import Axpy
from golden.kernels.kernel import random_f32
from golden.workloads.graph import Step
from golden.workloads.layout import Layout
from golden.workloads.tensors import TensorKind
from tests.golden.workloads.bench import Trainer

TINY = CONFIGS["tiny"]
ZEROS = {name: np.zeros((4, 16), np.uint32) for name in "YZ"}


def doubled() -> Step:
    """Y = 0.5 X + Y by halves, then Z = 2 Y + Z: the halves are one kernel."""
    step = Step("doubled")
    x = step.input("X", 4, 16, "FP32")
    y, z = (step.tensor(name, 4, 16, "FP32", TensorKind.STATE) for name in "YZ")
    for i in range(2):
        rows = slice(2 * i, 2 * i + 2)
        step.call(f"half{i}", Axpy, {"x": x[rows, :], "y": y[rows, :]})
    step.result(y)
    step.call("whole", Axpy, {"x": y, "y": z}, a=2.0)
    return step


def test_calls_of_equal_kernels_share_a_subroutine(rng):
    step = doubled()
    layout = Layout(step, TINY, threads=1)
    assert layout.label == {"half0": "half0", "half1": "half0", "whole": "whole"} and "half1" not in layout.program.labels
    trainer, x = Trainer(layout, TINY, ZEROS), random_f32(rng, 4, 16)
    trainer.write(layout.inputs({"X": x}))
    trainer.run(layout.train)
    trainer.expect(step.reference({"X": x, **ZEROS}))


def test_an_entry_alone_takes_its_own_arguments(rng):
    """Each phase skips the arguments of those before it."""
    step = doubled()
    layout = Layout(step, TINY, threads=1)
    trainer, x = Trainer(layout, TINY, ZEROS), random_f32(rng, 4, 16)
    trainer.write(layout.inputs({"X": x}))
    trainer.run(layout.phases["half1"])
    whole = step.reference({"X": x, **ZEROS})["Y"]
    assert np.array_equal(trainer.read("Y")[2:], whole[2:]) and not trainer.read("Y")[:2].any()
    trainer.run(layout.phases["half0"])
    assert np.array_equal(trainer.read("Y"), whole)


def test_a_view_lies_inside_its_tensor():
    layout = Layout(doubled(), TINY, threads=1)
    window, whole = layout.window(layout.step.calls[1].views["x"]), layout.matrices["X"]
    assert (window.address, window.rows, window.columns) == (whole.address + 2 * whole.pitch, 2, 16)
