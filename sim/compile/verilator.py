"""Verilog becomes a compiled model, for cocotb or for the C++ engine. Nobody else knows Verilator's flags.

    model = build_cocotb(elaborate(Queue(8, depth=4)))                     build/cocotb/<hash>/
    run_cocotb(model, "tests/rtl/common/cocotb_stream.py", results=..., seed=1)
    binary = build_engine(design, [cpp files])                             build/engine/<hash>/

Rules. Only the top module's ports (and what `public` names) are visible to cocotb: making everything visible, as
cocotb's own runner does, costs most of the speed and minutes of compilation. Builds are cached by content: Verilog,
sources, flags and tool versions name the folder, and of the C++ that Verilator writes only what is new is compiled. A run with no test
in it is a failure.
"""

import functools
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sim import setup
from sim.compile import cache, objects, toolchain
from sim.compile.elaborate import Design
from sim.compile.objects import BuildError, Tools
from sim.compile.stages import stage

# Two-state start values, no run-time assertions: the design has none, and randomised start is a test's own business.
_SPEED = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert"]
# Yosys's Verilog is correct but not tidy: widths and style are not worth a message. A combinational loop that
# Verilator sees between halves of one signal costs speed only, so it is told in the log and no error.
_QUIET = ["-Wno-lint", "-Wno-style", "-Wno-DECLFILENAME", "-Wwarn-UNOPTFLAT", "-Wno-fatal"]
_FATAL = Path(__file__).with_name("fatal.cpp")
LIMIT_S, OVERTIME = 1200, 124  # seconds that a cocotb file may run, and how `timeout` tells that it did not end
# Of what runs long; of what tests run for seconds, where g++ takes half as long for 4 % of the speed; and of what runs once, when a model
# starts: a third of the C++.
FAST, QUICK, SLOW = "-O2", "-O1", "-O0"
# Parities become one instruction each.
_MACHINE = ["-mpopcnt"] if platform.machine() in ("x86_64", "AMD64") else []


@dataclass(frozen=True)
class Model:
    """A compiled cocotb model: `folder` holds the program named after the top; `waves` is "" or "vcd"."""

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
    print(f"waves are VCD: FST needs the Debian packages {' and '.join(setup.HEADERS.values())}", flush=True)
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
    apart: str = "",
) -> Model:
    """Compiles `design` for cocotb, or finds it compiled.

    Parameters
    ----------
    waves: able to write waves.
    coverage: line and toggle counts, written to coverage.dat by each run.
    public: (module, variable) pairs beyond the top's ports that a bench may read and write, for example a memory.
    flags: further flags for Verilator.
    apart: a module below the top that is compiled alone, once for all of its instances, of which a bench sees the ports in `public`.
    """
    import cocotb_tools.config  # here, because the engine must build on a machine where cocotb does not

    kind = "vcd" if waves else ""  # a window is cut of what a test wrote, and FST cannot be read as it is written
    names = [(design.top, port["name"]) for port in design.manifest["ports"]] + list(public)
    driver = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    arguments = ["--vpi", "--timescale", "1ns/1ps", *_trace_flags(kind)]
    arguments += (["--coverage-line", "--coverage-toggle"] if coverage else []) + list(flags)
    recipe = _Recipe(
        design,
        output=design.top,
        arguments=arguments,
        files={"public.vlt": _control(names), driver.name: driver.read_text()},
        link=["-Lcocotb", "-Wl,-rpath-link,cocotb", "-lcocotbvpi_verilator"],
        links={"cocotb": cocotb_tools.config.libs_dir},
        apart=apart,
        level=QUICK,
    )
    return Model(recipe.made("cocotb", f"compiling {design.top} for cocotb"), design, kind, coverage)


