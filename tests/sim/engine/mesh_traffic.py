"""What runs on a mesh in both simulations: the packets that hosts at its edges send, in order, without waiting for answers."""

from __future__ import annotations

import random
from collections.abc import Iterator

from golden.arch.global_address import cast_address, global_address
from golden.arch.mesh import MeshConfig, Place
from golden.arch.packet import FLAG_MULTICAST, Kind, Packet
from golden.asm import assemble
from golden.host import Session
from golden.host_mesh import WEST_EAST_ROUTE, entering
from golden.kernels.job import Launch
from golden.noc.boot import rounds

BOOT, BEGIN = 8, 200
"""The cycles in which one host boots the mesh, and in which all begin."""
PROGRAM = """
start:  li   x4, 0x2000         ; x1: the next node's line and semaphore 3; x2: another line there; x3: semaphore 5 there
        li   x5, 1
        li   x9, {others}
        loopi end, 12
        add  x6, x6, x5
        st.d x6, x4, 0
        rput x4, x1, 8
        rget x7, x2, 3, 7
        rcast x4, x8, 1         ; to every other node, its semaphore 9
        rput x4, x1, 2, ack
        rraise 5, x3, x5
        wait 3, 2
        wait 7, 1
        waitr 9, x9
        fence
end:    wait 5, 12
        halt
"""


def boot(mesh: MeshConfig, place: Place) -> list[Packet]:
    """What the host at an edge port boots the mesh with, if it is the one that does."""
    return [packet for part in rounds(mesh, place) for packet in part.packets] if place == mesh.edges[-1] else []


def packets(mesh: MeshConfig, place: Place, seed: int) -> list[Packet]:
    """Those of the host at an edge port: the first loads and starts the programs, the others read and write meanwhile."""
    rng = random.Random(f"{seed}/{place}")
    across = place[0] not in range(1, mesh.columns + 1)
    session = Session(place, route=lambda: WEST_EAST_ROUTE if across else 0)
    found = list(_work(mesh, session) if place == mesh.edges[0] else _noise(mesh, session, rng))
    return [entering(mesh, place, packet) for packet in found]


def _work(mesh: MeshConfig, session: Session) -> Iterator[Packet]:
    program = assemble(PROGRAM.format(others=len(mesh.live) - 1), features=frozenset({"base", "network"}))
    live = mesh.live
    everybody = live[0], live[-1]
    image = program.image + bytes(-len(program.image) % 8)
    for script in (session.write([(program.origin, image)], *everybody), session.flush(*everybody)):
        yield from (request.packet for requests in script for request in requests)
    cast = cast_address(*everybody, 0x2A00, 9)
    for i, node in enumerate(live):
        after = live[(i + 1) % len(live)]
        args = (global_address(after, 0x2400, 3), global_address(after, 0x2008), global_address(after, 0), 0, 0, 100 * i, 0x2840, cast)
        yield session.start(Launch(0, program.labels["start"], args), node).packet


def _noise(mesh: MeshConfig, session: Session, rng: random.Random) -> Iterator[Packet]:
    for _ in range(150):
        line, words = 0x4000 + 64 * rng.randrange(64), rng.randrange(1, 9)
        kind, answer = rng.choice([(Kind.WRITE, None), (Kind.WRITE, Kind.ACK), (Kind.READ, Kind.READ_DATA)])
        payload = rng.getrandbits(512) if kind is Kind.WRITE else 0
        at = line + 8 * rng.randrange(9 - words)
        many = {"far": mesh.live[-1], "flags": FLAG_MULTICAST} if kind is Kind.WRITE and not answer else {}
        to = mesh.live[0] if many else rng.choice(mesh.live)
        yield session.request(kind, answer, to, address=at, length=words, payload=payload, **many).packet
