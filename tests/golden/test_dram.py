"""Memory behind an edge port: lines and words, refusals, and programs of a simulated mesh that use it."""

import pytest

from golden.arch.memmap import Fault
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp, Kind, Packet, payload_of
from golden.dram import MOST_BYTES, Dram
from golden.iss.host import MeshEdge
from tests.golden.iss.mesh_bench import A, B, ended, loaded, thread, to

NODE, PORT = (1, 1), (0, 1)


def request(kind: Kind, address: int, length: int = 1, **more) -> Packet:
    return Packet(kind, PORT, NODE, 1, address=address, length=length, tag=3, sequence=9, **more)


def test_words_lie_at_their_place_in_the_line():
    dram = Dram()
    assert dram.serve(request(Kind.WRITE, 0x1_0000_0010, 2, payload=0x22 << 192 | 0x11 << 128 | 0xFF)) == []
    [read] = dram.serve(request(Kind.READ, 0x1_0000_0000, 8))
    assert (read.kind, read.channel, read.tag, read.sequence) == (Kind.READ_DATA, 3, 3, 9)
    assert read.payload == 0x22 << 192 | 0x11 << 128, "the first word of the payload was none of the two"
    [ack] = dram.serve(request(Kind.WRITE, MOST_BYTES - 8, payload=5 << 448, flags=FLAG_RESPONSE))
    assert ack.kind == Kind.ACK and dram.read(MOST_BYTES - 8, 8) == bytes([5]) + bytes(7)
    assert dram.lines == 2 and dram.read(0x1_0000_000F, 3) == bytes([0, 0x11, 0])


@pytest.mark.parametrize(
    ("packet", "cause"),
    [
        (request(Kind.WRITE, 0x104), Fault.MISALIGNED),
        (request(Kind.READ, 0x108, 8), Fault.RANGE),
        (request(Kind.READ, 0x100, 0), Fault.RANGE),
        (request(Kind.READ, 0x1000), Fault.RANGE),
        (Packet(Kind.WRITE, PORT, NODE, 1, address=0x40, length=1, sequence=SEQUENCE_NOTIFY), Fault.RANGE),
        (request(Kind.RAISE, 1), Fault.ILLEGAL),
        (request(Kind.START, 0x100), Fault.ILLEGAL),
        (request(Kind.DEBUG, DebugOp.STATUS), Fault.ILLEGAL),
        (request(9, 0), Fault.ILLEGAL),
    ],
)
def test_what_is_refused(packet, cause):
    dram = Dram(0x1000)
    [error] = dram.serve(packet)
    assert error.kind == Kind.ERROR and error.payload == payload_of((cause, packet.address)) and not dram.lines


def test_a_wrong_header_is_dropped_and_a_wrong_payload_refused():
    """Of a READ the payload says nothing."""
    dram = Dram()
    assert dram.serve(request(Kind.WRITE, 0, payload=1, wrong_header=True)) == []
    for flags in (0, FLAG_RESPONSE):
        write = request(Kind.WRITE, 0, payload=1, wrong_payload=True, flags=flags)
        assert dram.serve(write) == [write.error(Fault.ECC)]
    assert not dram.lines
    [read] = dram.serve(request(Kind.READ, 0, wrong_payload=True))
    assert read.kind == Kind.READ_DATA and read.intact


@pytest.mark.parametrize("size", [0, 100, MOST_BYTES + 64, -64])
def test_a_size_that_is_none(size):
    with pytest.raises(ValueError, match="are no memory behind an edge port"):
        Dram(size)


def test_the_back_door_stays_inside():
    dram = Dram(0x1000)
    dram.write(0xFFE, b"ab")
    assert dram.read(0xFFD, 3) == b"\0ab"
    with pytest.raises(ValueError, match="2 bytes at 0xfff leave the 4096 bytes"):
        dram.write(0xFFF, b"ab")
    with pytest.raises(ValueError, match="leave"):
        dram.read(-1, 1)


TEXT = """
a:      rput x1, x2, 8, ack
        fence
        rraise 4, x3, x4
        halt
b:      wait 4, 1
        rget x1, x2, 8, 5
        wait 5, 1
        halt
"""


@pytest.mark.parametrize("seed", range(4))
def test_one_node_writes_and_another_reads(seed):
    """Behind the east side's second port, far above what a node has."""
    far = to((3, 2), 0x7_0000_0040)
    machine = loaded(TEXT, {A: ("a", (0x1000, far, to(B, 0), 1)), B: ("b", (0x2000, far))}, seed, "2x2")
    dram = Dram()
    machine.attach_dram((3, 2), dram)
    machine.nodes[A].write(0x1000, bytes(range(64)))
    machine.run()
    assert ended(machine) and machine.nodes[B].read(0x2000, 64) == bytes(range(64)) == dram.read(0x7_0000_0040, 64)


def test_a_host_sits_beside_it():
    """The port's requests are the memory's, its answers the host's."""
    machine = loaded(TEXT, {}, 1, "2x2")
    dram = Dram()
    machine.attach_dram(PORT, dram)
    host = MeshEdge(machine, PORT).hosts[B]
    machine.nodes[B].threads[0].start(0x110, (0x2000, to(PORT, 0x40)))
    dram.write(0x40, b"from the memory ")
    host.do(host.session.raise_semaphore(4, 1))
    machine.run()
    assert host.read(0x2000, 16) == b"from the memory " and thread(machine, B).pc == 0x120


def test_it_lies_at_an_edge_port():
    with pytest.raises(ValueError, match="there is no edge port 1,1 on a mesh of 2x2"):
        loaded(TEXT, {}, 0, "2x2").attach_dram(A, Dram())
