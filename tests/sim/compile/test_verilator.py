"""Models for cocotb and for C++: what is visible, what is cached, and that every way to fail is a failure."""

import os
import shutil
import subprocess
import sys
import time

import pytest
import pywellen
from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sim.compile import cache, toolchain, verilator
from sim.compile.elaborate import elaborate
from sim.compile.objects import BuildError

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


class Twice(wiring.Component):
    """Two `Holder` in a row, instances of one module."""

    data: In(8)
    held: Out(8)

    def elaborate(self, platform):
        m = Module()
        between = Signal(8)
        for number, (data, held) in enumerate([(self.data, between), (between, self.held)]):
            ports = {"i_data": data, "i_address": 0, "o_held": held, "i_clk": ClockSignal(), "i_rst": ResetSignal()}
            m.submodules[f"holder{number}"] = Instance("Holder", **ports)
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


def test_a_module_compiled_alone_is_one_of_the_design(run):
    """Cycle for cycle, with its ports for a bench; a module that is not there, or the top, is none."""
    public = [("Holder", "held")]
    design = elaborate(Twice(), parts=[elaborate(Holder())])
    for apart in ("Holder", ""):
        model = verilator.build_cocotb(design, public=public, apart=apart)
        assert run("two_holders_are_two_cycles", of=model)
    with pytest.raises(BuildError, match="0 modules are called Nobody: one can be compiled alone"):
        verilator.build_cocotb(design, apart="Nobody")


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


PROGRAM = """#include "Vtop.h"
#include <cstdio>
int main() {
    Vtop top;
    top.rst = 0;
    top.data = 9;
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    std::printf("%d\\n", top.held);
}
"""


def program(end=""):
    return verilator.build_engine(elaborate(Holder()), [], texts={"main.cpp": PROGRAM + end})


def says(path):
    return subprocess.run([path], capture_output=True, text=True, check=True).stdout


def test_an_engine_is_compiled_and_runs():
    assert says(program()) == "9\n"


def test_a_model_of_many_files_is_compiled_and_runs():
    split = ["--output-split", "1"]
    model = verilator.build_engine(elaborate(Holder()), [], texts={"main.cpp": PROGRAM}, flags=split)
    assert says(model) == "9\n"


# How a model stops in Verilator's code, and what is told then.
ENDS = {
    "fatal": ("design.v: the simulation cannot go on: too much", 'VL_FATAL_MT("design.v", 1, "top", "too much");'),
    "stop": ("design.v:1: the simulation cannot go on: a $stop or an assertion", 'VL_STOP_MT("design.v", 1, "top");'),
    "memory": ("the machine has no more memory for it", "throw std::bad_alloc();"),
}
FULL = """#include "Vtop.h"
#include <verilated_KIND_c.h>
int main() {
    Verilated::traceEverOn(true);
    Vtop top;
    VerilatedCLASS waves;
    top.trace(&waves, 9);
    waves.open("waves.KIND");
    for (unsigned i = 0; i < 2000000; ++i) {
        top.clk = i & 1;
        top.data = i * 2654435761u >> 20;
        top.eval();
        waves.dump(i);
    }
    waves.close();
}
"""


