"""What is recorded of a mesh on the RTL: of every packet on every link what the links showed, and of every node what it did."""

import json
import re

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.mesh import STEP, MeshConfig
from golden.arch.packet import CHANNELS, CONTROL, Kind
from golden.asm import assemble
from golden.kernels.job import Launch
from sim.engine.binding import LINK_PARTS
from sim.events.file import EventsError, Recording
from sim.events.instructions import follow
from sim.events.packets import arrivals, hops
from sim.events.recorder import Wish, recording
from sim.jobs import machine
from sim.jobs.host import MeshEdge
from sim.main import main

pytestmark = [pytest.mark.rtl, pytest.mark.mesh]
MESH = MeshConfig(2, 2)
PROGRAM = assemble(
    """
start:  csrr x1, 1              ; y << 5 | x
        peqi p1, x1, 33
        (p1) br first
        li   x2, 1 << 11 | 5 << 5 | 1       ; notifies, semaphore 5, row 1
        slli x2, x2, 40
        li   x3, 1                          ; column 1
        slli x3, x3, 35
        or   x2, x2, x3
        slli x4, x1, 4
        add  x2, x2, x4
        st.d x1, x0, 0x80
        fence
        li   x5, 0x80
        rput x5, x2, 1
        rput x5, x2, 1
        halt
first:  wait 5, 6
        halt
""",
    features=get_config("tiny").with_network().features,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Every other node puts two words into the first: the recording, and the links in every cycle of it."""
    path = tmp_path_factory.mktemp("mesh") / "put.events"
    with machine.mesh_engine(MESH, "tiny", trace=True) as engine:
        edge = MeshEdge(engine, MESH, MESH.edges[-1])
        edge.load({place: [(PROGRAM.origin, PROGRAM.image)] for place in MESH.live})
        engine.options(recording=True)
        with recording(engine, Wish(path, title="puts", program=[PROGRAM] * 4, mesh=MESH)):
            for host in edge.hosts.values():
                host.start([Launch(0, PROGRAM.labels["start"])])
            for host in edge.hosts.values():
                host.wait(1)
            engine.run(50)
        return Recording(path), engine.take_links()


def test_hops_are_what_the_links_show(run):
    told, links = run
    first, last = told.window()
    valid = (1 << CHANNELS) - 1
    counted = 0
    for node, place in enumerate(MESH.live):
        events = list(told.events(first, last, node, frozenset({"hop", "entry"})))
        for port in STEP:
            for kind, part in (("hop", "control_out"), ("entry", "control_in")):
                outside = MESH.neighbour(place, port) not in MESH.places
                control = links[:, node, port, LINK_PARTS.index(part)]
                # The body, with which a packet is told, follows its control word by a cycle.
                shown = [(cycle + 1, int(control[cycle])) for cycle in np.flatnonzero(control & valid) if cycle + 1 < last]
                of_it = [event for event in events if (event.kind, event.number) == (kind, port)]
                packed = [(event.cycle, CONTROL.pack(event.fields["control"])) for event in of_it]
                assert packed == (shown if kind == "hop" or outside else [])
                counted += len(of_it)
    assert counted > 20


def test_every_packet_arrives_and_nothing_overtakes_the_wires(run):
    told, _ = run
    window = told.window()
    came = arrivals(hops(told, *window))
    assert all(one.latency >= one.links for one in came)
    puts = [hop for hop in hops(told, *window) if hop.event.fields["header"]["kind"] == Kind.WRITE and hop.reaches()]
    assert len(puts) == 6 and {hop.link[1] for hop in puts} == {(1, 1)}


def test_each_node_has_its_own_instructions(run):
    told, _ = run
    window = told.window()
    texts = [{life.text.split()[0] for life in follow(told, *window, node).lives} for node in range(4)]
    assert "wait" in texts[0] and "rput" not in texts[0]
    assert all("rput" in each and "wait" not in each for each in texts[1:])


def test_views_look_at_any_node(run, tmp_path, capsys):
    told, _ = run
    assert main(["pipeline", str(told.path), "--node", "2,2"]) == 0
    assert "puts, node 2,2: cycles 0 to" in (shown := capsys.readouterr().out) and "rput" in shown
    assert main(["timeline", str(told.path), "--output", str(tmp_path / "t.json")]) == 0
    entries = json.loads((tmp_path / "t.json").read_text())["traceEvents"]
    names = [entry["args"]["name"] for entry in entries if entry["name"] == "process_name"]
    assert len(set(names)) == 20 and {"1,1 threads", "2,2 links"} <= set(names)
    order = [entry["args"]["sort_index"] for entry in entries if entry["name"] == "process_sort_index"]
    assert order == sorted(order)
    assert {"WRITE", "HALTED"} <= {entry["name"] for entry in entries}
    capsys.readouterr()
    assert main(["traffic", str(told.path), "--json", str(tmp_path / "t.json"), "--heat", str(tmp_path / "h.png")]) == 0
    assert "latencies are cycles from a packet's first link to its last" in capsys.readouterr().out
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    put = next(hop for hop in hops(told, *told.window()) if hop.link[0] == (2, 2) and hop.event.fields["header"]["kind"] == Kind.WRITE)
    assert main(["inspect", str(told.path), "--node", "2,2", "--at", str(put.cycle)]) == 0
    assert re.search(r"^link to the \w+: WRITE from 2,2 to 1,1 \(requests, .*, tag 5$", capsys.readouterr().out, re.MULTILINE)


def test_a_node_that_is_not_there(run):
    told, _ = run
    with pytest.raises(EventsError, match="holds no node '3,1': there are 1,1, 2,1, 1,2, 2,2"):
        told.node("3,1")
