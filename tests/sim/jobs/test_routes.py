"""Routes for a person: sentences, the JSON and the picture of a small mesh, and what random dead sets come to."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from golden.arch.mesh import MeshConfig
from golden.noc.routes import RouteError, compile_routes
from sim.jobs import routes as job

SVG = "{http://www.w3.org/2000/svg}"


def test_round_one_dead_node_in_sentences(say, tmp_path):
    said = say("routes --mesh 3x3 --dead 2,2 --show 1,2 3,2 --json tables.json --svg mesh.svg")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[:2] == ["3x3: 8 live nodes, every one reaches every other and all 12 edge ports.", "Live routers given up: none."]
    assert lines[4] in ("XY, 4 links: 1,2 1,1 2,1 3,1 3,2", "XY, 4 links: 1,2 1,3 2,3 3,3 3,2")
    told = json.loads((tmp_path / "tables.json").read_text())
    assert told["dead"] == [[2, 2]] and told["given_up"] == [] and len(told["shown"]["XY"]) == 5
    # One exception for each of the routers before and after a turn that dimension order does not take.
    assert told["largest_table"] == max(map(len, told["tables"].values())) >= 1
    root = ElementTree.parse(tmp_path / "mesh.svg").getroot()
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "×" in texts and "XY: 4 links from 1,2 to 3,2" in texts
    assert len(root.findall(f"{SVG}polyline")) == 1 and len(root.findall(f"{SVG}polyline")[0].get("points").split()) == 5


def test_routers_given_up_are_named(say, monkeypatch):
    routes = compile_routes(MeshConfig(3, 3, frozenset({(2, 2), (3, 3)})))
    given = routes.__class__(routes.mesh, routes.tables, routes.allowed, ((3, 3),))
    assert "Live routers given up: 3,3." in job.describe(given)
    with pytest.raises(ValueError, match="the node 3,3 is dead"):
        job.routes_of(given.mesh, (1, 1), (3, 3), given)


def test_both_routes_of_a_healthy_mesh():
    mesh = MeshConfig(4, 4)
    shown = job.routes_of(mesh, (1, 1), (3, 2), compile_routes(mesh))
    assert shown == {"XY": [(1, 1), (2, 1), (3, 1), (3, 2)], "YX": [(1, 1), (1, 2), (2, 2), (3, 2)]}


def test_random_sets_are_the_seeds(say):
    first, again, other = (say(f"routes --mesh 5x5 --random 0 1 3 --sets 4 --seed {seed} --json f{seed}.json") for seed in (3, 3, 4))
    assert first.status == 0 and first.out.split("seconds")[0] == again.out.split("seconds")[0] and "seed 4" in other.out


def test_shares_of_what_became_of_them(monkeypatch):
    outcomes = iter(["fits", "gives up", "refused", "fits"])
    monkeypatch.setattr(job, "sample", lambda *_: job.Sample(next(outcomes), 5, 1.0))
    [row] = job.statistics(4, 4, [2], 4, 1, 0, lambda done, total: None)
    assert (row["fits"], row["gives_up"], row["refused"], row["largest_table"]) == (0.5, 0.25, 0.25, 5)


@pytest.mark.parametrize(("given_up", "outcome"), [(None, "refused"), ((), "fits"), (((1, 1),), "gives up")])
def test_a_sample_is_what_the_compiler_says(given_up, outcome, monkeypatch):
    def compile_as_told(mesh, give_up):
        if given_up is None:
            raise RouteError("no tables")
        routes = compile_routes(mesh)
        return routes.__class__(routes.mesh, routes.tables, routes.allowed, given_up)

    monkeypatch.setattr(job, "compile_routes", compile_as_told)
    assert job.sample(4, 4, 2, np.random.default_rng(1), 4).outcome == outcome
