"""The timing job: how arrival times run through units, what is reported, what it says when something is missing or when it is interrupted.

No figure is asserted here: synthesis and timing of whole units is `make timing`.
"""

import json
import signal
import time
from threading import Event, main_thread

import pytest
from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.compile import cache
from sim.suite import timing
from sim.suite.timing_units import Cut, Unit, cut

FRONT = Unit("front-end", 1, ["tile/front", "tile/front/fetch"], "", [set()])
SRAM = Unit("sram", 2, ["tile/sram"], "", [{("front-end", 0)}, {("front-end", 1), ("sram", 0)}])
STORAGE = {"part": "tile/sram/bank*", "count": 64, "depth": 256, "width": 72, "reads": 1, "writes": 1}


def pieces() -> Cut:
    return Cut([FRONT, SRAM], [STORAGE], ["path out of tile by o"])


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library file that no tool reads, and a store of the test's own."""
    monkeypatch.setattr(cache, "BUILD", tmp_path / "build")
    file = tmp_path / "some.lib"
    file.write_text("library (some) { }\n")
    return file


@pytest.mark.fast
def test_missing_library_and_unknown_unit_are_sentences(library, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "NEARBY", tmp_path)
    with pytest.raises(timing.TimingError, match="give the path of an ASAP7 liberty file"):
        timing.timing(pieces=pieces)
    with pytest.raises(timing.TimingError, match="is no file"):
        timing.timing(tmp_path / "missing.lib", pieces=pieces)
    with pytest.raises(timing.TimingError, match="no unit 'simd-pipe' among: front-end, sram"):
        timing.timing(library, ["simd-pipe"], pieces)


@pytest.mark.fast
@pytest.mark.parametrize(("name", "hint"), [("ruoter", "perhaps router"), ("sram_2", "perhaps sram"), ("zzz", "such as router")])
def test_a_unit_of_no_class_is_told_before_anything_is_cut(name, hint, library):
    with pytest.raises(timing.TimingError, match=f"no unit '{name}': a unit is called as the class of its component is .{hint}"):
        timing.timing(library, ["sram", name], lambda: pytest.fail("cut"))


@pytest.mark.fast
def test_without_opensta_nothing_is_timed_and_the_report_says_so(library, monkeypatch, capsys):
    monkeypatch.setattr(timing.shutil, "which", lambda program: None)
    report = timing.timing(library, ["sram"], pieces)
    assert (report["units"], report["not_run"]) == ([], ["sram"])
    assert report["uncovered"] == [*FRONT.parts, *SRAM.parts, "path out of tile by o"]
    assert "Debian package opensta" in capsys.readouterr().err


def timed_rows(units, _library, _clk_to_q):
    return [dict.fromkeys(("worst_ps", "area_um2", "startpoint", "endpoint"), 0) | {"unit": u.name, "count": u.count} for u in units]


@pytest.fixture
def tools(monkeypatch):
    """Tools that find every unit infinitely fast."""
    monkeypatch.setattr(timing.shutil, "which", lambda program: program)
    monkeypatch.setattr(timing, "clk_to_q", lambda library: 50.0)
    monkeypatch.setattr(timing, "time_units", timed_rows)


@pytest.mark.fast
@pytest.mark.parametrize("names, uncovered", ((None, []), (["sram"], FRONT.parts)))
def test_what_is_not_timed_is_named(library, tools, names, uncovered):
    report = timing.timing(library, names, pieces)
    assert report["uncovered"] == [*uncovered, "path out of tile by o"]
    assert report["storage"] == [STORAGE | {"access_ps": 50.0}]


class Planted(wiring.Component):
    """A part that no unit can hold, and logic between the last register and a port."""

    a: In(4)
    o: Out(4)
    p: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.submodules.foreign = Instance("foreign_adder", i_a=self.a, o_q=self.o)
        held = Signal(4)
        m.d.sync += held.eq(self.a)
        m.d.comb += self.p.eq(held + 1)
        return m


