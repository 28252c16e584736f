"""A host at an edge of a simulated mesh: it reaches every node, and says what all of them wait for."""

import pytest

from golden.arch.mesh import MeshConfig, parse
from golden.asm import assemble
from golden.host import HostError
from golden.iss.host import MeshEdge
from golden.iss.mesh import Mesh
from golden.kernels.job import Launch
from tests.golden.iss.bench import TINY
from tests.golden.iss.mesh_bench import to

RING = """
start:  st.d x2, x0, 0x80       ; x1: the next node's address 0x88 and semaphore; x2: our number
        li   x4, 0x80
        rput x4, x1, 1
        wait 3, 1
        ld.d x5, x0, 0x88
        add  x5, x5, x2
        st.d x5, x0, 0x90
        halt
hang:   wait 9, 2
        halt
"""


@pytest.mark.parametrize("edge", [(0, 2), (2, 0), (4, 1), (1, 3)], ids=str)
@pytest.mark.parametrize("dead", [frozenset(), frozenset({(2, 2)})], ids=["whole", "dead"])
def test_a_load_brings_every_node_what_is_its_own_and_what_all_share(edge, dead):
    """Images at addresses and of lengths that are no whole words; each node's memory is what its own writes say."""
    mesh = MeshConfig(3, 2, dead)
    machine = Mesh(mesh, TINY, seed=5)
    port = MeshEdge(machine, edge)
    common = [(0x100, bytes(range(200))), (0x1003, b"abcdefghijklmnopq"), (0x2005, b"xy"), (0x3000, b"")]
    writes = {place: [*common, (0x4000 + 3 * i, bytes([i]) * 5)] for i, place in enumerate(mesh.live)}
    sent = machine.network.sent = []
    send = machine.network.send
    machine.network.send = lambda packet, chosen=False: (sent.append(packet), send(packet, chosen))
    port.load(writes)
    for place, images in writes.items():
        image = bytearray(0x5000)
        for address, part in images:
            image[address : address + len(part)] = part
        assert machine.nodes[place].read(0, len(image)) == bytes(image)
    assert any(packet.multicast for packet in sent) != bool(dead)


@pytest.mark.parametrize("edge", [(0, 1), (0, 2), (2, 0), (4, 2), (3, 3)], ids=str)
@pytest.mark.parametrize("dead", [frozenset(), frozenset({(2, 2)})], ids=["whole", "dead"])
def test_it_loads_starts_and_reads_every_node(edge, dead):
    mesh = MeshConfig(3, 2, dead)
    port = MeshEdge(Mesh(mesh, TINY, seed=7, strict=True), edge)
    program = assemble(RING)
    for i, (place, host) in enumerate(port.hosts.items()):
        assert (host.do(host.session.identity())["x"], host.do(host.session.identity())["y"]) == place
        host.write([(program.origin, program.image)])
        after = mesh.live[(i + 1) % len(mesh.live)]
        host.start([Launch(0, program.labels["start"], (to(after, 0x88, 3), 10 * i))])
    for i, host in enumerate(port.hosts.values()):
        host.wait(1)
        before = (i - 1) % len(mesh.live)
        assert int.from_bytes(host.read(0x90, 8), "little") == 10 * before + 10 * i


def test_a_program_for_all_nodes_is_sent_once():
    """A write to a rectangle reaches each of its nodes, behind what was sent to one of them on the same channel."""
    mesh = parse("3x2")
    port = MeshEdge(Mesh(mesh, TINY, seed=2))
    program = assemble(RING)
    first = port.hosts[1, 1]
    whole = program.image + bytes(-len(program.image) % 8)
    first.do(first.session.write([(0x8000, bytes(8)), (program.origin, whole)], far=(3, 2)))
    first.do(first.session.flush(far=(3, 2)))
    for place in mesh.live:
        assert port.hosts[place].read(program.origin, len(program.image)) == program.image


def test_it_says_what_the_threads_of_all_nodes_wait_for():
    port = MeshEdge(Mesh(parse("2x1"), TINY))
    program = assemble(RING)
    for host in port.hosts.values():
        host.write([(program.origin, program.image)])
    port.hosts[2, 1].start([Launch(3, program.labels["hang"])])
    first = port.hosts[1, 1]
    first.start([Launch(0, program.labels["start"], (to((2, 1), 0x88, 3), 1))])
    with pytest.raises(HostError) as hang:
        first.wait(1)
    lines = str(hang.value).splitlines()
    assert lines[0] == "every thread waits or rests:" and len(lines) == 9
    assert lines[1].startswith("  node 1,1 thread 0: WAITING at pc 0x10c (wait 3, 1)")
    assert lines[8].startswith("  node 2,1 thread 3: WAITING at pc 0x120 (wait 9, 2)")


def test_what_a_node_asks_of_the_port_is_refused():
    """There is no memory behind it: the thread stops, and its host says so."""
    port = MeshEdge(Mesh(parse("2x1"), TINY, seed=4), (2, 2))
    program = assemble("rput x1, x2, 1, ack\nfence\nhalt")
    host = port.hosts[1, 1]
    host.write([(program.origin, program.image)])
    host.start([Launch(0, program.origin, (0x1000, to((2, 2), 0x40)))])
    with pytest.raises(HostError, match=rf"FAULTED at pc 0x104 \(fence\), NETWORK with operand {to((2, 2), 0x40):#x}"):
        host.wait(1)


def test_a_host_sits_where_an_edge_port_is():
    with pytest.raises(ValueError, match="there is no edge port 0,3 on a mesh of 2x2"):
        MeshEdge(Mesh(parse("2x2"), TINY), (0, 3))
