"""A simulated mesh is booted from an edge: before, no node serves anything; then each is who it is, with its tables."""

import pytest

from golden.arch.boot import BootOp, boot_packet, identity, table_entries
from golden.arch.mesh import MeshConfig
from golden.arch.packet import PortId
from golden.arch.route_table import DEPARTURES, ENTRIES
from golden.host import HostError
from golden.host_mesh import boot
from golden.iss.host import MeshEdge
from golden.iss.mesh import Mesh
from golden.noc.boot import entries, told
from golden.noc.routes import detours
from tests.golden.iss.bench import TINY

E, S = PortId.EAST, PortId.SOUTH
MESH = MeshConfig(4, 4, frozenset({(2, 2), (4, 2), (2, 4)}))
FIELDS = {"x0": 1, "x1": 2, "y0": 3, "y1": 4, "routes": 2, "outs": 9, "next": 16}


def reset(mesh: MeshConfig, edge) -> MeshEdge:
    return MeshEdge(Mesh(mesh, TINY, booted=False), edge)


@pytest.mark.parametrize("edge", [(0, 1), (5, 3), (3, 0), (1, 5)], ids=str)
def test_every_node_is_told_who_it_is(edge):
    port = reset(MESH, edge)
    tiles = port.machine.tiles
    assert all(tile.identity is None and not tile.table for tile in tiles.values())
    boot(MESH, edge, port.send, port.receive)
    for place, tile in tiles.items():
        assert tile.identity == told(MESH, place) and tile.place == place
        assert tile.table == dict(entries(detours(MESH), place))
        said = port.hosts[place].do(port.hosts[place].session.identity())
        assert (said["x"], said["y"]) == place


def test_a_booted_mesh_is_what_a_host_makes_of_one():
    port, ready = reset(MESH, (0, 3)), Mesh(MESH, TINY)
    boot(MESH, (0, 3), port.send, port.receive)
    for place, tile in port.machine.tiles.items():
        other = ready.tiles[place]
        assert (tile.identity, tile.table, tile.place) == (other.identity, other.table, other.place)


def test_a_node_that_does_not_know_who_it_is_drops_and_counts():
    port = reset(MeshConfig(2, 1), (0, 1))
    first, second = port.machine.tiles.values()
    port.hosts[1, 1].flush()
    assert not port.receive(1) and (first.dropped, second.dropped) == (1, 0)
    with pytest.raises(HostError, match="does not say how its threads stand"):
        port.hosts[2, 1].read(0, 8)
    assert second.dropped
    port.send([identity(told(MeshConfig(2, 1), (2, 1)), ((E, 1),))])
    assert port.hosts[2, 1].read(0, 8) == bytes(8) and first.identity is None


def test_what_is_none_does_nothing():
    port = reset(MeshConfig(2, 1), (0, 1))
    first = port.machine.tiles[1, 1]
    for packet in (
        table_entries([(ENTRIES + DEPARTURES, FIELDS)], ()),
        boot_packet(BootOp.ECHO, (), 0),
        boot_packet(63, (), 7),
        boot_packet(BootOp.IDENTITY, ((S, 1),), 7),  # to an edge port where nobody is
    ):
        port.send([packet])
    assert first.identity is None and not first.table and not port.receive(1)
    port.send([table_entries([(ENTRIES + DEPARTURES - 1, FIELDS)], ())])
    assert first.table == {ENTRIES + DEPARTURES - 1: FIELDS}
