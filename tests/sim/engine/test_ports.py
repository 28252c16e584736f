"""What the C++ is told of a design, from a manifest as sim.compile.elaborate writes it."""

import json

import pytest

from sim.compile.elaborate import Design
from sim.engine import ports


def port(path, direction, width):
    return {"name": "__".join(map(str, path)), "path": path, "direction": direction, "width": width}


def link(side, number, direction):
    other = {"input": "output", "output": "input"}[direction]
    parts = (("control", 29, direction), ("body", 597, direction), ("credit", 4, other))
    return [port([side, number, part], which, width) for part, width, which in parts]


@pytest.fixture
def design(tmp_path):
    """Two links, listed backwards; a strap, a counter, activity, a trace port."""
    links = [*link("i", 1, "input"), *link("i", 0, "input"), *link("o", 1, "output"), *link("o", 0, "output")]
    others = [
        {"name": "clk", "path": ["clk"], "direction": "input", "width": 1},
        {"name": "rst", "path": ["rst"], "direction": "input", "width": 1},
        port(["x"], "input", 5),
        port(["errors"], "output", 80),
        port(["activity", "busy"], "output", 1),
        port(["trace", "lane", 3], "output", 70),
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"ports": [*others, *links]}))
    return Design(tmp_path, "tile", "")


def test_links_are_paired_in_their_order(design):
    assert ports.links(design) == [("i__0", "o__0"), ("i__1", "o__1")]


def test_what_belongs_to_no_link_is_told_apart(design):
    assert list(ports.inputs(design)) == ["x"]
    assert list(ports.outputs(design)) == ["errors", "activity__busy"]
    assert [each["name"] for each in ports.trace_ports(design)] == ["trace__lane__3"]


def test_the_header_names_members_as_verilator_does(design):
    lines = ports.header(design).splitlines()
    assert "#define PORTS 2" in lines and "#define ACTIVITY(top) top.activity___05Fbusy" in lines
    assert "#define FOR_EACH_INPUT(X) X(0, x)" in lines
    assert "#define FOR_EACH_OUTPUT(X) X(0, errors, 3) X(1, activity___05Fbusy, 1)" in lines
    assert "#define FOR_EACH_TRACE(X) X(0, trace___05Flane___05F3, 3)" in lines
    [links] = [line for line in lines if "FOR_EACH_LINK" in line]
    assert "X(1, i___05F1___05Fcontrol, i___05F1___05Fbody, i___05F1___05Fcredit, o___05F1___05Fcontrol, " in links


def test_a_design_without_activity_is_known_by_its_links(design):
    manifest = design.manifest
    manifest["ports"] = [each for each in manifest["ports"] if each["path"][0] != "activity"]
    design.manifest_file.write_text(json.dumps(manifest))
    assert "#define ACTIVITY(top) ((void)top, 0)" in ports.header(design)
