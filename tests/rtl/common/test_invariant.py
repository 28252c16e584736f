"""Invariants: nothing in a design that does not ask for them; a broken one ends the run with its place and its sentence."""

import re

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.common.invariant import always, at_most_one, checked, steady
from sim.compile import native, random_state, verilator
from sim.compile.elaborate import elaborate

HERE = "tests/rtl/common/test_invariant.py"


class Small(wiring.Component):
    """Three invariants of its inputs."""

    number: In(4)
    marks: In(4)
    offer: In(stream.Signature(8))
    after: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.after.eq(self.number)
        m.d.comb += self.offer.ready.eq(self.number[3])
        always(m, self.number != 7, "the number is seven")
        with m.If(self.number == 2):
            at_most_one(m, self.marks, "two marks")
        steady(m, self.offer, "an offer is taken back")
        return m


BENCH = '''"""Sets what it is told, a cycle each."""

import cocotb

from tb.bind import bind, parameters
from tb.clock import cycles, start


@cocotb.test()
async def sets(dut):
    ports = bind(dut)
    await start(ports)
    for setting in parameters()["settings"]:
        for name, value in setting.items():
            ports[name].set(value)
        await cycles(ports, 1)
    await cycles(ports, 2)
'''
HELD = [{"number": 6, "marks": 3}, {"number": 8, "offer__valid": 1, "offer__payload": 9}, {"number": 2, "offer__payload": 9, "marks": 4}]
BROKEN = {
    "the number is seven": [{"number": 7}],
    "two marks": [{"number": 2, "marks": 5}],
    "an offer is taken back": [{"offer__valid": 1, "number": 0}, {"offer__valid": 0}],
    "an offer is taken back, its payload": [{"offer__valid": 1, "offer__payload": 1}, {"offer__payload": 2}],
}


def line_of(says: str) -> int:
    """The line in this file that states the invariant."""
    with open(__file__) as lines:
        return next(number for number, line in enumerate(lines, 1) if f'"{says}")' in line)


def test_a_design_that_does_not_ask_for_them_is_the_same_to_the_byte():
    class Bare(Small):
        def elaborate(self, platform):
            m = Module()
            m.d.sync += self.after.eq(self.number)
            m.d.comb += self.offer.ready.eq(self.number[3])
            return m

    def text(component) -> str:
        return rtlil.convert(component, name="top", emit_src=False)

    assert text(Small()) == text(Bare())
    with checked():
        assert text(Small()).count("cell $check") == 3
    assert text(Small()) == text(Bare())


@pytest.mark.parametrize("says", BROKEN)
def test_a_broken_one_ends_a_simulation_of_amaranth(says, tmp_path):
    dut = Small()

    def drive(settings):
        async def bench(ctx):
            for setting in settings:
                for name, value in setting.items():
                    port = dut
                    for part in name.split("__"):
                        port = getattr(port, part)
                    ctx.set(port, value)
                await ctx.tick()
            await ctx.tick().repeat(2)

        return bench

    native.simulate(Small(), drive([]), assertions=True)
    says = says.split(",")[0]
    with pytest.raises(AssertionError, match=f"{HERE}:{line_of(says)}: {says}"):
        native.simulate(dut, drive(BROKEN[says]), assertions=True)


@pytest.mark.rtl
def test_a_broken_one_fails_a_bench_with_its_place_and_its_sentence(tmp_path):
    (tmp_path / "cocotb_sets.py").write_text(BENCH)
    design = random_state.without_start_values(elaborate(Small(), assertions=True))
    model = verilator.build_cocotb(design, flags=random_state.FLAGS)

    def run(settings, seed: int = 1) -> None:
        bench, plusargs = tmp_path / "cocotb_sets.py", random_state.plusargs(seed)
        verilator.run_cocotb(model, bench, results=tmp_path / "run", seed=1, parameters={"settings": settings}, plusargs=plusargs)

    for seed in range(1, 9):  # whatever stands in the flip-flops and at the reset when the clock begins
        run(HELD, seed)
    for says, settings in BROKEN.items():
        says = says.split(",")[0]
        with pytest.raises(verilator.BenchFailure, match=re.escape(f"{HERE}:{line_of(says)}: {says}")):
            run(settings)
