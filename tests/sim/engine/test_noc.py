"""Routers in C++ lockstep against the rules in Python, link by link and cycle by cycle; and against themselves."""

import numpy as np
import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import PortId
from golden.noc.mesh import Mesh
from golden.noc.routes import compile_routes
from golden.noc.traffic import destinations
from sim.engine.binding import LINK_PARTS
from sim.engine.noc import Network, Rule, SourceRule
from sim.jobs.noc import design, source_routes, wrong

SQUARE = MeshConfig(2, 2)
HOLES = MeshConfig(4, 3, frozenset({(2, 2), (4, 1)}), frozenset({frozenset({(1, 1), (1, 2)})}))


def compare(mesh, routes, trace):
    """Every control word, credit and due body of every router; returns packets seen on links."""
    at = {name: i for i, name in enumerate(LINK_PARTS)}
    reference, packets = Mesh(mesh, routes.tables), 0
    for cycle, row in enumerate(trace.astype(int)):
        row = dict(zip(mesh.live, row, strict=True))
        for place, shown in reference.shown.items():
            links = row[place]
            where = f"cycle {cycle}, router {place}"
            assert list(links[:, at["control_out"]]) == list(shown.controls), where
            assert list(links[:, at["credit_out"]]) == list(shown.credits), where
            for port, body in zip(PortId, shown.bodies, strict=True):
                assert body is None or links[port, at["body_out"]] == body, f"{where}, {port.name}"
            packets += sum(map(bool, shown.controls))
        nodes = {}
        for place in mesh.live:
            node = row[place][PortId.NODE]
            nodes[place] = int(node[at["control_in"]]), int(node[at["body_in"]]), int(node[at["credit_in"]])
        reference.step(nodes)
    return packets


@pytest.mark.rtl
@pytest.mark.parametrize("mesh, rate", [(SQUARE, 0.2), (SQUARE, 0.9), (HOLES, 0.15), (HOLES, 0.8)], ids=str)
def test_every_link_on_every_cycle_is_as_the_rules_say(mesh, rate, seed):
    routes = compile_routes(mesh)
    with Network(design(), mesh, source_routes(routes), seed=seed) as network:
        network.traffic(destinations(mesh, "uniform"), rate, 2)
        network.options(recording=True)
        network.run(1500)
        assert compare(mesh, routes, network.take_links()) > 500 * len(mesh.live) * min(rate, 0.3)


def run(mesh, cycles, *, threads=1, resting=False, seed=3, rate=0.02):
    with Network(design(), mesh, source_routes(compile_routes(mesh)), seed=seed, threads=threads) as network:
        network.traffic(destinations(mesh, "uniform"), rate, 2)
        network.options(recording=True, resting=resting)
        network.measure(True)
        network.run(cycles)
        return network.take_links(), network.statistics()


@pytest.mark.rtl
@pytest.mark.parametrize("how", [{"threads": 2}, {"threads": 3}, {"resting": True}, {"threads": 2, "resting": True}], ids=str)
def test_threads_and_rest_change_nothing(how):
    mesh = MeshConfig(4, 4)
    plain, (counts, latencies) = run(mesh, 2000)
    other, (counts_too, latencies_too) = run(mesh, 2000, **how)
    assert np.array_equal(plain, other)
    assert counts == counts_too and np.array_equal(latencies, latencies_too) and counts["received"] > 400


@pytest.mark.rtl
def test_another_seed_is_another_run():
    mesh = MeshConfig(2, 2)
    assert not np.array_equal(run(mesh, 300, rate=0.5)[0], run(mesh, 300, rate=0.5, seed=4)[0])


@pytest.mark.rtl
@pytest.mark.parametrize("rule", Rule)
def test_every_packet_comes_once_whole_in_order_and_to_its_node(rule, seed):
    mesh = MeshConfig(4, 4)
    with Network(design(), mesh, source_routes(compile_routes(mesh)), seed=seed) as network:
        to = destinations(mesh, "uniform")
        network.traffic(to, 1.0, 2, SourceRule(rule))
        network.run(1000)
        network.traffic(to, 0.0, 2)
        network.run(20_000)
        counts, _ = network.statistics()
        assert counts["created"] == counts["received"] == 16_000
        assert not any(counts[name] for name in ("doubled", "disordered", "corrupted", "misrouted", "waiting"))
        assert not any(any(network.parity_errors(place)) for place in mesh.live)


@pytest.mark.rtl
@pytest.mark.parametrize("rate, share", [(0.02, 1), (0.3, 0.5), (1.0, 0.1)])
def test_every_copy_of_a_multicast_comes_once_whole_and_in_order(rate, share, seed):
    """Among single packets of the same channel, in a mesh that is not full and in one that is."""
    mesh = MeshConfig(4, 3)
    with Network(design(), mesh, source_routes(compile_routes(mesh)), seed=seed) as network:
        to = destinations(mesh, "uniform")
        network.traffic(to, rate, 2, multicast=share)
        network.run(1000)
        network.traffic(to, 0.0, 2)
        network.run(30_000)
        counts, _ = network.statistics()
        packets = 12_000 * rate
        assert abs(counts["multicasts"] - packets * share) < 0.2 * packets * share
        assert counts["created"] == counts["received"] > counts["multicasts"] * 2
        assert not any(counts[name] for name in ("doubled", "disordered", "corrupted", "misrouted", "waiting"))


@pytest.mark.rtl
def test_a_packet_alone_takes_hops_and_two_cycles():
    mesh = MeshConfig(5, 4)
    with Network(design(), mesh, source_routes(compile_routes(mesh)), seed=1) as network:
        network.traffic(destinations(mesh, "uniform"), 0.0002, 2)
        network.options(resting=True)
        network.measure(True)
        network.run(200_000)
        counts, _ = network.statistics()
        assert counts["latency_count"] > 500
        # A few meet another on their way.
        assert counts["over_minimum"] < 0.01 * counts["received"]


def test_what_counts_as_wrong():
    row = {"lost": 1, "doubled": 2, "disordered": 4, "corrupted": 8, "misrouted": 16}
    assert wrong(row) == 31
