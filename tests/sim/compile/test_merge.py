"""Merging equal modules: what is equal becomes one, what differs stays, and the circuit does not change."""

import re

import numpy as np
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.compile.batch import Batch
from sim.compile.merge import shrink


class Lane(wiring.Component):
    """y = factor * x + step, one cycle later."""

    x: In(8)
    factor: In(4)
    y: Out(12)

    def __init__(self, step=0):
        super().__init__()
        self.step = step

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.y.eq(self.x * self.factor + self.step)
        return m


class Lanes(wiring.Component):
    """Lane k computes (3 + k) * x + steps[k]."""

    def __init__(self, steps):
        super().__init__({"x": In(8), "y": Out(12).array(len(steps))})
        self.steps = steps

    def elaborate(self, platform):
        m = Module()
        for number, step in enumerate(self.steps):
            lane = Lane(step)
            factor = Signal(4)
            m.submodules[f"lane{number}"] = lane
            m.d.sync += factor.eq(3 + number)
            m.d.comb += [lane.x.eq(self.x), lane.factor.eq(factor), self.y[number].eq(lane.y)]
        return m


def modules(component):
    text = shrink(rtlil.convert(component, name="top", emit_src=False), "top")
    return re.findall(r"^module \\(\S+)$", text, re.MULTILINE)


def test_equal_lanes_become_one_module():
    assert modules(Lanes([0, 0, 0, 0])) == ["top", "top.lane0"]


def test_lanes_that_differ_stay_apart():
    assert modules(Lanes([0, 1, 0, 1])) == ["top", "top.lane0", "top.lane1"]


def test_merged_lanes_compute_what_each_did_before(rng):
    steps = [0, 1, 0, 1]
    x = rng.integers(0, 256, 100, dtype=np.uint32)
    out = Batch(Lanes(steps)).run({"x": x})
    for number, step in enumerate(steps):
        # Row 0 is spent on loading the factor; the result of row k shows in row k + 1.
        expected = ((3 + number) * x[1:-1] + step) & 0xFFF
        np.testing.assert_array_equal(out[f"y__{number}"][2:], expected)
