"""Packets in, packets out: the endpoint with an SRAM behind it, driven by the host through the engine."""

from dataclasses import replace

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.memmap import CONTROL_BASE, LINE_BYTES, VERSION, Fault, ThreadState
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp, Kind, Packet
from golden.host import EDGE, HostError
from rtl.noc.endpoint import Endpoint
from sim.engine.binding import Ended, Engine
from sim.jobs.host import Host

CONFIG = get_config("tiny")


def send(engine: Engine, *packets: Packet) -> None:
    engine.send(0, [packet.encode() for packet in packets])


def request(kind: int, **fields) -> Packet:
    """From the host to the node after reset, unless ``fields`` say otherwise."""
    return Packet(kind, **{"destination": (1, 1), "source": EDGE} | fields)


def answers(engine: Engine, count: int) -> list[Packet]:
    """The next packets."""
    assert engine.run(2_000, packets=count) is Ended.PACKETS
    return [Packet.decode(*words) for words in engine.take(0)]


def test_random_writes_and_reads_equal_a_byte_array(engine, rng):
    host, memory = Host(engine), np.zeros(CONFIG.sram_bytes, np.uint8)
    compared = 0
    for _ in range(150):
        size = 8 * int(rng.integers(1, 300))
        address = 8 * int(rng.integers(0, (CONFIG.sram_bytes - size) // 8))
        if rng.random() < 0.5:
            image = rng.integers(0, 256, size, dtype=np.uint8)
            memory[address : address + size] = image
            host.write([(address, image.tobytes())])
        else:
            assert host.read(address, size) == memory[address : address + size].tobytes()
            compared += size
    assert compared > 10_000


def test_a_stream_of_lines_is_written_at_one_a_cycle(engine):
    host = Host(engine)
    before = engine.cycle
    host.write([(0, bytes(1024 * LINE_BYTES))])
    assert engine.cycle - before <= 1024 + 24


def test_the_identity_line(engine):
    send(engine, request(Kind.READ, address=CONTROL_BASE, length=8, tag=9, sequence=3, flags=FLAG_RESPONSE))
    [answer] = answers(engine, 1)
    words = np.frombuffer(answer.data, "<u8")
    assert (answer.kind, answer.tag, answer.sequence) == (Kind.READ_DATA, 9, 3)
    assert list(words[:5]) == [VERSION, CONFIG.sram_bytes, 1, 1, 4]


def test_an_address_outside_sram_is_refused_in_one_sentence(engine):
    with pytest.raises(HostError, match=r"refused a packet for address 0x20000: RANGE"):
        Host(engine).read(CONFIG.sram_bytes, 64)


SRAM = CONFIG.sram_bytes
NOTIFY = SEQUENCE_NOTIFY


@pytest.mark.parametrize(
    ("kind", "header", "operand", "cause"),
    [
        (Kind.WRITE, {"address": 0x1000, "length": 0}, 0, Fault.RANGE),
        (Kind.WRITE, {"address": 0x1000, "length": 9}, 0, Fault.RANGE),
        (Kind.WRITE, {"address": 0x1008, "length": 8}, 0, Fault.RANGE),
        (Kind.WRITE, {"address": 0x1038, "length": 2}, 0, Fault.RANGE),
        (Kind.WRITE, {"address": 0x1004, "length": 1}, 0, Fault.MISALIGNED),
        (Kind.WRITE, {"address": SRAM, "length": 1}, 0, Fault.RANGE),
        (Kind.WRITE, {"address": CONTROL_BASE, "length": 1}, 0, Fault.RANGE),
        (Kind.WRITE, {"address": 0x1000, "length": 1, "tag": 64, "sequence": NOTIFY}, 0, Fault.RANGE),
        (Kind.READ, {"address": 0x1000, "length": 63}, 0, Fault.RANGE),
        (Kind.READ, {"address": 0x1020, "length": 5}, 0, Fault.RANGE),
        (Kind.READ, {"address": 0x1001, "length": 1}, 0, Fault.MISALIGNED),
        (Kind.READ, {"address": CONTROL_BASE, "length": 0}, 0, Fault.RANGE),
        (Kind.READ, {"address": CONTROL_BASE + 64, "length": 8}, 0, Fault.RANGE),
        (Kind.READ, {"address": CONTROL_BASE + 12 * 64, "length": 8}, 0, Fault.RANGE),
        (Kind.READ, {"address": CONTROL_BASE + 0x10000, "length": 8}, 0, Fault.RANGE),
        (Kind.RAISE, {"address": 1, "tag": 64}, 0, Fault.RANGE),
        (Kind.RAISE, {"address": 0x10000, "tag": 1}, 0, Fault.RANGE),
        (Kind.START, {"address": 0x102, "length": 0}, 0, Fault.MISALIGNED),
        (Kind.START, {"address": SRAM, "length": 0}, 0, Fault.RANGE),
        (Kind.START, {"address": 0x100, "length": 4}, 0, Fault.RANGE),
        (Kind.DEBUG, {"address": DebugOp.STATUS, "length": 4}, 0, Fault.RANGE),
        (Kind.DEBUG, {"address": 9, "length": 0}, 0, Fault.ILLEGAL),
        (Kind.DEBUG, {"address": 16 + DebugOp.STATUS, "length": 0}, 0, Fault.ILLEGAL),
        (Kind.DEBUG, {"address": DebugOp.BREAK_SET, "length": 0}, 0x102, Fault.MISALIGNED),
        (Kind.DEBUG, {"address": DebugOp.JUMP, "length": 0}, 1 << 40, Fault.RANGE),
        *((Kind.DEBUG, {"address": op, "length": 1}, 0, Fault.BUSY) for op in (DebugOp.STEP, DebugOp.INJECT, DebugOp.JUMP)),
        (7, {"address": 0, "length": 8}, 0, Fault.ILLEGAL),
    ],
)
@pytest.mark.parametrize("flags", [0, FLAG_RESPONSE])
def test_what_cannot_be_served_is_refused(engine, kind, header, operand, cause, flags):
    """Whether an answer was asked for or not; and the next request is served."""
    bad = request(kind, payload=operand, **{"tag": 3, "sequence": 5, "flags": flags, **header})
    send(engine, bad, request(Kind.READ, address=0x1000, length=8))
    refused, after = answers(engine, 2)
    assert refused == bad.error(cause)
    assert after.kind == Kind.READ_DATA and after.payload == 0, "a refused request has no effect"


@pytest.mark.parametrize("flags", [0, FLAG_RESPONSE])
def test_a_semaphore_that_would_overflow_keeps_its_value(engine, flags):
    """65535 fits; one more by a RAISE, or by a WRITE whose data stays written, does not; another semaphore is another."""
    ask = FLAG_RESPONSE
    send(engine, request(Kind.RAISE, address=0xFFFE, tag=7, flags=ask), request(Kind.RAISE, address=1, tag=7, flags=ask))
    assert [answer.kind for answer in answers(engine, 2)] == [Kind.ACK, Kind.ACK]
    over = request(Kind.RAISE, address=1, tag=7, sequence=9, flags=flags)
    send(engine, over)
    assert answers(engine, 1) == [over.error(Fault.SEMAPHORE)]
    image = bytes(range(64))
    data = int.from_bytes(image, "little")
    over = request(Kind.WRITE, payload=data, address=0x1040, length=8, tag=7, sequence=NOTIFY, flags=flags)
    send(engine, over)
    assert answers(engine, 1) == [over.error(Fault.SEMAPHORE)]
    assert Host(engine).read(0x1040, 64) == image
    send(engine, request(Kind.RAISE, address=0, tag=7, flags=ask), request(Kind.RAISE, address=0xFFFF, tag=8, flags=ask))
    assert [answer.kind for answer in answers(engine, 2)] == [Kind.ACK, Kind.ACK]


def test_a_packet_for_another_node_is_refused(engine):
    send(engine, request(Kind.READ, destination=(2, 1), address=0, length=8))
    assert answers(engine, 1)[0].kind == Kind.ERROR


def test_a_boot_packet_gives_the_node_its_coordinates(engine):
    send(engine, request(Kind.BOOT, payload=3 | 7 << 5, flags=FLAG_RESPONSE))
    answers(engine, 1)
    send(engine, request(Kind.READ, destination=(3, 7), address=0, length=8))
    [answer] = answers(engine, 1)
    assert (answer.kind, answer.source) == (Kind.READ_DATA, (3, 7))


def test_a_wrong_header_drops_the_packet_and_returns_its_credit(engine):
    control, body = request(Kind.READ, address=0, length=8).encode()
    for bit in (0, 5, 20, 40, 60, 75, 76):
        engine.send(0, [(control, body ^ 1 << bit)])
    engine.send(0, [(control, body ^ 1 << 40 ^ 1 << 300)])  # header and payload
    assert engine.run(500, packets=1) is Ended.CYCLES
    engine.send(0, [(control, body)] * 20)
    assert len(answers(engine, 20)) == 20
    assert Host(engine).read(0x1000, 64) == bytes(64)


@pytest.mark.parametrize("flags", [0, FLAG_RESPONSE])
@pytest.mark.parametrize("kind", [Kind.WRITE, Kind.START, Kind.DEBUG], ids=lambda kind: kind.name)
def test_a_wrong_payload_is_refused_to_whoever_sent_it(engine, kind, flags):
    """Whichever bit it is, of words or parities, and more often than a channel has credits; nothing is written, and nothing starts."""
    bad = request(kind, address=0x1000, length=1, tag=3, sequence=5, flags=flags, payload=7)
    control, body = bad.encode()
    for bit in (77, 140, 300, 511, 588, 589, 592, 596):
        engine.send(0, [(control, body ^ 1 << bit)])
    assert answers(engine, 8) == [bad.error(Fault.ECC)] * 8
    host = Host(engine)
    assert host.read(0x1000, 64) == bytes(64) and all(status.state is ThreadState.IDLE for status in host.status())


def test_a_wrong_payload_that_says_nothing_changes_nothing(engine):
    """A READ and a RAISE are served; a BOOT is dropped."""
    asked = [
        request(Kind.READ, address=0x1000, length=8, tag=1),
        request(Kind.RAISE, address=1, tag=2, flags=FLAG_RESPONSE),
        request(Kind.BOOT, payload=3 | 7 << 5, tag=3, flags=FLAG_RESPONSE),
        request(Kind.READ, address=CONTROL_BASE, length=8, tag=4),
    ]
    words = [packet.encode() for packet in asked]
    engine.send(0, [(control, body ^ 1 << 300) for control, body in words])
    got = {answer.tag: answer for answer in answers(engine, 3)}
    assert {tag: answer.kind for tag, answer in got.items()} == {1: Kind.READ_DATA, 2: Kind.ACK, 4: Kind.READ_DATA}
    assert list(np.frombuffer(got[4].data, "<u8")[2:4]) == [1, 1], "the node is still where it was"


def test_answers_that_nobody_asked_for_are_dropped_and_counted(engine):
    """By whether they come among answers or requests; one with a wrong header is none. Requests go on, and credits come back."""
    for kind in (Kind.READ_DATA, Kind.ACK, Kind.ERROR):
        packet = request(kind, tag=1)
        control, body = replace(packet, channel=3).encode()
        engine.send(0, [packet.encode(), (control, body), (control, body ^ 1 << 300), (control, body ^ 1)] * 2)
    engine.send(0, [request(Kind.READ, address=0x1000, length=8).encode()])
    assert answers(engine, 1)[0].kind == Kind.READ_DATA
    engine.run(50)
    assert (engine.get(0, "dropped"), engine.get(0, "unasked")) == (6, 12)


def test_status_answers_while_nothing_runs(engine):
    send(engine, request(Kind.DEBUG, address=DebugOp.STATUS, length=2, tag=5))
    [answer] = answers(engine, 1)
    assert answer.kind == Kind.STATUS and answer.tag == 5
    assert answer.payload & (2**64 - 1) == ThreadState.IDLE


def test_a_checkpoint_goes_on_with_the_same_bits(endpoint_design, tmp_path, rng):
    image = rng.integers(0, 256, 4096, dtype=np.uint8).tobytes()
    with Engine(endpoint_design) as first:
        Host(first).write([(0x800, image)])
        send(first, request(Kind.READ, address=0x800, length=8))
        first.run(3)
        first.save(tmp_path / "state")
        expected = [body for _, body in (first.run(100, packets=1), first.take(0))[1]]
    with Engine(endpoint_design) as second:
        second.restore(tmp_path / "state")
        second.run(100, packets=1)
        assert [body for _, body in second.take(0)] == expected != []
        assert Host(second).read(0x800, 4096) == image


@pytest.mark.rtl
def test_under_cocotb(bench):
    files = "cocotb_endpoint.py", "cocotb_endpoint_threads.py"
    assert len(bench(Endpoint(CONFIG), *files, config="tiny", parameters={"config": "tiny"})) == 31 + 28
