"""Names of scopes: those of signals, and those near one that is not there."""

from sim.events.scopes import nearest, scopes_of

NAMES = ["TOP.clk", "TOP.node.clk", "TOP.node.core.vector.issue.cause", "TOP.node.core.matrix.a"]


def test_scopes_of_signals():
    inside = {"TOP.node.core", "TOP.node.core.vector", "TOP.node.core.vector.issue", "TOP.node.core.matrix"}
    assert scopes_of(NAMES) == {"TOP", "TOP.node", *inside}


def test_near_ones_come_first_else_the_widest():
    there = {"core", "core.vector", "core.vector.issue", "core.matrix", "sram"}
    assert nearest("core.vektor", there)[0] == "core.vector"
    assert nearest("zzz", there) == ["core", "sram", "core.matrix"]
