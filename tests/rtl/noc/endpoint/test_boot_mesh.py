"""Meshes of tiles without a core, booted over the network: nothing is served before, everything behind."""

import pytest

from golden.arch.boot import echo, identity
from golden.arch.memmap import Fault
from golden.arch.mesh import MeshConfig
from golden.arch.packet import FLAG_RESPONSE, Kind, Packet
from golden.host import HostError, Refused
from golden.host_mesh import entering
from golden.iss.host import MeshEdge as SimulatedEdge
from golden.iss.mesh import Mesh
from golden.noc.boot import back, rounds, told, tree
from sim.engine.binding import Engine
from sim.engine.topology import tiles
from sim.jobs.host import MeshEdge
from sim.jobs.machine import boot_tiles
from tests.golden.iss.bench import TINY
from tests.rtl.noc.endpoint.boot_bench import bench_design

pytestmark = pytest.mark.rtl
MESH = MeshConfig(3, 3, frozenset({(2, 2)}), frozenset({frozenset({(1, 1), (2, 1)})}))
HOP, END, NEXT = 8, 12, 4
"""Cycles of a boot packet from node to node, from the host to a node and back, and between two that go the same way."""


def reset(mesh: MeshConfig) -> Engine:
    return Engine(bench_design(), tiles(mesh))


def dropped(engine: Engine, mesh: MeshConfig) -> list[int]:
    """Packets that nodes dropped because they did not know who they are."""
    return [engine.get(node, "dropped") for node in range(len(mesh.live))]


@pytest.mark.parametrize("edge", [(0, 1), (4, 2), (1, 0), (3, 4)], ids=str)
def test_every_node_says_who_it_is_to_everybody_wherever_the_mesh_was_booted_from(edge):
    """Round a dead node and a dead link: without its tables a node would not answer some of the edge ports."""
    with reset(MESH) as engine:
        boot_tiles(engine, MESH, edge)
        for other in MESH.edges:
            for node, host in MeshEdge(engine, MESH, other).hosts.items():
                said = host.do(host.session.identity())
                assert (said["x"], said["y"]) == node
        assert not any(dropped(engine, MESH))


def test_what_is_not_there_is_answered_for():
    """A tile knows from its boot which ports are closed."""
    mesh = MeshConfig(3, 1, frozenset({(3, 1)}))
    with reset(mesh) as engine:
        boot_tiles(engine, mesh, (0, 1))
        port = MeshEdge(engine, mesh, (0, 1), limit=2_000)
        port.send([Packet(Kind.READ, (3, 1), (0, 1), channel=1, length=1, tag=5)])
        [answer] = port.receive(1)
        assert (answer.kind, answer.source, answer.tag, answer.payload) == (Kind.ERROR, (3, 1), 5, Fault.RANGE)


def test_nothing_is_served_before_the_identity():
    """What comes to a node that has just been reset is dropped and counted, on the simulator too; its neighbour is booted through it."""
    mesh, packets = MeshConfig(2, 1), []
    for kind in (Kind.WRITE, Kind.READ, Kind.DEBUG, Kind.BOOT):
        packets.append(Packet(kind, (1, 1), (0, 1), channel=1, address=0x1F0000, length=1, flags=FLAG_RESPONSE, payload=7))
    paths, _ = tree(mesh, (0, 1))
    asked = [identity(told(mesh, (2, 1)), paths[2, 1]), echo((2, 1), paths[2, 1], back(paths[2, 1], mesh, (0, 1)))]
    simulated = SimulatedEdge(Mesh(mesh, TINY, booted=False), (0, 1))
    with reset(mesh) as engine:
        port = MeshEdge(engine, mesh, (0, 1), limit=2_000)
        for edge in (port, simulated):
            edge.send([entering(mesh, (0, 1), packet) for packet in packets])
            assert not edge.receive(1)
            edge.send(asked)
            assert [packet.kind for packet in edge.receive(1)] == [Kind.BOOT]
            edge.send([entering(mesh, (0, 1), packets[1])])
            assert not edge.receive(1)
        assert dropped(engine, mesh) == [5, 0] == [tile.dropped for tile in simulated.machine.tiles.values()]
        boot_tiles(engine, mesh, (0, 1))
        host = port.hosts[1, 1]
        assert host.do(host.session.identity())["x"] == 1 and dropped(engine, mesh) == [5, 0]
        with pytest.raises(Refused) as refused:
            host.do(host.session.boot((2, 2)))
        assert refused.value.cause is Fault.ILLEGAL


def test_a_boot_takes_the_cycles_that_its_packets_take():
    """2x2: four identities and two echoes, one behind the other; the last echo goes to the far end and back."""
    mesh = MeshConfig(2, 2)
    with reset(mesh) as engine:
        boot_tiles(engine, mesh, (0, 2))
        [part] = rounds(mesh, (0, 2))
        assert engine.cycle <= 2 * 2 * HOP + END + NEXT * (len(part.packets) - 1)


def test_a_node_that_is_not_heard_is_named():
    """A link is dead, and who boots the mesh does not know."""
    with reset(MeshConfig(2, 2, dead_links=frozenset({frozenset({(1, 1), (2, 1)})}))) as engine, pytest.raises(HostError) as error:
        boot_tiles(engine, MeshConfig(2, 2), (0, 2))
    assert str(error.value) == "the boot of the mesh from edge port 0,2 does not reach node 2,1"


@pytest.mark.slow
def test_a_die_with_six_dead_nodes_is_booted():
    mesh = MeshConfig(18, 20, frozenset({(3, 4), (9, 9), (10, 9), (15, 3), (6, 17), (18, 12)}))
    with reset(mesh) as engine:
        boot_tiles(engine, mesh, mesh.edges[-1])
        for node, host in MeshEdge(engine, mesh, (9, 0)).hosts.items():
            said = host.do(host.session.identity())
            assert (said["x"], said["y"]) == node
