"""Amaranth's simulator under a deadline."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from sim.compile import native
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


def counted(dut, cycles, **options):
    """What the counter says after so many cycles of a kept simulation."""
    seen = []

    async def bench(ctx):
        seen.append(ctx.get(dut.enable))
        ctx.set(dut.enable, 1)
        await ctx.tick().repeat(cycles)
        seen.append(ctx.get(dut.count))

    simulate(dut, bench, keep=True, **options)
    return seen


def test_a_kept_simulator_begins_again_after_power_up(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(native, "Simulator", lambda dut: made.append(dut) or Simulator(dut))
    dut = Counter()
    assert counted(dut, 3) == [0, 3] and counted(dut, 5, waves=tmp_path / "waves.vcd") == [0, 5]
    assert made == [dut] and "$enddefinitions" in (tmp_path / "waves.vcd").read_text()
    with pytest.raises(Deadline, match="not finished after 4 cycles"):
        counted(dut, 5, limit=4)
    assert counted(dut, 5) == [0, 5] and made == [dut, dut]
    assert counted(Counter(), 2) == [0, 2] and len(made) == 3


def test_a_kept_simulator_has_as_many_benches_as_it_began_with():
    dut, seen = Counter(), []

    async def drives(ctx):
        ctx.set(dut.enable, 1)
        await ctx.tick().repeat(4)

    async def watches(ctx):
        while True:
            await ctx.tick()
            seen.append(ctx.get(dut.count))

    for background, expected in ((), []), ((watches,), [1, 2, 3, 4]), ((watches,), [1, 2, 3, 4]):
        seen.clear()
        simulate(dut, drives, background=background, keep=True)
        assert seen[:4] == expected
