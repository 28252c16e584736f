"""The timing job: what it makes of netlists and reports, and what it says when something is missing.

No figure is asserted here: synthesis and timing of whole units is `make timing`.
"""

import json

import pytest

from sim.suite import timing
from sim.suite.timing_units import Unit

NETLIST = r"""module unit(clk, a_0_);
  input signed a_0_;
  INVx1_ASAP7_75t_R _7_ (
    .A(_3_),
    .Y(\lane.sum_4_ )
  );
  DFFHQNx1_ASAP7_75t_R _8_ (
    .CLK(clk),
    .D(a_0_),
    .QN(_3_)
  );
  DFFHQx4_ASAP7_75t_R _9_ (
    .CLK(clk),
    .D(a_0_),
    .Q(valid)
  );
  assign { b_1_, \c.d_0_ , b_0_ } = { a_0_, 2'h2 };
endmodule
"""


@pytest.mark.fast
def test_registers_carry_the_names_of_the_source():
    assert timing._registers(NETLIST) == {"_8_": "lane.sum_4_", "_9_": "valid"}


@pytest.mark.fast
def test_plain_netlist_assigns_one_bit_at_a_time():
    lines = timing.plain(NETLIST).splitlines()
    assert "  input a_0_;" in lines
    assigned = [line.split() for line in lines if "assign" in line]
    assert assigned == [
        ["assign", "b_1_", "=", "a_0_", ";"],
        ["assign", "\\c.d_0_", "=", "1'b1", ";"],
        ["assign", "b_0_", "=", "1'b0", ";"],
    ]


@pytest.mark.fast
def test_plain_netlist_takes_decimal_and_binary_constants():
    assert timing.plain("  assign { a, b } = 2'bx1;\n").split() == "assign a = 1'b0 ; assign b = 1'b1 ;".split()
    assert timing.plain("  assign { a, b, c } = 3'd4;\n").split() == "assign a = 1'b1 ; assign b = 1'b0 ; assign c = 1'b0 ;".split()


FRONT = Unit("front", 1, ["node/front", "node/front/fetch"], "", [set()])
BACK = Unit("back", 2, ["node/back"], "", [{("front", 0)}, {("front", 1), ("back", 0)}])
STORAGE = "storage node/sram/bank* 256 x 72 (64)"


def cut() -> tuple[list[Unit], list[str]]:
    return [FRONT, BACK], [STORAGE]


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
        timing.run(cut=cut)
    with pytest.raises(timing.TimingError, match="is no file"):
        timing.run(tmp_path / "missing.lib", cut=cut)
    with pytest.raises(timing.TimingError, match="no unit 'matrix' among: front, back"):
        timing.run(library, ["matrix"], cut)


@pytest.mark.fast
def test_without_opensta_nothing_is_timed_and_the_report_says_so(library, monkeypatch, capsys):
    monkeypatch.setattr(timing.shutil, "which", lambda program: None)
    timing.run(library, ["back"], cut)
    assert (report()["units"], report()["not_run"]) == ([], ["back"])
    assert report()["uncovered"] == [*FRONT.parts, *BACK.parts, STORAGE]
    assert "Debian package opensta" in capsys.readouterr().err


@pytest.mark.fast
@pytest.mark.parametrize("names, uncovered", ((None, [STORAGE]), (["back"], [*FRONT.parts, STORAGE])))
def test_what_is_not_timed_is_named(library, monkeypatch, names, uncovered):
    def rows(units, _library, _clk_to_q):
        return [dict.fromkeys(("worst_ps", "area_um2", "startpoint", "endpoint"), 0) | {"unit": u.name, "count": u.count} for u in units]

    monkeypatch.setattr(timing.shutil, "which", lambda program: program)
    monkeypatch.setattr(timing, "clk_to_q", lambda library: 50.0)
    monkeypatch.setattr(timing, "time_units", rows)
    timing.run(library, names, cut)
    assert report()["uncovered"] == uncovered


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
