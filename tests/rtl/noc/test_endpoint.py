"""Packets in, packets out: the endpoint with an SRAM behind it, driven by the host through the engine."""

import numpy as np
import pytest

from golden.arch import packet
from golden.arch.config import get_config
from golden.arch.memmap import CONTROL_BASE, LINE_BYTES, VERSION, Fault, ThreadState
from golden.arch.packet import BODY_FIELDS, HEADER_FIELDS, DebugOp, Kind
from rtl.noc.endpoint import Endpoint
from sim.engine.binding import Ended, Engine
from sim.jobs.host import Host, HostError, request

CONFIG = get_config("tiny")


def answers(engine: Engine, count: int) -> list[tuple[dict[str, int], dict[str, int]]]:
    """(header, body fields) of the next packets."""
    assert engine.run(2_000, packets=count) is Ended.PACKETS
    bodies = [packet.unpack(BODY_FIELDS, body) for _, body in engine.take(0)]
    return [(packet.unpack(HEADER_FIELDS, body["header"]), body) for body in bodies]


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
    engine.send(0, [request(Kind.READ, address=CONTROL_BASE, length=8, tag=9, sequence=3, flags=packet.FLAG_RESPONSE)])
    [(header, body)] = answers(engine, 1)
    words = np.frombuffer(body["payload"].to_bytes(64, "little"), "<u8")
    assert (header["kind"], header["tag"], header["sequence"]) == (Kind.READ_DATA, 9, 3)
    assert list(words[:5]) == [VERSION, CONFIG.sram_bytes, 1, 1, 4]


def test_an_address_outside_sram_is_refused_in_one_sentence(engine):
    with pytest.raises(HostError, match=r"refused a packet for address 0x20000: RANGE"):
        Host(engine).read(CONFIG.sram_bytes, 64)


@pytest.mark.parametrize("length", [0, 9, 63])
def test_a_write_of_no_words_or_more_than_a_line_is_refused(engine, length):
    engine.send(0, [request(Kind.WRITE, address=0x1000, length=length, flags=packet.FLAG_RESPONSE)])
    [(header, body)] = answers(engine, 1)
    assert header["kind"] == Kind.ERROR and body["payload"] & 15 == Fault.RANGE


def test_a_packet_for_another_node_is_refused(engine):
    engine.send(0, [request(Kind.READ, node=(2, 1), address=0, length=8)])
    [(header, _)] = answers(engine, 1)
    assert header["kind"] == Kind.ERROR


def test_a_boot_packet_gives_the_node_its_coordinates(engine):
    engine.send(0, [request(Kind.BOOT, payload=(3 | 7 << 5).to_bytes(8, "little"), flags=packet.FLAG_RESPONSE)])
    answers(engine, 1)
    engine.send(0, [request(Kind.READ, node=(3, 7), address=0, length=8)])
    [(header, _)] = answers(engine, 1)
    assert (header["kind"], header["source_x"], header["source_y"]) == (Kind.READ_DATA, 3, 7)


def test_wrong_parity_drops_the_packet_and_returns_its_credit(engine):
    control, body = request(Kind.READ, address=0, length=8)
    for bit in (0, 40, 76, 77, 300, 588, 590):
        engine.send(0, [(control, body ^ 1 << bit)])
    assert engine.run(500, packets=1) is Ended.CYCLES
    engine.send(0, [(control, body)] * 20)
    assert len(answers(engine, 20)) == 20


def test_status_answers_while_nothing_runs(engine):
    engine.send(0, [request(Kind.DEBUG, address=DebugOp.STATUS, length=2, tag=5)])
    [(header, body)] = answers(engine, 1)
    assert header["kind"] == Kind.STATUS and header["tag"] == 5
    assert body["payload"] & (2**64 - 1) == ThreadState.IDLE


def test_a_checkpoint_goes_on_with_the_same_bits(endpoint_design, tmp_path, rng):
    image = rng.integers(0, 256, 4096, dtype=np.uint8).tobytes()
    with Engine(endpoint_design) as first:
        Host(first).write([(0x800, image)])
        first.send(0, [request(Kind.READ, address=0x800, length=8)])
        first.run(3)
        first.save(tmp_path / "state")
        expected = [body for _, body in (first.run(100, packets=1), first.take(0))[1]]
    with Engine(endpoint_design) as second:
        second.restore(tmp_path / "state")
        second.run(100, packets=1)
        assert [body for _, body in second.take(0)] == expected != []
        assert Host(second).read(0x800, 4096) == image


@pytest.mark.rtl
def test_requests_and_threads_under_cocotb(bench):
    passed = bench(Endpoint(CONFIG), "cocotb_endpoint.py", config="tiny", parameters={"config": "tiny"})
    assert len(passed) == 38
