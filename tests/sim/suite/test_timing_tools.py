"""What is made of the netlists of synthesis and of the reports of OpenSTA."""

import pytest

from sim.suite import timing_tools

pytestmark = pytest.mark.fast

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
  INVx1_ASAP7_75t_R _10_ (
    .A(valid),
    .Y(_4_)
  );
  assign { b_1_, \c.d_0_ , b_0_ } = { a_0_, 2'h2 };
endmodule
"""


def test_registers_carry_the_names_of_the_source():
    assert timing_tools.registers(NETLIST) == {"_8_": "lane.sum_4_", "_9_": "valid"}


def test_plain_netlist_assigns_one_bit_at_a_time():
    lines = timing_tools.plain(NETLIST).splitlines()
    assert "  input a_0_;" in lines
    assigned = [line.split() for line in lines if "assign" in line]
    assert assigned == [
        ["assign", "b_1_", "=", "a_0_", ";"],
        ["assign", "\\c.d_0_", "=", "1'b1", ";"],
        ["assign", "b_0_", "=", "1'b0", ";"],
    ]


def test_plain_netlist_takes_decimal_and_binary_constants():
    assert timing_tools.plain("  assign { a, b } = 2'bx1;\n").split() == "assign a = 1'b0 ; assign b = 1'b1 ;".split()
    assert timing_tools.plain("  assign { a, b, c } = 3'd4;\n").split() == "assign a = 1'b1 ; assign b = 1'b0 ; assign c = 1'b0 ;".split()


SUMMARY = """Startpoint                           Endpoint                               Slack
--------------------------------------------------------------------------------
_8_ (DFFHQNx1_ASAP7_75t_R)           out_3_ (output)                        375.25
in_2_ (input)                        out_0_ (output)                        -20.50
"""


def test_a_summary_becomes_arrivals():
    assert timing_tools._paths(SUMMARY) == [("_8_", "out_3_", 124.75), ("in_2_", "out_0_", 520.5)]
