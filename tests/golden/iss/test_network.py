"""Which routes a packet may take on the simulator's network; what happens to one that reaches nobody."""

import random

from golden.arch.memmap import Fault
from golden.arch.mesh import MeshConfig, parse
from golden.arch.packet import FLAG_FIXED, FLAG_MULTICAST, Kind, Packet
from golden.iss.network import Network
from golden.noc.routing import XY, YX


def network(mesh: MeshConfig, seed: int = 0) -> Network:
    return Network(mesh, random.Random(seed), hosts={(0, 1), (2, 0)})


def test_everywhere_by_both_and_to_an_edge_by_the_order_that_ends_there():
    net = network(parse("3x3"))
    assert net.routes((1, 1), (3, 2)) == (XY, YX) == net.routes((0, 1), (3, 2))
    assert net.routes((3, 3), (0, 1)) == (YX,) and net.routes((3, 3), (2, 0)) == (XY,)


def test_round_what_is_dead_by_the_routes_that_are_intact():
    """(2, 1) is dead: from (1, 1) to (3, 2) XY would cross it."""
    net = network(MeshConfig(3, 2, frozenset({(2, 1)})))
    assert net.routes((1, 1), (3, 2)) == (YX,) and XY in net.routes((3, 2), (1, 1))
    assert net.routes((0, 1), (3, 2)) == (YX,), "from an edge port as from its node"
    chosen = set()
    for _ in range(20):
        net.send(Packet(Kind.WRITE, (3, 2), (1, 1), flags=FLAG_FIXED))
        net.send(Packet(Kind.READ, (3, 2), (1, 1)))
        net.send(Packet(Kind.ACK, (3, 2), (1, 1), channel=2 | XY), chosen=True)
    while net.moving:
        chosen |= {(packet.kind, packet.channel) for packet in net.deliver()}
    assert chosen == {(Kind.WRITE, YX), (Kind.READ, YX), (Kind.ACK, 2 | YX)}


def test_a_multicast_passes_over_its_source_and_is_refused_by_what_is_dead_and_outside():
    net = network(MeshConfig(3, 2, frozenset({(2, 1)})))
    net.send(Packet(Kind.WRITE, (1, 1), (1, 2), flags=FLAG_FIXED | FLAG_MULTICAST, far=(3, 2)))
    came = [packet for _ in range(100) for packet in net.deliver(one=True)]
    writes = [packet for packet in came if packet.kind == Kind.WRITE]
    assert sorted(packet.destination for packet in writes) == [(1, 1), (2, 2), (3, 1), (3, 2)]
    assert all((packet.source, packet.channel, packet.far) == ((1, 2), XY, None) for packet in writes)
    # 2,2 cannot go on to 2,1.
    [error] = [packet for packet in came if packet.kind != Kind.WRITE]
    assert (error.kind, error.source, error.destination) == (Kind.ERROR, (1, 1), (1, 2))
    net.send(Packet(Kind.WRITE, (3, 2), (1, 2), flags=FLAG_FIXED | FLAG_MULTICAST, far=(5, 2)))
    came = [(packet.kind, packet.destination, packet.source) for _ in range(100) for packet in net.deliver(one=True)]
    assert came == [(Kind.ERROR, (1, 2), (3, 2))]


def test_a_request_to_nobody_is_refused_and_an_answer_is_lost():
    net = network(MeshConfig(3, 2, frozenset({(2, 1)})))
    net.send(Packet(Kind.WRITE, (2, 1), (1, 1), address=0x80, tag=3, sequence=5))
    [answer] = net.deliver(one=True)
    assert (answer.kind, answer.source, answer.destination, answer.sequence) == (Kind.ERROR, (2, 1), (1, 1), 5)
    assert answer.payload == Fault.RANGE | 0x80 << 64
    net.send(Packet(Kind.ACK, (0, 2), (1, 1), channel=2), chosen=True)
    assert net.lost == 1 and not net.moving
