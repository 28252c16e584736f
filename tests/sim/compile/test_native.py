"""Amaranth's simulator under a deadline."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.compile.native import Deadline, simulate


class Counter(wiring.Component):
    enable: In(1)
    count: Out(8)

    def elaborate(self, platform):
        m = Module()
        with m.If(self.enable):
            m.d.sync += self.count.eq(self.count + 1)
        return m


def test_a_bench_runs_to_its_end():
    dut = Counter()
    seen = []

    async def bench(ctx):
        ctx.set(dut.enable, 1)
        await ctx.tick().repeat(5)
        seen.append(ctx.get(dut.count))

    simulate(dut, bench)
    assert seen == [5]


def test_a_bench_that_waits_forever_fails():
    dut = Counter()

    async def bench(ctx):
        await ctx.tick().until(dut.count == 1)

    with pytest.raises(Deadline, match="not finished after 50 cycles"):
        simulate(dut, bench, limit=50)


def test_waves_are_written(tmp_path):
    dut = Counter()

    async def bench(ctx):
        await ctx.tick()

    simulate(dut, bench, waves=tmp_path / "waves.vcd")
    assert "$enddefinitions" in (tmp_path / "waves.vcd").read_text()