def build_engine(
    design: Design,
    sources: Sequence[Path],
    *,
    name: str = "engine",
    shared: bool = False,
    prefix: str = "Vtop",
    flags: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
    public: Iterable[tuple[str, str]] = (),
    cflags: Sequence[str] = (),
    level: str = FAST,
) -> Path:
    """Compiles `design` with C++ `sources` into a program, or a shared object when `shared`; returns its path.

    Parameters
    ----------
    sources: C++ files (compiled) and headers (for these to include).
    name: of the file made (`.so` is added when shared).
    prefix: of the C++ class that Verilator writes.
    flags: further flags for Verilator ("--threads", "1", "--trace-fst", ...).
    cflags: further flags for g++.
    texts: further sources and headers, name and content.
    public: as for `build_cocotb`.
    level: of optimisation, `FAST` or `QUICK`.
    """
    file_name = f"{name}.so" if shared else name
    recipe = _Recipe(
        design,
        output=file_name,
        arguments=flags,
        files={"public.vlt": _control(public), **{path.name: path.read_text() for path in map(Path, sources)}, **(texts or {})},
        compile=[*cflags, *(["-fPIC"] if shared else [])],
        link=["-shared"] if shared else [],
        prefix=prefix,
        level=level,
    )
    return recipe.made("engine", engine_build(design.top, design.manifest["config"])) / file_name


def engine_build(top: str, config: str) -> str:
    """The build of an engine as a person reads it: the top module, and its configuration if it has one."""
    return f"compiling {f'{top} ({config})' if config else top} for the engine"


def run_cocotb(
    model: Model,
    bench: Path | str | Sequence[Path],
    *,
    results: Path,
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    testcase: str = "",
    waves: bool = False,
    rerun: str = "",
    plusargs: Sequence[str] = (),
    limit: int | None = None,
    all_tests: bool = True,
) -> list[str]:
    """Runs the @cocotb.test functions of the file `bench`, or of several, against `model`; returns the names of those that passed.

    Parameters
    ----------
    results: folder for results.xml, run.log, waves and coverage.dat; emptied first.
    seed: every generator in the bench derives from it, from the test's name and from its own name (tb.seed).
    parameters: JSON values that the bench reads as tb.bind.parameters().
    testcase: regular expression; only tests whose name it matches run.
    waves: write waves.vcd (the model must have been built with waves).
    rerun: the command that repeats this, quoted in the failure.
    plusargs: "+name=value" for the design's $value$plusargs.
    limit: seconds that the run may take; LIMIT_S unless given.
    all_tests: run the others too after one has failed.

    Raises BenchFailure when a test fails, none runs, one is skipped, or the simulation ends early.
    """
    __tracebackhide__ = True
    limit = LIMIT_S if limit is None else limit
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    files = [Path(file).resolve() for file in ([bench] if isinstance(bench, (Path, str)) else bench)]
    outcome, log = results / "results.xml", results / "run.log"
    environment = {
        "TB_MANIFEST": str(model.design.manifest_file),
        "TB_PARAMETERS": json.dumps(dict(parameters or {})),
        "COCOTB_ANSI_OUTPUT": "0",
        "COCOTB_RESULTS_ATTACHMENTS": "",
    }
    if not all_tests:
        environment["COCOTB_MAX_FAILURES"] = "1"
    arguments = ["--trace", "--trace-file", str(results / f"waves.{model.waves}")] if waves else []
    try:
        _runner([*dict.fromkeys(file.parent for file in files), cache.ROOT], limit).test(
            test_module=[file.stem for file in files],
            hdl_toplevel=model.design.top,
            hdl_toplevel_lang="verilog",
            build_dir=model.folder,
            test_dir=results,
            results_xml=str(outcome.resolve()),
            test_filter=testcase or None,
            seed=seed,
            extra_env=environment,
            test_args=arguments,
            plusargs=plusargs,
            log_file=log,
        )
    except (SystemExit, RuntimeError) as error:
        fell_over = str(error)
    else:
        fell_over = ""
    return _verdict(outcome, log, fell_over, rerun, limit)


