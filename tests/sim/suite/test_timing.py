"""The timing job: what it makes of netlists and reports, and what it says when something is missing.

No figure is asserted here: synthesis and timing of whole units is `make timing`.
"""

import json

import pytest

from sim.suite import timing
from sim.suite.timing_units import PARTS, UNITS

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


@pytest.mark.fast
def test_units_cover_only_parts_that_exist():
    assert {part for unit in UNITS.values() for part in unit.covers} <= set(PARTS)


@pytest.mark.fast
def test_missing_library_and_unknown_unit_are_sentences(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "NEARBY", tmp_path)
    with pytest.raises(timing.TimingError, match="give the path of an ASAP7 liberty file"):
        timing.run()
    with pytest.raises(timing.TimingError, match="is no file"):
        timing.run(tmp_path / "missing.lib")
    with pytest.raises(timing.TimingError, match="no unit 'matrix' among: operand decode"):
        timing.run(units=["matrix"])


@pytest.mark.fast
def test_without_opensta_nothing_is_timed_and_the_report_says_so(tmp_path, monkeypatch, capsys):
    library = tmp_path / "some.lib"
    library.write_text("library (some) { }\n")
    monkeypatch.setattr(timing, "REPORT", tmp_path / "report.json")
    monkeypatch.setattr(timing.shutil, "which", lambda program: None)
    timing.run(library, ["lane control"])
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["units"], report["not_run"]) == ([], ["lane control"])
    assert report["uncovered"] == list(PARTS)
    assert "Debian package opensta" in capsys.readouterr().err