@pytest.mark.parametrize("how", ENDS)
def test_what_stops_a_model_from_within_is_one_sentence(how):
    told, statement = ENDS[how]
    text = '#include "Vtop.h"\n#include <new>\nint main() {\n    Vtop top;\n    ' + statement + "\n}\n"
    model = verilator.build_engine(elaborate(Holder()), [], texts={"main.cpp": text})
    done = subprocess.run([model], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 70 and told in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", ["vcd", *(["fst"] if toolchain.can_write_fst() else [])])
def test_a_full_disk_under_the_waves_ends_the_model(kind, tmp_path):
    text = FULL.replace("KIND", kind).replace("CLASS", f"{kind.capitalize()}C")
    model = verilator.build_engine(elaborate(Holder()), [], texts={"main.cpp": text}, flags=[f"--trace-{kind}"])
    shell = f"trap '' XFSZ; ulimit -f 100; exec '{model}'"
    done = subprocess.run(["sh", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 70 and "the simulation cannot go on: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("bench", "seconds", "limit"),
    [
        ("runs_for_ever", 60, "runs_for_ever: .*met its limit of 100000 cycles"),
        ("waits_for_ever", 60, "waits_for_ever: .*met its limit of 500 cycles"),
        ("stands_for_ever", 5, "the simulation met its limit of 5 s"),
    ],
)
def test_a_bench_that_never_ends_says_which_limit_it_met(bench, seconds, limit, run):
    with pytest.raises(verilator.BenchFailure, match=limit):
        run(bench, limit=seconds)


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """Keys of the folders that are filled while the test runs, by kind, in a store of the test's own that begins with the objects."""
    real = cache.store()
    (tmp_path / "store").mkdir()
    for kind in ("verilog", "objects", "tools"):
        (tmp_path / "store" / kind).symlink_to(real / kind)
    monkeypatch.setenv(cache.SHARED, str(tmp_path / "store"))
    made = {}
    folder = cache.folder

    def watched(kind, key, fill, **settings):
        return folder(kind, key, lambda path: (made.setdefault(kind, []).append(key), fill(path)), **settings)

    monkeypatch.setattr(cache, "folder", watched)
    return made


def test_a_change_of_the_program_compiles_the_program_alone(compiled):
    assert says(program()) == "9\n"
    compiled.clear()
    assert says(program(f"// {time.time_ns()}")) == "9\n"
    assert {kind: len(keys) for kind, keys in compiled.items()} == {"engine": 1, "objects": 1}


def test_verilators_own_code_is_compiled_once_for_models_of_every_kind(compiled):
    says(program())
    unique = f"// {time.time_ns()}"
    kinds = ["--output-split", "1"], ["--savable"]
    models = [verilator.build_engine(elaborate(Holder()), [], texts={"main.cpp": PROGRAM + unique}, flags=flags) for flags in kinds]
    logs = [(model.parent / "build.log").read_text() for model in models]
    assert all(" -c main.cpp " in log and "verilator/include/verilated.cpp" not in log for log in logs)


DAMAGE = [lambda path: os.truncate(path, 100), lambda path: os.truncate(path, 0), os.remove]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_build_heals_from_its_objects(damage, compiled):
    damage(program())
    compiled.clear()
    assert says(program()) == "9\n"
    assert list(compiled) == ["engine"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_object_is_compiled_again_and_no_other(damage, compiled):
    program()
    compiled.clear()
    unique = f"// {time.time_ns()}"
    os.remove(program(unique))
    (key,) = compiled["objects"]
    damage(cache.store() / "objects" / key / "unit.o")
    compiled.clear()
    assert says(program(unique)) == "9\n"
    assert compiled["objects"] == [key]


# A person's clone, moved, copied, or beside another: run in a process of its own, in a folder with every letter that tools stumble over.
ELSEWHERE = """
import runpy, subprocess, sys
from sim.compile import cache
folder = cache.folder
def watched(kind, key, fill, **settings):
    return folder(kind, key, lambda path: (sys.stdout.write(f"made {kind}\\n"), fill(path)), **settings)
cache.folder = watched
names = runpy.run_path("tests/sim/compile/test_verilator.py")
print("says", names["says"](names["program"]()).strip())
model = names["verilator"].build_cocotb(names["elaborate"](names["Holder"]()))
bench = "tests/sim/compile/cocotb_verilator.py"
print(*names["verilator"].run_cocotb(model, bench, results=cache.Path("build/results"), seed=1, testcase="edges"))
"""
NAME = "my chips (2) [a] 'b' \"c\" $d ü"


def elsewhere(tmp_path, **variables):
    place = tmp_path / NAME
    if not place.exists():
        for part in ("sim", "tb", "tests/sim", "golden/arch", "golden/__init__.py", "rtl/common", "rtl/__init__.py"):
            source, goal = cache.ROOT / part, place / part
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, goal) if source.is_dir() else shutil.copy(source, goal)
    environment = {**os.environ, "PYTHONPATH": str(place), **variables}
    command = [sys.executable, "-c", ELSEWHERE]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


def test_a_copied_tree_builds_nothing_and_any_folder_builds(tmp_path):
    program()
    verilator.build_cocotb(elaborate(Holder()))
    works = ["says 9", "edges_show_the_values_before_them"]
    assert elsewhere(tmp_path, **{cache.SHARED: str(cache.store())}) == works
    alone = elsewhere(tmp_path)
    assert [line for line in alone if not line.startswith("made")] == works and alone.count("made engine") == 1
    assert elsewhere(tmp_path) == works


def test_what_the_compiler_says_is_passed_on(tmp_path):
    source = tmp_path / "broken.cpp"
    source.write_text("int main() { return nothing; }\n")
    with pytest.raises(BuildError, match="(?s)g\\+\\+ failed with status 1.*'nothing' was not declared"):
        verilator.build_engine(elaborate(Holder()), [source])