def _runner(path: Sequence[Path], limit: int) -> Any:
    """cocotb's runner, used for running only, with `path` searched first for the bench's modules."""
    import cocotb_tools.config
    import find_libpython
    from cocotb_tools.runner import Verilator

    if find_libpython.find_libpython() is None:
        raise toolchain.ToolError("cocotb needs Python as a shared library: install the Debian package libpython3-dev.")

    class Runner(Verilator):
        def _get_sim_cmd_prefix(self) -> list[str]:
            return ["timeout", "--kill-after=10", str(limit)]

        def _set_env_test(self) -> None:
            super()._set_env_test()
            self.env["PYTHONPATH"] = os.pathsep.join([*map(str, path), *filter(None, sys.path)])
            libraries = [str(cocotb_tools.config.libs_dir), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
            self.env["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)

    runner = Runner()
    runner.log.setLevel("ERROR")
    return runner


def _verdict(outcome: Path, log: Path, fell_over: str, rerun: str, limit: int) -> list[str]:
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
        late = fell_over.endswith(f": {OVERTIME}")
        ended = f"met its limit of {limit} s" if late else f"ended early ({fell_over})"
        shown = [f"the simulation {ended}" if fell_over else "no test ran", *lines[-30:]]
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


@dataclass(frozen=True)
class _Recipe:
    """What a model is made from. No path of the machine is part of it, but for the links' goals, which the key leaves out."""

    design: Design
    output: str
    arguments: Sequence[str]  # of Verilator
    files: Mapping[str, str]  # beside the Verilog
    compile: Sequence[str] = ()
    link: Sequence[str] = ()
    links: Mapping[str, Path] = field(default_factory=dict)  # folders that the linker reads, by the names it calls them
    prefix: str = "Vtop"
    apart: str = ""  # a module that is a library of its own
    level: str = FAST

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", {**self.files, _FATAL.name: _FATAL.read_text()})

    def made(self, kind: str, what: str) -> Path:
        """The folder that holds the output, made or found."""
        lists = [*self._verilated(), self.compile, self.link]
        parts = [json.dumps([list(part) for part in lists]), *(part for item in sorted(self.files.items()) for part in item)]
        key = cache.digest(self.design.sha256, self.output, FAST, self.level, SLOW, *_versions(), *_MACHINE, *parts)
        return cache.folder(kind, key, self._fill, what=what)

    def _verilated(self) -> list[list[str]]:
        """Verilator's arguments for the design; before them, those for what is a library: a wrapper stands for it in the design."""

        def arguments(prefix: str, top: str) -> list[str]:
            return [*_SPEED, *_QUIET, "--cc", "--prefix", prefix, "--top-module", top, "-Mdir", "."]

        whole = [*arguments(self.prefix, self.design.top), *self.arguments, "public.vlt"]
        if not self.apart:
            return [[*whole, "design.v"]]
        part = [*arguments(f"V{self.apart}", self.apart), "--lib-create", self.apart, "--protect-key", self.apart, "design.v"]
        return [part, [*whole, "rest.v", f"{self.apart}.sv"]]

    @property
    def _apart(self) -> dict[str, str]:
        """What is a library, by the prefix of its model."""
        return {f"V{self.apart}": self.apart} if self.apart else {}

    def _fill(self, folder: Path) -> None:
        """Verilates and compiles in a folder below, and keeps the output and what the tools said."""
        tool = toolchain.verilator()
        work = folder / "work"
        work.mkdir()
        shutil.copyfile(self.design.verilog, work / "design.v")
        if self.apart:
            (work / "rest.v").write_text(_without(self.apart, self.design.verilog.read_text()))
        for name, text in self.files.items():
            (work / name).write_text(text)
        for name, goal in {"verilator": tool.root, **self.links}.items():
            (work / name).symlink_to(goal, target_is_directory=True)
        with Tools(work, folder / "build.log", tool.environment) as tools:
            with stage("Verilator"):
                for arguments in self._verilated():
                    tools.call(["sh", "-c", 'ulimit -s unlimited 2>/dev/null; exec "$0" "$@"', tool.program, *arguments])
            models = {prefix: _classes((work / f"{prefix}_classes.mk").read_text()) for prefix in (self.prefix, *self._apart)}
            made = models[self.prefix]
            library = [_FATAL.name, *(f"verilator/include/{name}.cpp" for name in made["GLOBAL_FAST"] + made["GLOBAL_SLOW"])]
            own = [name for name in self.files if name.endswith(".cpp") and name not in library]
            switches = {"VM_SC": "0", **{f"VM_{name}": words[0] for name, words in made.items() if words in (["0"], ["1"])}}
            flags = ["-std=gnu++20", *_MACHINE, "-DVERILATOR=1", "-DVL_USER_FATAL", "-DVL_USER_STOP"]
            flags += ["-I.", "-Iverilator/include", "-Iverilator/include/vltstd"]
            asked = _switches_of_the_library(tool.root)
            common = [*flags, "-fPIC", *(f"-D{name}={value}" for name, value in switches.items() if name in asked)]
            every = [*flags, *(f"-D{name}={value}" for name, value in switches.items()), *self.compile]
            libraries = ["-pthread", "-latomic", *(["-llz4", "-lz"] if made["TRACE_FST"] == ["1"] else [])]
            with stage("C++"):
                made_of = objects.compiled(tools, dict.fromkeys(library, FAST), common, _versions())
                own += [f"{name}.cpp" for name in self._apart.values()]
                units = dict.fromkeys(own, self.level)
                for prefix, model in models.items():
                    units |= _units(work, model, prefix, self.level)
                made_of += objects.compiled(tools, units, every, _versions())
            with stage("linking"):
                objects.linked(tools, made_of, self.output, [*self.link, *libraries])
        os.replace(work / self.output, folder / self.output)
        shutil.rmtree(work)


def _without(module: str, verilog: str) -> str:
    """The text without a module, of which there must be one."""
    rest, count = re.subn(rf"^module {re.escape(module)} ?\(.*?^endmodule\n", "", verilog, flags=re.MULTILINE | re.DOTALL)
    if count != 1:
        raise BuildError(f"{count} modules are called {module}: one can be compiled alone")
    return rest


def _versions() -> list[str]:
    return [toolchain.verilator().version, toolchain.compiler_version()]


def _classes(makefile: str) -> dict[str, list[str]]:
    """Verilator's list of what it wrote: each variable's words, without the VM_ before its name."""
    text = makefile.replace("\\\n", " ")
    return {name: words.split() for name, words in re.findall(r"^VM_(\w+) \+?= *(.*)$", text, re.MULTILINE)}


@functools.cache
def _switches_of_the_library(root: Path) -> frozenset[str]:
    """What Verilator's own C++ asks about a model: whatever else is told, its objects are the same, and one serves all models."""
    sources = [path for kind in ("cpp", "h") for path in (root / "include").glob(f"verilated*.{kind}")]
    return frozenset(name for path in sources for name in re.findall(r"\bVM_\w+", path.read_text()))


def _units(work: Path, made: Mapping[str, list[str]], prefix: str, level: str) -> dict[str, str]:
    """Sources of the model with their optimisation: those that Verilator wrote, or one that includes them all when they are small."""
    levels = {"FAST": level, "SLOW": SLOW}
    names = {f"{name}.cpp": level for speed, level in levels.items() for part in ("CLASSES", "SUPPORT") for name in made[f"{part}_{speed}"]}
    if made["PARALLEL_BUILDS"] == ["1"]:
        return names
    (work / f"{prefix}__ALL.cpp").write_text("".join(f'#include "{name}"\n' for name in names))
    return {f"{prefix}__ALL.cpp": level}
