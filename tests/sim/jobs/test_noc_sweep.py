"""The search for the last load that holds, and both verbs on a small mesh of real routers."""

import json

import pytest

from golden.arch.mesh import MeshConfig
from golden.noc.routes import compile_routes
from sim.jobs import noc, noc_sweep
from sim.jobs.noc import Load, TrafficError, measure, source_routes, zero_load_latency
from sim.jobs.noc_sweep import Sweep, last_that_holds

FIELDS = {
    "offered", "accepted", "classes", "mean_latency", "p99_latency", "zero_load_latency", "delivered", "lost", "buffer_bits", "seed",
}  # fmt: skip


@pytest.mark.parametrize("near", [None, 1, 7, 50, 100])
@pytest.mark.parametrize("last", [0, 1, 6, 7, 8, 63, 99, 100])
def test_the_search_finds_the_last_that_holds(last, near):
    asked = []

    def probe(count):
        assert 1 <= count <= 100 and count not in asked
        asked.append(count)
        return count <= last

    assert last_that_holds(probe, 100, near) == last
    assert len(asked) <= 14


def test_a_good_guess_is_cheap():
    asked = []
    assert last_that_holds(lambda count: asked.append(count) or count <= 164, 400, 163) == 164
    assert asked == [163, 164, 166, 165]


def test_a_sweep_measures_each_load_once(monkeypatch):
    def made_up(routes, known, load, *_, hopeless):
        assert not hopeless
        return {"rate": load.rate, "mean_latency": 10.0 if load.rate < 0.33 else 99.0, "accepted_share": 1.0}

    monkeypatch.setattr(noc_sweep, "measure", made_up)
    said = []
    found = Sweep(compile_routes(MeshConfig(2, 2)), Load("uniform", 0.1), 0.0025, say=said.append).run(0.3, 4)
    rates = [row["rate"] for row in found["rows"]]
    assert found["saturation"] == 0.3275 and rates == sorted(set(rates)) and len(said) == len(rates)
    assert sum(rate < 0.3 for rate in rates) == 4


def test_zero_load_latency_by_hand():
    # On 2x2 a node is one link from two others and two links from the third, and each way takes two more cycles.
    routes = compile_routes(MeshConfig(2, 2))
    assert zero_load_latency(routes.mesh, source_routes(routes), "uniform") == pytest.approx((3 + 3 + 4) / 3)
    assert zero_load_latency(routes.mesh, source_routes(routes), "transpose") == 4


@pytest.mark.rtl
def test_a_load_on_the_command_line(say, tmp_path):
    said = say("noc --mesh 2x2 --pattern uniform --rate 0.2 --cycles 2000 --warm 200 --threads 1 --json load.json")
    assert (said.status, said.err) == (0, ""), said.err
    row = json.loads((tmp_path / "load.json").read_text())
    assert row.keys() >= FIELDS and row["classes"] == 2 and not noc.wrong(row)
    assert abs(row["offered"] - 0.2) < 0.03 and abs(row["accepted"] - 0.2) < 0.03
    assert row["zero_load_latency"] <= row["mean_latency"] < 6 and row["p99_latency"] < 15
    # Five ports, four channels, four places of 597 bits of body, two places in the mesh, ports here and at the next router.
    assert row["buffer_bits"] == 5 * 4 * 4 * (597 + 20 + 5 + 16)


@pytest.mark.rtl
def test_a_sweep_on_the_command_line(say, tmp_path):
    quick = "--classes 1 --cycles 1500 --warm 200 --threads 1 --rate 0.98 --points 2"
    said = say(f"noc --mesh 2x2 --pattern neighbour --sweep {quick} --json s.json")
    assert (said.status, said.err) == (0, ""), said.err
    told = json.loads((tmp_path / "s.json").read_text())
    # Two links for two packets: nothing meets anything.
    assert told["saturation"] >= 0.95 and told["classes"] == 1 and len(told["rows"]) >= 3
    assert (tmp_path / "build" / "noc" / "loads.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "build" / "noc" / "report.json").read_text()) == told


@pytest.mark.rtl
def test_a_hopeless_load_ends_early():
    mesh = MeshConfig(3, 3)
    routes = compile_routes(mesh)
    known, load = source_routes(routes), Load("hotspot", 0.5, warm=500, measured=20_000)
    row = measure(routes, known, load, hopeless=False)
    assert row["cycles"] < 15_000 and not noc.holds(row) and not noc.wrong(row)


def test_an_interrupted_load_leaves_no_file(say, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(noc, "measure", interrupted)
    said = say("noc --mesh 2x2 --json load.json")
    assert (said.status, said.err) == (130, "interrupted\n") and not (tmp_path / "load.json").exists()


@pytest.mark.parametrize(
    ("change", "sentence"), [({"rate": 0}, "a rate of 0"), ({"classes": 0}, "0 classes"), ({"measured": 0}, r"\+ 0 cycles")]
)
def test_a_load_that_is_none(change, sentence):
    with pytest.raises(TrafficError, match=sentence):
        Load(**{"pattern": "uniform", "rate": 0.1} | change)
