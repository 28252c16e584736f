"""Memory behind an edge port of the engine: packet by packet what golden.dram answers; when it answers; where its bytes are."""

from dataclasses import replace

import pytest

from golden.arch.mesh import MeshConfig
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, Kind, Packet, PortId
from golden.dram import Dram
from golden.host_mesh import entering
from sim.jobs import machine
from sim.jobs.dram import EngineDram, Pace

pytestmark = [pytest.mark.rtl, pytest.mark.mesh]
MESH = MeshConfig(2, 1)
HOST, PORT = (0, 1), (3, 1)
SIZE = 1 << 20
BYTES, LATENCY = 16, 50


@pytest.fixture
def engine():
    with machine.mesh_engine(MESH, "tiny", trace=True) as engine:
        yield engine


def exchange(engine, packets):
    """What comes back to the host in the west from the memory in the east, in order, with the cycle of the last."""
    edge = MESH.edges.index(HOST)
    engine.send(edge, [packet if isinstance(packet, tuple) else entering(MESH, HOST, packet).encode() for packet in packets])
    engine.run(100_000, quiet=1000)
    return [replace(Packet.decode(*words), outs=frozenset({PortId.NODE})) for words in engine.take(edge)]


def request(rng, number: int) -> Packet:
    kind = int(rng.choice([Kind.WRITE, Kind.READ], p=[0.5, 0.5])) if rng.random() < 0.9 else int(rng.choice([Kind.RAISE, Kind.START, 9]))
    address = 8 * int(rng.integers(40)) + (rng.random() < 0.05) * 4 + (SIZE if rng.random() < 0.05 else 0)
    room = 8 - address % 64 // 8
    length = int(rng.integers(1, room + 1)) if rng.random() < 0.9 else int(rng.integers(0, 12))
    sequence = (number // 256) | (SEQUENCE_NOTIFY if rng.random() < 0.05 else 0)
    return Packet(
        kind, PORT, HOST, 1, address=address, length=length, tag=number % 256, sequence=sequence,
        flags=FLAG_RESPONSE if rng.random() < 0.5 else 0, payload=int.from_bytes(rng.bytes(64), "little"),
    )  # fmt: skip


def test_it_answers_what_golden_answers(engine, rng):
    memory, golden = EngineDram(engine, MESH, PORT, Pace(BYTES, LATENCY), size=SIZE), Dram(SIZE)
    sent = [request(rng, number) for number in range(600)]
    expected = [answer for packet in sent for answer in golden.serve(packet)]
    assert exchange(engine, sent) == expected and len(expected) > 300
    assert memory.contents() == golden.contents() and memory.lines == golden.lines > 4


def test_a_wrong_header_is_dropped_and_a_wrong_payload_refused_and_the_network_moves_on(engine):
    memory, golden = EngineDram(engine, MESH, PORT, Pace()), Dram()
    good = Packet(Kind.WRITE, PORT, HOST, 1, address=64, length=8, tag=7, flags=FLAG_RESPONSE, payload=5)
    control, body = entering(MESH, HOST, replace(good, address=128)).encode()
    of_read, nothing = entering(MESH, HOST, replace(good, kind=Kind.READ)).encode()
    sent = [(control, body ^ 1 << bit) for bit in (5, 40, 75, 76, 100, 5, 77, 588, 589, 596, 60)] + [(of_read, nothing ^ 1 << 100), good]
    expected = [answer for packet in sent[:-1] for answer in golden.serve(Packet.decode(*packet))] + golden.serve(good)
    assert [answer.kind for answer in expected] == [Kind.ERROR] * 5 + [Kind.READ_DATA, Kind.ACK]
    assert exchange(engine, sent) == expected and memory.written == golden.written == [64]


@pytest.mark.parametrize("pace", [Pace(64, 0), Pace(64, 100), Pace(16, 100), Pace(8, 3)], ids=str)
def test_it_keeps_its_pace(engine, pace):
    """Reads of whole lines: the first after its latency, the others as fast as the memory moves them."""
    memory = EngineDram(engine, MESH, PORT, pace)
    memory.write(0, bytes(range(256)))
    edge, count = MESH.edges.index(HOST), 32
    begun, times = engine.cycle, []
    reads = [Packet(Kind.READ, PORT, HOST, 1, address=64 * i % 256, length=8, tag=i) for i in range(count)]
    engine.send(edge, [entering(MESH, HOST, packet).encode() for packet in reads])
    while len(times) < count:
        engine.run(1)
        times += [engine.cycle - begun] * len(engine.take(edge))
    line = 64 // pace.bytes_per_cycle
    assert times[0] == PASSAGE + line + pace.latency, times[0]
    assert times[-1] - times[0] == (count - 1) * line


PASSAGE = 8
"""Cycles of a read and its answer through two routers each, bodies included."""


def test_its_back_door_and_its_checkpoint(engine, tmp_path):
    memory = EngineDram(engine, MESH, PORT, Pace())
    memory.write(0x7_FFFF_FF00, b"far above")
    engine.save(tmp_path / "state")
    memory.write(0x7_FFFF_FF00, b"something")
    memory.write(0x40, b"else")
    engine.restore(tmp_path / "state")
    assert memory.read(0x7_FFFF_FF00, 9) == b"far above" and memory.read(0x40, 4) == bytes(4)
    with pytest.raises(ValueError, match="there is no edge port 1,1 on a mesh of 2x1"):
        EngineDram(engine, MESH, (1, 1), Pace())
