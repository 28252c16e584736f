"""What every test shares: seeds, waves, artifacts, and one line that repeats a failure.

Options: --seed N (printed in the header; 1 unless given), --config NAME, --waves (and --cycles A:B or difference, --scope NAME: of what),
--testcase REGEX (within a cocotb file), --artifacts DIR. Every random choice of a test derives from hash(run seed, full test name), so a
test run alone makes the same choices as in a full run.
"""

import gc
import hashlib
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
_STARTED, _WAVES = pytest.StashKey[float](), pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("machine")
    group.addoption("--seed", type=int, default=1, help="seed of the run (default 1)")
    group.addoption("--config", default="tiny", dest="machine_config", help="configuration for tests that take one")
    group.addoption("--waves", action="store_true", help="write waves of cocotb, Amaranth and engine simulations")
    group.addoption("--cycles", type=_window, metavar="A:B", help="of the waves, or difference: those around the failure")
    group.addoption("--scope", action="append", default=[], metavar="NAME", help="of the waves, alone: like vector.issue")
    group.addoption("--pc", help="a window that tests have not")
    group.addoption("--coverage", type=Path, metavar="FOLDER", help="count what is exercised, for make regress, which joins the counts")
    group.addoption("--random-state", action="store_true", help="assertions on; cocotb models begin with what is drawn")
    group.addoption("--testcase", default="", help="only cocotb tests whose name matches this expression")
    group.addoption("--mutants", type=int, default=0, metavar="N", help="plant N faults in the designs of cocotb files (sim mutate)")
    group.addoption("--only-mutants", default="", metavar="N,N", help="of these faults the numbers that are tried")
    group.addoption("--limit", type=float, default=1800, help="seconds that one test may take, builds included (default 1800)")
    group.addoption("--artifacts", type=Path, default=ROOT / "build" / "tests", help="folder for logs and waves")


def _window(text: str):
    from sim.events.window import cycles_or_difference

    return cycles_or_difference(text)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("pc"):
        raise pytest.UsageError("--pc finds an instruction of a workload; for a test give --cycles A:B or --cycles difference")
    if (config.getoption("cycles") or config.getoption("scope")) and not config.getoption("waves"):
        raise pytest.UsageError("--cycles and --scope choose of waves: give --waves too")
    config.stash[_STARTED] = time.time()
    if folder := config.getoption("coverage"):
        from golden import coverage

        os.environ[coverage.FOLDER] = str(folder)


@pytest.hookimpl(trylast=True)  # what is left out is gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests compile models come first: a build that begins last ends last, and the other worker waits for it.

    Two workers begin with a half of the list each. The second half begins with the tests of tiles and meshes, which take the longest
    builds: one worker makes them and runs all that needs them, and the other one waits for none of them.
    """
    models = {item.path for item in items if item.get_closest_marker("rtl") or item.get_closest_marker("system")}
    meshes = [item for item in items if item.get_closest_marker("mesh")]
    others = sorted((item for item in items if not item.get_closest_marker("mesh")), key=lambda item: item.path not in models)
    middle = len(items) // 2
    items[:] = [*others[:middle], *meshes, *others[middle:]]


def pytest_collection_finish() -> None:
    """The collector of cycles need not look at thousands of tests and their modules again and again."""
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What a failed simulation left refuses to be closed: not in the middle of the summary, where Python's own parser stumbles over it."""
    gc.collect()
    config = session.config
    if not config.getoption("waves") or hasattr(config, "workerinput"):
        return
    written = [path for kind in ("*.fst", "*.vcd") for path in config.getoption("artifacts").rglob(kind)]
    written = sorted(path for path in written if path.stat().st_mtime >= config.stash[_STARTED])
    told = config.stash[_WAVES] = ["no waves were written: none of these tests simulates the design"] if not written else []
    for path in written:
        from sim.views.waves import WavesError
        from sim.views.waves_window import seen

        try:
            told += seen(Path(os.path.relpath(path)), config.getoption("cycles"), config.getoption("scope"), session.testsfailed > 0)
        except WavesError as error:
            told.append(str(error))
            session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.getoption('seed')}"


def rerun_line(nodeid: str, seed: int, testcase: str = "", waves: bool = False, drawn: bool = False) -> str:
    """The command that repeats one test alone; ``drawn``: with --random-state."""
    extra = (" --random-state" if drawn else "") + (f" --testcase '{testcase}'" if testcase else "") + (" --waves" if waves else "")
    return f".venv/bin/python -m pytest '{nodeid}' --seed {seed}{extra}"


