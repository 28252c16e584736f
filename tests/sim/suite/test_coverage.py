"""Joining what benches left: points by hand, shares by hand."""

from golden.arch.config import CONFIGS
from golden.coverage import GROUPS, universe
from sim.suite import coverage

FEATURES = CONFIGS["tiny"].features


def dat(*points: tuple[str, str, int]) -> str:
    """Verilator's file of (page, name, count)."""
    lines = [f"C '\x01f\x02design.v\x01l\x027\x01page\x02{page}/Top\x01o\x02{name}\x01h\x02Top' {count}" for page, name, count in points]
    return "\n".join(["# SystemC::Coverage-3", *lines, ""])


def test_a_point_counts_when_any_run_reached_it(tmp_path):
    a, b = ("v_toggle", "a:0->1"), ("v_toggle", "b:0->1")
    (tmp_path / "Top-12ab.1.dat").write_text(dat(("v_line", "block", 5), ("v_branch", "if", 0), (*a, 1), (*b, 0)))
    (tmp_path / "Top-12ab.2.dat").write_text(dat(("v_line", "block", 0), ("v_branch", "if", 0), (*a, 0), (*b, 9)))
    (tmp_path / "Other-00.1.dat").write_text(dat((*a, 0), (*b, 0)))
    found = coverage.report(tmp_path, FEATURES)
    assert (found["line"], found["toggle"]) == (50.0, 50.0)
    assert found["designs"] == [
        {"name": "Other-00", "line": None, "toggle": 0.0},
        {"name": "Top-12ab", "line": 50.0, "toggle": 100.0},
    ]


def test_functional_points_of_all_processes_are_joined(tmp_path):
    (tmp_path / "points-1.txt").write_text("add\nsub\nadd\n")
    (tmp_path / "points-2.txt").write_text("sub\nfault TRAP\n")
    found = coverage.report(tmp_path, FEATURES)
    assert found["functional"] == round(300 / len(universe(FEATURES)), 2)
    assert [(row["name"], row["of"] > 10) for row in found["groups"]] == [(name, True) for name in GROUPS]
    assert {"name": "faults", "percent": 9.09, "of": 11} in found["groups"]
    assert "add" not in found["missing"] and "mul" in found["missing"]


def test_nothing_counted_is_no_figure(tmp_path):
    found = coverage.report(tmp_path, FEATURES)
    assert (found["functional"], found["line"], found["toggle"]) == (None, None, None)
