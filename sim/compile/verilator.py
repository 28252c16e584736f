"""Verilog becomes a compiled model, for cocotb or for the C++ engine. Nobody else knows Verilator's flags.

    model = build_cocotb(elaborate(Queue(8, depth=4)))                     build/cocotb/<hash>/
    run_cocotb(model, "tests/rtl/common/cocotb_stream.py", results=..., seed=1)
    binary = build_engine(design, [cpp files])                             build/engine/<hash>/

Rules. Only the top module's ports (and what `public` names) are visible to cocotb: making everything visible, as
cocotb's own runner does, costs most of the speed and minutes of compilation. Builds are cached by content: Verilog,
sources, flags and tool versions name the folder. A run with no test in it is a failure.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sim.compile import cache, toolchain
from sim.compile.elaborate import BuildError, Design

JOBS = min(2, os.cpu_count() or 1)

# Two-state start values, no run-time assertions: the design has none, and randomised start is a test's own business.
_SPEED = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert"]
# Yosys's Verilog is correct but not tidy: widths and style are not worth a message. A combinational loop that
# Verilator sees between halves of one signal costs speed only, so it is told in the log and no error.
_QUIET = ["-Wno-lint", "-Wno-style", "-Wno-DECLFILENAME", "-Wwarn-UNOPTFLAT", "-Wno-fatal"]
# Parities become one instruction each.
_MACHINE = ["-mpopcnt"] if platform.machine() in ("x86_64", "AMD64") else []


@dataclass(frozen=True)
class Model:
    """A compiled cocotb model: `folder` holds the program named after the top; `waves` is "", "fst" or "vcd"."""

    folder: Path
    design: Design
    waves: str
    coverage: bool


class BenchFailure(AssertionError):
    """A cocotb run failed. `failed` names the failing tests (empty when the simulation itself fell over)."""

    def __init__(self, message: str, failed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.failed = tuple(failed)


def wave_format() -> str:
    """"fst" when the machine can compile it, else "vcd" (and says once why)."""
    if toolchain.can_write_fst():
        return "fst"
    print("waves are VCD: FST needs the Debian packages zlib1g-dev and liblz4-dev", flush=True)
    return "vcd"


def _trace_flags(waves: str) -> list[str]:
    return {"": [], "vcd": ["--trace-vcd"], "fst": ["--trace-fst"]}[waves] + (["--trace-structs"] if waves else [])


def build_cocotb(
    design: Design,
    *,
    waves: bool = False,
    coverage: bool = False,
    public: Iterable[tuple[str, str]] = (),
    flags: Sequence[str] = (),
) -> Model:
    """Compiles `design` for cocotb, or finds it compiled.

    Parameters
    ----------
    waves: able to write waves (FST, or VCD on a machine without the headers).
    coverage: line and toggle counts, written to coverage.dat by each run.
    public: (module, variable) pairs beyond the top's ports that a bench may read and write, for example a memory.
    flags: further flags for Verilator.
    """
    import cocotb_tools.config  # here, because the engine must build on a machine where cocotb does not

    kind = wave_format() if waves else ""
    names = [(design.top, port["name"]) for port in design.manifest["ports"]] + list(public)
    control = _control(names)
    libs = cocotb_tools.config.libs_dir
    driver = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    arguments = ["--cc", "--exe", "--vpi", "--prefix", "Vtop", "--top-module", design.top, "--timescale", "1ns/1ps"]
    arguments += ["-LDFLAGS", f"-Wl,-rpath,{libs} -L{libs} -lcocotbvpi_verilator"]
    arguments += _trace_flags(kind) + (["--coverage-line", "--coverage-toggle"] if coverage else []) + list(flags)
    key = _key(design, arguments, [driver], control)

    def fill(folder: Path) -> None:
        (folder / "public.vlt").write_text(control)
        _compile(folder, "Vtop", [*arguments, "-o", design.top, "public.vlt", str(design.verilog), str(driver)])

    folder = cache.folder("cocotb", key, fill, what=f"compiling {design.top} for cocotb")
    return Model(folder, design, kind, coverage)


def build_engine(
    design: Design,
    sources: Sequence[Path],
    *,
    name: str = "engine",
    shared: bool = False,
    prefix: str = "Vtop",
    flags: Sequence[str] = (),
    depends: Sequence[Path] = (),
    public: Iterable[tuple[str, str]] = (),
    cflags: Sequence[str] = (),
) -> Path:
    """Compiles `design` with C++ `sources` into a program, or a shared object when `shared`; returns its path.

    Parameters
    ----------
    name: of the file made (`.so` is added when shared).
    prefix: of the C++ class that Verilator writes.
    flags: further flags for Verilator ("--threads", "1", "--trace-fst", ...).
    cflags: further flags for g++.
    depends: further files whose content is part of the cache key (headers that the sources include).
    public: as for `build_cocotb`.
    """
    control = _control(public)
    file_name = f"{name}.so" if shared else name
    compile_flags = " ".join([*cflags, *(["-fPIC"] if shared else [])])
    arguments = ["--cc", "--exe", "--prefix", prefix, "--top-module", design.top, *flags]
    arguments += ["-CFLAGS", compile_flags] if compile_flags else []
    arguments += ["-LDFLAGS", "-shared"] if shared else []
    sources = [Path(source).resolve() for source in sources]
    key = _key(design, [*arguments, file_name], [*sources, *depends], control)

    def fill(folder: Path) -> None:
        (folder / "public.vlt").write_text(control)
        _compile(folder, prefix, [*arguments, "-o", file_name, "public.vlt", str(design.verilog), *map(str, sources)])

    return cache.folder("engine", key, fill, what=f"compiling {design.top} for the engine") / file_name


def run_cocotb(
    model: Model,
    bench: Path | str,
    *,
    results: Path,
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    testcase: str = "",
    waves: bool = False,
    rerun: str = "",
) -> list[str]:
    """Runs the @cocotb.test functions of the file `bench` against `model`; returns the names of those that passed.

    Parameters
    ----------
    results: folder for results.xml, run.log, waves and coverage.dat; emptied first.
    seed: every generator in the bench derives from it, from the test's name and from its own name (tb.seed).
    parameters: JSON values that the bench reads as tb.bind.parameters().
    testcase: regular expression; only tests whose name it matches run.
    waves: write waves.fst or waves.vcd (the model must have been built with waves).
    rerun: the command that repeats this, quoted in the failure.

    Raises BenchFailure when a test fails, none runs, one is skipped, or the simulation ends early.
    """
    __tracebackhide__ = True
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    bench = Path(bench).resolve()
    outcome, log = results / "results.xml", results / "run.log"
    environment = {
        "TB_MANIFEST": str(model.design.manifest_file),
        "TB_PARAMETERS": json.dumps(dict(parameters or {})),
        "COCOTB_ANSI_OUTPUT": "0",
        "COCOTB_RESULTS_ATTACHMENTS": "",
    }
    arguments = ["--trace", "--trace-file", str(results / f"waves.{model.waves}")] if waves else []
    try:
        _runner([bench.parent, cache.ROOT]).test(
            test_module=bench.stem,
            hdl_toplevel=model.design.top,
            hdl_toplevel_lang="verilog",
            build_dir=model.folder,
            test_dir=results,
            results_xml=str(outcome.resolve()),
            test_filter=testcase or None,
            seed=seed,
            extra_env=environment,
            test_args=arguments,
            log_file=log,
        )
    except (SystemExit, RuntimeError) as error:
        fell_over = str(error)
    else:
        fell_over = ""
    return _verdict(outcome, log, fell_over, rerun)


def _runner(path: Sequence[Path]) -> Any:
    """cocotb's runner, used for running only, with `path` searched first for the bench's modules."""
    import find_libpython
    from cocotb_tools.runner import Verilator

    if find_libpython.find_libpython() is None:
        raise toolchain.ToolError("cocotb needs Python as a shared library: install the Debian package libpython3.11.")

    class Runner(Verilator):
        def _set_env_test(self) -> None:
            super()._set_env_test()
            self.env["PYTHONPATH"] = os.pathsep.join([*map(str, path), *filter(None, sys.path)])

    runner = Runner()
    runner.log.setLevel("ERROR")
    return runner


def _verdict(outcome: Path, log: Path, fell_over: str, rerun: str) -> list[str]:
    """Names of the passed tests, or BenchFailure with what failed, the log's tail and the command to repeat it."""
    __tracebackhide__ = True  # pytest shows the verdict, not how it was reached
    passed, failed = [], {}
    if outcome.is_file():
        for case in ElementTree.parse(outcome).getroot().iter("testcase"):
            problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
            if problem is None:
                passed.append(case.get("name", ""))
            else:
                failed[case.get("name", "")] = problem.get("error_msg") or problem.get("message") or problem.tag
    if passed and not failed and not fell_over:
        return passed
    shown = [f"{name}: {message}" for name, message in list(failed.items())[:5]]
    if len(failed) > len(shown):
        shown.append(f"and {len(failed) - len(shown)} more")
    if not failed:
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        shown = [f"the simulation ended early ({fell_over})" if fell_over else "no test ran", *lines[-30:]]
    shown.append(f"log: {os.path.relpath(log, cache.ROOT)}")
    if rerun:
        shown.append(f"rerun: {rerun}")
    raise BenchFailure("\n".join(shown), list(failed))


