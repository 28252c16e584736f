"""Models for cocotb and for C++: what is visible, what is cached, and that every way to fail is a failure."""

import subprocess

import pytest
import pywellen
from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sim.compile import verilator
from sim.compile.elaborate import elaborate

pytestmark = pytest.mark.rtl
BENCH = "cocotb_verilator.py"


class Holder(wiring.Component):
    """Keeps `data` for a cycle, and the word of a memory at `address`."""

    data: In(8)
    address: In(4)
    held: Out(8)
    held_word: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = store = memory.Memory(shape=8, depth=16, init=[])
        read = store.read_port()
        m.d.comb += [read.addr.eq(self.address), self.held_word.eq(read.data)]
        m.d.sync += self.held.eq(self.data)
        return m


@pytest.fixture(scope="module")
def model():
    return verilator.build_cocotb(elaborate(Holder()))


@pytest.fixture
def run(model, request, artifacts):
    def go(testcase, *, seed=1, parameters=None, of=model, **options):
        bench = request.path.parent / BENCH
        name = f"{testcase}-{seed}"
        return verilator.run_cocotb(
            of, bench, results=artifacts / name, seed=seed, parameters=parameters, testcase=testcase + "$", **options
        )

    return go


def test_a_bench_sees_values_before_the_edge(run):
    assert run("edges_show_the_values_before_them") == ["edges_show_the_values_before_them"]


def test_a_named_memory_is_visible(run):
    # Amaranth's memory is an array in the module that holds it, named after the submodule.
    public = [("Holder", "store")]
    model = verilator.build_cocotb(elaborate(Holder()), public=public)
    assert run("a_public_memory_is_read_and_written", of=model)


def test_a_failing_test_is_named_with_its_message_and_the_command(run):
    with pytest.raises(verilator.BenchFailure, match="(?s)fails: .*the answer is wrong.*log: .*rerun: the command") as info:
        run("fails", parameters={"answer": 41}, rerun="the command")
    assert info.value.failed == ("fails",)
    assert run("fails", parameters={"answer": 42}) == ["fails"]


def test_no_test_at_all_is_a_failure(run):
    with pytest.raises(verilator.BenchFailure, match="no test ran"):
        run("there_is_no_such_test")


def test_a_simulation_that_ends_early_is_a_failure(run):
    with pytest.raises(verilator.BenchFailure, match="ended early"):
        run("stops_the_simulation")


def test_random_numbers_follow_the_seed(run, artifacts):
    def drawn(seed):
        run("prints_its_random_numbers", seed=seed)
        log = (artifacts / f"prints_its_random_numbers-{seed}" / "run.log").read_text()
        return log.split("drawn ")[1].split()[0]

    assert drawn(7) == drawn(7) != drawn(8)


def test_waves_hold_the_signals(run, artifacts):
    model = verilator.build_cocotb(elaborate(Holder(), names=True), waves=True)
    run("edges_show_the_values_before_them", of=model, waves=True)
    written = artifacts / "edges_show_the_values_before_them-1" / f"waves.{model.waves}"
    names = {variable.name for variable in pywellen.Waveform(str(written)).all_vars()}
    assert {"clk", "data", "held"} <= names


def test_coverage_is_counted(run, artifacts):
    model = verilator.build_cocotb(elaborate(Holder()), coverage=True)
    run("edges_show_the_values_before_them", of=model)
    assert "held" in (artifacts / "edges_show_the_values_before_them-1" / "coverage.dat").read_text()


def test_models_are_cached_by_content(model):
    assert verilator.build_cocotb(elaborate(Holder())).folder == model.folder
    assert verilator.build_cocotb(elaborate(Holder()), flags=["-DOTHER"]).folder != model.folder


def test_an_engine_is_compiled_and_runs(tmp_path):
    source = tmp_path / "main.cpp"
    source.write_text(
        '#include "Vtop.h"\n#include <cstdio>\nint main() {\n'
        "    Vtop top;\n    top.rst = 0;\n    top.data = 9;\n    top.clk = 0;\n    top.eval();\n    top.clk = 1;\n"
        '    top.eval();\n    std::printf("%d\\n", top.held);\n}\n'
    )
    program = verilator.build_engine(elaborate(Holder()), [source])
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "9\n"


def test_what_the_compiler_says_is_passed_on(tmp_path):
    source = tmp_path / "broken.cpp"
    source.write_text("int main() { return nothing; }\n")
    with pytest.raises(verilator.BuildError, match="(?s)make failed.*'nothing' was not declared"):
        verilator.build_engine(elaborate(Holder()), [source])