def derive(seed: int, name: str) -> int:
    """A test's own 63-bit seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little") >> 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for report in terminalreporter.getreports("failed") + terminalreporter.getreports("error"):
        if not isinstance(report, pytest.TestReport):
            continue
        cocotb = dict(report.user_properties)
        seed, drawn = config.getoption("seed"), config.getoption("random_state")
        line = rerun_line(report.nodeid, seed, cocotb.get("testcase", ""), "testcase" in cocotb, drawn)
        terminalreporter.write_line(f"rerun: {line}")
    for line in config.stash.get(_WAVES, []):
        terminalreporter.write_line(line)


class TimeLimit(AssertionError):
    """A test has not ended in time."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Every test ends: after --limit seconds, builds included, it fails and says so."""
    limit = item.config.getoption("limit")

    def late(number, frame) -> None:
        raise TimeLimit(f"met its limit of {limit:g} s")

    before = signal.signal(signal.SIGUSR2, late)
    timer = threading.Timer(limit, signal.pthread_kill, (threading.main_thread().ident, signal.SIGUSR2))
    timer.daemon = True
    timer.start()
    try:
        return (yield)
    finally:
        timer.cancel()
        signal.signal(signal.SIGUSR2, before)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """This test's own seed."""
    return derive(request.config.getoption("seed"), request.node.nodeid)


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """This test's own random numbers."""
    return np.random.default_rng(seed)


@pytest.fixture
def config_name(request: pytest.FixtureRequest) -> str:
    """The machine configuration named by --config."""
    return request.config.getoption("machine_config")


@pytest.fixture
def artifacts(request: pytest.FixtureRequest) -> Path:
    """This test's own folder for logs and waves (made by whoever writes there)."""
    return request.config.getoption("artifacts") / re.sub(r"[^\w.=-]+", "_", request.node.nodeid)


@pytest.fixture
def simulate(request: pytest.FixtureRequest, artifacts: Path):
    """sim.compile.native.simulate, with waves in this test's folder under --waves, and assertions under --random-state."""
    from sim.compile import native

    def run(dut, *benches, **options) -> None:
        waves = artifacts / "waves.vcd" if request.config.getoption("waves") else None
        native.simulate(dut, *benches, waves=waves, assertions=request.config.getoption("random_state"), **options)

    return run


def hunted(request, artifacts: Path, seed: int, component, files: list[Path], config: str, parameters, public) -> list[str]:
    """The bench on a model with --mutants faults, one after the other until a test fails; what each met is a line of mutants.jsonl.

    The names that passed without a fault.
    """
    from sim.compile import elaborate, verilator
    from sim.suite import mutants

    design = elaborate.elaborate(component, config=config, parameters=parameters, sources=True)
    design, planted = mutants.planted(design, request.config.getoption("mutants"), seed % (1 << 31))
    model = verilator.build_cocotb(design, public=public)
    passed: list[str] = []

    def run(number: int, seconds: int) -> str:
        try:
            names = verilator.run_cocotb(
                model,
                files,
                results=artifacts,
                seed=seed,
                parameters=parameters,
                testcase=request.config.getoption("testcase"),
                plusargs=[f"+{mutants.SELECT}={number}"],
                limit=seconds,
                all_tests=False,
            )
        except verilator.BenchFailure as failure:
            return failure.failed[0] if failure.failed else str(failure).splitlines()[0]
        passed.extend(names if not number else ())
        return ""

    folder = request.config.getoption("artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    only = {int(number) for number in request.config.getoption("only_mutants").split(",") if number}
    mutants.hunt(planted, run, folder / mutants.ROWS, {"test": request.node.nodeid}, only)
    return passed


@pytest.fixture
def bench(request: pytest.FixtureRequest, artifacts: Path, seed: int):
    """run(component, "cocotb_x.py", ...): builds the component, or its design, and runs the files beside this test against it.

    Further arguments: config (name, into the manifest), parameters (JSON values, into tb.bind.parameters()), testcase
    (expression; all tests unless given), public and apart (for sim.compile.verilator.build_cocotb), counted (False: --coverage counts
    no lines and bits of it). Returns the names that passed.
    """
    from sim.compile import elaborate, random_state, verilator

    drawn = request.config.getoption("random_state")
    waves, counts = request.config.getoption("waves"), request.config.getoption("coverage")

    def run(
        component, *names: str, config: str = "", parameters=None, testcase: str = "", public=(), apart: str = "", counted: bool = True
    ) -> list[str]:
        __tracebackhide__ = True
        known, files = isinstance(component, elaborate.Design), [request.path.parent / name for name in names]
        if request.config.getoption("mutants"):
            assert not known, "faults can be planted only where a test elaborates the component itself"
            return hunted(request, artifacts, seed, component, files, config, parameters, public)
        design = component if known else elaborate.elaborate(component, config=config, parameters=parameters, names=waves, assertions=drawn)
        if drawn:
            design = random_state.without_start_values(design)
        counted = bool(counts) and counted
        flags = random_state.FLAGS if drawn else ()
        model = verilator.build_cocotb(design, waves=waves, coverage=counted, public=public, flags=flags, apart=apart)
        try:
            passed = verilator.run_cocotb(
                model,
                files,
                results=artifacts,
                seed=seed,
                parameters=parameters,
                testcase=request.config.getoption("testcase") or testcase,
                waves=waves,
                plusargs=random_state.plusargs(seed) if drawn else (),
            )
        except verilator.BenchFailure as failure:
            first = f"{re.escape(failure.failed[0])}$" if failure.failed else ""
            request.node.user_properties.append(("testcase", first))
            raise
        if model.coverage:
            shutil.move(artifacts / "coverage.dat", counts / f"{design.top}-{design.sha256[:12]}.{time.time_ns()}.dat")
        return passed

    return run