@pytest.mark.fast
def test_a_part_and_a_path_that_would_hide_are_reported(library, tools, capsys):
    report = timing.timing(library, pieces=lambda: cut({"tile": Planted}))
    assert [row["unit"] for row in report["units"]] == ["planted"]
    hidden = ["path out of tile by o", "path out of tile by p", "tile: foreign_adder, which is no logic of this design"]
    assert report["uncovered"] == hidden
    assert f"not covered: {', '.join(hidden)}" in capsys.readouterr().out


@pytest.mark.fast
def test_a_path_through_several_units_is_timed_where_it_ends(monkeypatch):
    """Three units in a row, each with 100 ps of logic from input to output; the last one also hears the first directly."""
    first = Unit("first", 1, [], "", [set()])
    middle = Unit("middle", 1, [], "", [{("first", 0)}])
    last = Unit("last", 2, [], "", [{("middle", 0), ("first", 0)}, {("absent", 3)}])
    timed = []

    def time_unit(unit, _folder, _library, inputs):
        timed.append(unit.name)
        arrival, start = max(inputs)
        start = start if ": " in start else f"{unit.name}: r"
        return {0: (arrival + 100, start)}, timing.Found(arrival + 130, start, "q")

    monkeypatch.setattr(timing, "_time", time_unit)
    found = timing.propagate([last, middle, first], dict.fromkeys(("first", "middle", "last")), None, 50.0)
    assert [(path.worst_ps, path.startpoint) for path in found] == [(380, "first: r"), (280, "first: r"), (180, "first: r")]
    assert timed.count("first") == 1 and timed.count("middle") == 2


@pytest.mark.fast
def test_arrival_times_that_never_settle_are_an_error(monkeypatch):
    ring = [Unit("one", 1, [], "", [{("two", 0)}]), Unit("two", 1, [], "", [{("one", 0)}])]
    monkeypatch.setattr(timing, "_time", lambda unit, folder, library, inputs: ({0: (inputs[0][0] + 1, "r")}, timing.Found(0, "r", "q")))
    with pytest.raises(timing.BuildError, match="arrival times do not settle in: one, two"):
        timing.propagate(ring, dict.fromkeys(("one", "two")), None, 50.0)


def run_a_minute(*_):
    """A tool; it has not long begun when somebody types Ctrl-C."""
    signal.pthread_kill(main_thread().ident, signal.SIGINT)
    timing.CHILDREN.run(["sleep", "60"])


@pytest.fixture
def served():
    """Ctrl-C is served; a shell has it ignored in what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.fast
def test_an_interruption_ends_the_tools_and_says_where_it_was(monkeypatch, served):
    """Of two units one is synthesised; then the arrival times of one are asked for."""
    units = [Unit(name, 1, [], name, []) for name in ("router", "sram")]
    told = Event()
    monkeypatch.setattr(timing, "print", lambda *_, **__: told.set(), raising=False)
    monkeypatch.setattr(timing, "_workers", lambda: 2)

    def synthesise(text, library):
        if text == "sram":
            told.wait(30)
            run_a_minute()

    monkeypatch.setattr(timing, "synthesise", synthesise)
    monkeypatch.setattr(timing, "_time", run_a_minute)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt, match="with 1 of 2 units synthesised, which the next run finds"):
        timing.time_units(units, None, 50.0)
    with pytest.raises(KeyboardInterrupt, match="in round 1 of the arrival times"):
        timing.propagate(units[:1], {"router": None}, None, 50.0)
    assert time.monotonic() - began < 30


@pytest.mark.fast
@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"area": "12.34", "num_cells_by_type": {"DFFHQNx1_ASAP7_75t_R": 3, "INVx1_ASAP7_75t_R": 5}}, (12.3, 3)),
        ({"num_wires": 7, "num_cells_by_type": {}}, (0.0, 0)),
    ],
)
def test_a_unit_that_is_nothing_but_wires_has_no_area(said, size, tmp_path):
    """Yosys says no area of a module without cells."""
    (tmp_path / "area.json").write_text(json.dumps({"modules": {"\\unit": said}}))
    assert timing._size(tmp_path) == size
