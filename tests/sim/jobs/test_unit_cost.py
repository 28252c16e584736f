"""The cost of a unit, measured on one that is small."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.jobs import unit_cost as job


class Sum(wiring.Component):
    """Adds what comes."""

    value: In(20)
    total: Out(32)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.total.eq(self.total + self.value)
        return m


@pytest.mark.rtl
def test_a_unit_and_the_node(monkeypatch):
    monkeypatch.setattr(job, "_units", lambda config: {"sum": Sum})
    monkeypatch.setattr(job, "_node", lambda config, seed: {"rest_us": 1.0, "busy_us": 2.0})
    unit, node = job.unit_cost("tiny")
    assert unit["unit"] == "sum" and 0 < unit["rest_us"] < 100 and 0 < unit["busy_us"] < 100
    assert node == {"unit": "whole node, GEMM 128x128x128", "rest_us": 1.0, "busy_us": 2.0}
