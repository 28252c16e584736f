"""Packets of a recording made by hand: who arrived when, over how many links, and what links carried."""

import numpy as np
import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import BODY, CONTROL, HEADER, Kind, Packet, PortId
from golden.arch.trace import HOP
from sim.engine.ports import described
from sim.events.file import About, EventsError, Recording, Writer
from sim.events.packets import arrivals, carried, hops, kind_of, mesh_of, percentile, said_of
from sim.jobs.traffic import figures, of_recording

PORTS = [described(kind, HOP, number) for kind in ("hop", "entry") for number in range(4)]
N, E, S, W = PortId.NORTH, PortId.EAST, PortId.SOUTH, PortId.WEST
ROW = ["1,1", "2,1", "3,1"]


def recorded(path, told, places=ROW, mesh=(3, 1), last=100):
    """Of each node (cycle, kind, port, packet)."""
    about = About("a test", "tiny", PORTS, window=(0, last), places=places, mesh=mesh)
    writer = Writer(path, about)
    for node, name in enumerate(places):
        words = []
        for cycle, kind, port, packet in told.get(name, []):
            control, body = packet.encode()
            value = HOP.pack({"control": CONTROL.unpack(control), "header": HEADER.unpack(BODY.unpack(body)["header"])})
            words += [4 * (kind == "entry") + port, cycle, 0, *(value >> 32 * i & 0xFFFFFFFF for i in range(4))]
        writer.add(node, 0, last, np.array(words, np.uint32))
    writer.close()
    return Recording(path)


def write(tag, out=E, **more):
    return Packet(Kind.WRITE, (3, 1), (1, 1), tag=tag, outs=frozenset({out}), **more)


def test_a_packet_is_followed_from_link_to_link(tmp_path):
    """The second of two equal ones waits four cycles on its way; they keep their order."""
    told = {
        "1,1": [(10, "hop", E, write(1)), (11, "hop", E, write(1))],
        "2,1": [(11, "hop", E, write(1, PortId.NODE)), (16, "hop", E, write(1))],
    }
    came = arrivals(hops(recorded(tmp_path / "a", told), 0, 100))
    assert [(one.first, one.last, one.links, one.latency, one.class_) for one in came] == [
        (10, 11, 2, 2, "requests"),
        (11, 16, 2, 6, "requests"),
    ]


def test_what_comes_from_outside_and_goes_there(tmp_path):
    """A host in the west of 1,1 reads from it and gets an answer."""
    asked, answer = Packet(Kind.READ, (1, 1), (0, 1), tag=7), Packet(Kind.READ_DATA, (0, 1), (1, 1), channel=2, tag=7, outs=frozenset({W}))
    recording = recorded(tmp_path / "a", {"1,1": [(5, "entry", W, asked), (9, "hop", W, answer)]})
    found = hops(recording, 0, 100)
    assert [hop.link for hop in found] == [((0, 1), (1, 1)), ((1, 1), (0, 1))]
    assert [(one.latency, one.class_) for one in arrivals(found)] == [(1, "requests"), (1, "responses")]
    assert {name: dict(each) for name, each in carried(found).items()} == {
        "requests": {((0, 1), (1, 1)): 1},
        "responses": {((1, 1), (0, 1)): 1},
    }
    assert [kind_of(hop.event) for hop in found] == ["READ", "READ_DATA"]
    assert said_of(found[0].event)["from"] == "0,1" and said_of(found[1].event)["channel"] == "responses, XY"


def test_copies_of_a_multicast_arrive_one_by_one(tmp_path):
    cast = Packet(Kind.WRITE, (2, 1), (1, 1), far=(3, 1), outs=frozenset({E}))
    told = {"1,1": [(10, "hop", E, cast)], "2,1": [(12, "hop", E, cast)]}
    assert [(one.last, one.links) for one in arrivals(hops(recorded(tmp_path / "a", told), 0, 100))] == [(10, 1), (12, 2)]


def test_boot_packets_change_on_their_way_and_do_not_count(tmp_path):
    boot = Packet(Kind.BOOT, (2, 1), (0, 1), outs=frozenset({E}))
    found = hops(recorded(tmp_path / "a", {"1,1": [(10, "hop", E, boot)]}), 0, 100)
    assert len(found) == 1 and not arrivals(found)


def test_a_window_and_figures(tmp_path):
    told = {
        "1,1": [(cycle, "hop", E, write(cycle)) for cycle in range(0, 80, 2)],
        "2,1": [(cycle, "hop", E, write(cycle - 1)) for cycle in range(1, 81, 2)],
    }
    report = figures(of_recording(recorded(tmp_path / "a", told), 0, 40))
    assert report["links"][0] == {"from": "1,1", "to": "2,1", "class": "requests", "packets": 20, "share": 0.5}
    assert report["latencies"] == {"requests": {"packets": 20, "p50": 2, "p99": 2}}
    assert report["sentences"][0] == "1,1 to 2,1: 20 requests, 0.500 packets a cycle"
    quiet = figures(of_recording(recorded(tmp_path / "b", told), 90, 100))
    assert quiet["sentences"] == ["no packet crossed a link"]


def test_dead_nodes_are_those_that_are_not_there(tmp_path):
    assert mesh_of(recorded(tmp_path / "a", {}, ["1,1", "2,1", "1,2"], (2, 2)).about) == MeshConfig(2, 2, frozenset({(2, 2)}))


def test_a_node_alone_has_no_links(tmp_path):
    with pytest.raises(EventsError, match="was recorded on a node alone, which has no links to others: record with --mesh"):
        hops(recorded(tmp_path / "a", {}, ["node"], (0, 0)), 0, 100)


@pytest.mark.parametrize(("share", "within"), [(0.5, 2), (0.6, 4), (0.99, 4), (0.1, 1)])
def test_percentiles(share, within):
    assert percentile(np.array([0, 1, 4, 0, 5]), share) == within