def _control(names: Iterable[tuple[str, str]]) -> str:
    """Verilator's control file that makes these (module, variable) pairs accessible."""
    lines = [f'public_flat_rw -module "{_escaped(module)}" -var "{_escaped(name)}"\n' for module, name in names]
    return "`verilator_config\n" + "".join(lines)


def _escaped(name: str) -> str:
    """A Verilog name as Verilator's control files spell it: dots and dollars of escaped names are spelled out."""
    return re.sub(r"[^A-Za-z0-9_]", lambda match: f"__0{ord(match[0]):02X}", name)


def _key(design: Design, arguments: Sequence[str], sources: Iterable[Path], control: str) -> str:
    files = [Path(source).read_bytes() for source in sources]
    tools = [toolchain.verilator().version, toolchain.compiler_version()]
    return cache.digest(design.sha256, *_SPEED, *_QUIET, *_MACHINE, *arguments, *tools, control, *files)


def _compile(folder: Path, prefix: str, arguments: Sequence[str]) -> None:
    """Verilates into `folder` and compiles there; BuildError with the log's tail when either fails."""
    tool = toolchain.verilator()
    environment = {**os.environ, **tool.environment, "LC_ALL": "C"}
    log = folder / "build.log"
    optimise = " ".join(["-O2", *_MACHINE])
    verilate = [str(tool.program), *_SPEED, *_QUIET, "-CFLAGS", optimise, "-Mdir", ".", *arguments]
    _call(verilate, folder, environment, log)
    _runtime(folder, prefix, environment)
    _call(["make", "-j", str(JOBS), "-f", f"{prefix}.mk"], folder, environment, log)


