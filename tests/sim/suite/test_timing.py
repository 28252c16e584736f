"""The timing job: how arrival times run through units, what is reported, and what it says when something is missing.

No figure is asserted here: synthesis and timing of whole units is `make timing`.
"""

import json

import pytest
from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.suite import timing
from sim.suite.timing_units import Cut, Unit, cut

FRONT = Unit("front", 1, ["node/front", "node/front/fetch"], "", [set()])
BACK = Unit("back", 2, ["node/back"], "", [{("front", 0)}, {("front", 1), ("back", 0)}])
STORAGE = {"part": "node/sram/bank*", "count": 64, "depth": 256, "width": 72, "reads": 1, "writes": 1}


def pieces() -> Cut:
    return Cut([FRONT, BACK], [STORAGE], ["path out of node by tx"])


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library file that no tool reads, and a report in the test's own folder."""
    monkeypatch.setattr(timing, "REPORT", tmp_path / "report.json")
    file = tmp_path / "some.lib"
    file.write_text("library (some) { }\n")
    return file


def report() -> dict:
    return json.loads(timing.REPORT.read_text())


@pytest.mark.fast
def test_missing_library_and_unknown_unit_are_sentences(library, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "NEARBY", tmp_path)
    with pytest.raises(timing.TimingError, match="give the path of an ASAP7 liberty file"):
        timing.run(pieces=pieces)
    with pytest.raises(timing.TimingError, match="is no file"):
        timing.run(tmp_path / "missing.lib", pieces=pieces)
    with pytest.raises(timing.TimingError, match="no unit 'matrix' among: front, back"):
        timing.run(library, ["matrix"], pieces)


@pytest.mark.fast
def test_without_opensta_nothing_is_timed_and_the_report_says_so(library, monkeypatch, capsys):
    monkeypatch.setattr(timing.shutil, "which", lambda program: None)
    timing.run(library, ["back"], pieces)
    assert (report()["units"], report()["not_run"]) == ([], ["back"])
    assert report()["uncovered"] == [*FRONT.parts, *BACK.parts, "path out of node by tx"]
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
@pytest.mark.parametrize("names, uncovered", ((None, []), (["back"], FRONT.parts)))
def test_what_is_not_timed_is_named(library, tools, names, uncovered):
    timing.run(library, names, pieces)
    assert report()["uncovered"] == [*uncovered, "path out of node by tx"]
    assert report()["storage"] == [STORAGE | {"access_ps": 50.0}]


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
    timing.run(library, pieces=lambda: cut({"node": Planted}))
    assert [row["unit"] for row in report()["units"]] == ["planted"]
    hidden = ["path out of node by o", "path out of node by p", "node: foreign_adder, which is no logic of this design"]
    assert report()["uncovered"] == hidden
    assert f"not covered: {', '.join(hidden)}" in capsys.readouterr().out


@pytest.mark.fast
def test_a_path_through_several_units_is_timed_where_it_ends(monkeypatch):
    """Three units in a row, each with 100 ps of logic from input to output; the last one also hears the first directly."""
    first = Unit("first", 1, [], "", [set()])
    middle = Unit("middle", 1, [], "", [{("first", 0)}])
    last = Unit("last", 2, [], "", [{("middle", 0), ("first", 0)}, {("absent", 3)}])
    timed = []

    def time(unit, _folder, _library, inputs):
        timed.append(unit.name)
        arrival, start = max(inputs)
        start = start if ": " in start else f"{unit.name}: r"
        return {0: (arrival + 100, start)}, timing.Found(arrival + 130, start, "q")

    monkeypatch.setattr(timing, "_time", time)
    found = timing.propagate([last, middle, first], dict.fromkeys(("first", "middle", "last")), None, 50.0)
    assert [(path.worst_ps, path.startpoint) for path in found] == [(380, "first: r"), (280, "first: r"), (180, "first: r")]
    assert timed.count("first") == 1 and timed.count("middle") == 2


@pytest.mark.fast
def test_arrival_times_that_never_settle_are_an_error(monkeypatch):
    ring = [Unit("one", 1, [], "", [{("two", 0)}]), Unit("two", 1, [], "", [{("one", 0)}])]
    monkeypatch.setattr(timing, "_time", lambda unit, folder, library, inputs: ({0: (inputs[0][0] + 1, "r")}, timing.Found(0, "r", "q")))
    with pytest.raises(timing.BuildError, match="arrival times do not settle in: one, two"):
        timing.propagate(ring, dict.fromkeys(("one", "two")), None, 50.0)
