"""A recorded step of a mesh on the RTL: a page with everything of every node, whose cycles add up."""

import json

import pytest

pytestmark = [pytest.mark.system, pytest.mark.mesh]


def test_the_profile_of_a_mesh(say, tmp_path):
    said = say("profile --config tiny --workload digits-linear --batch 8 --mesh 2x2")
    assert said.status == 0, said.err
    report = json.loads((tmp_path / "build/profile/report.json").read_text())
    assert [row["node"] for row in report["nodes"]] == ["1,1", "2,1", "1,2", "2,2"] and len(report["losses"]) == 3
    for row in report["nodes"]:
        assert row["cycles"] + row["idle"] == report["cycles"] and sum(row["causes"].values()) == row["cycles"]
    assert sum(row["cycles"] for row in report["as_it_runs"]) == sum(row["cycles"] for row in report["nodes"])
    assert report["network"]["packets"] > 100 and report["network"]["links"][0]["packets"] > 10
    page = (tmp_path / "build/profile/profile.html").read_text()
    assert page.count("<img ") == 4 and page.count("<details>") == 4 and "hot spots of node 2,1" in page
    for sentence in (*report["losses"], "load over 4 nodes: each takes", "packets arrived and stood for"):
        assert sentence in said.out and sentence.replace("'", "&#x27;") in page