def _runtime(folder: Path, prefix: str, environment: Mapping[str, str]) -> None:
    """Puts Verilator's run-time library, compiled once for all models with the same flags, where make expects it.

    The library is most of a small model's compile time. The compile commands themselves are the cache key.
    """
    makefile, class_list = f"{prefix}.mk", f"{prefix}_classes.mk"
    classes = (folder / class_list).read_text()
    groups = re.findall(r"^VM_GLOBAL_(?:FAST|SLOW) \+= \\\n((?:[ \t]+\w+ \\\n)*)", classes, re.MULTILINE)
    objects = [f"{name}.o" for group in groups for name in re.findall(r"\w+", group)]
    make = ["make", "-j", str(JOBS), "-f", makefile, *objects]
    plan = subprocess.run([*make, "-n"], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    key = cache.digest(plan.stdout, toolchain.verilator().version, toolchain.compiler_version())

    def fill(library: Path) -> None:
        for needed in (makefile, class_list):
            shutil.copy(folder / needed, library)
        _call(make, library, environment, library / "build.log")

    library = cache.folder("tools", f"runtime-{key}", fill, what="compiling Verilator's run-time library")
    for name in objects:
        shutil.copy(library / name, folder)  # with a new time, so that make takes it as up to date


def _call(command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> None:
    with open(log, "a") as out:
        out.write(" ".join(command) + "\n")
        out.flush()
        status = subprocess.run(command, cwd=folder, env=environment, stdout=out, stderr=out, check=False).returncode
    if status:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise BuildError(f"{Path(command[0]).name} failed in {folder.name}:\n{tail}")
