"""A session, fed by hand: what it sends, what it takes answers for, and what it does not accept."""

import pytest

from golden.arch.memmap import CONTROL_BASE, Fault, Status, ThreadState
from golden.arch.packet import FLAG_MULTICAST, FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp, Kind, payload_of
from golden.host import HostError, Refused, Session
from golden.kernels.job import Launch


def play(session, script, *rounds):
    """Drives a script; each round is given the requests and returns the answers' (kind, payload), None for no answer."""
    requests = next(script)
    for answer in rounds:
        for request in requests:
            if request.expects:
                session.receive(request.packet.answer(*answer(request.packet)))
        assert all(request.done for request in requests)
        try:
            requests = script.send([request.result() for request in requests])
        except StopIteration as end:
            return end.value
    raise AssertionError("the script wants more")


def ack(packet):
    return Kind.ACK, 0


def test_writes_are_acknowledged_once_a_channel():
    routes = iter([0, 1, 1, 0, 1])
    session = Session(route=lambda: next(routes))
    requests = next(session.write([(0x100, bytes(64 * 4)), (0x1000, bytes(8))]))
    assert [(r.packet.channel, r.expects, r.packet.flags) for r in requests] == [
        (0, None, 0), (1, None, 0), (1, None, 0), (0, Kind.ACK, FLAG_RESPONSE), (1, Kind.ACK, FLAG_RESPONSE),
    ]
    assert [(r.packet.address, r.packet.length) for r in requests] == [(0x100, 8), (0x140, 8), (0x180, 8), (0x1C0, 8), (0x1000, 1)]
    assert session.open == 2


@pytest.mark.parametrize(("address", "size"), [(0x103, 2), (0x100, 13), (0x105, 20), (0x106, 2), (0x107, 9), (0x100, 16)])
def test_exactly_the_bytes_of_an_image_are_written(address, size):
    """Words that it covers in part are read first, after what was to be written before is there."""
    memory = bytearray(range(256)) * 4
    image = bytes(200 + index for index in range(size))
    expected = bytearray(memory)
    expected[:8] = bytes(8)
    expected[address : address + size] = image
    session = Session()

    def node(packet):
        place = packet.address
        if packet.kind == Kind.READ:
            return Kind.READ_DATA, int.from_bytes(memory[place // 64 * 64 :][:64], "little")
        return ack(packet)

    script = session.write([(0, bytes(8)), (address, image)])
    requests = next(script)
    with pytest.raises(StopIteration):
        while True:
            for request in requests:
                packet = request.packet
                if packet.kind == Kind.WRITE:
                    at, first = packet.address, packet.address % 64
                    memory[at : at + 8 * packet.length] = packet.data[first : first + 8 * packet.length]
                if request.expects:
                    session.receive(packet.answer(*node(packet)))
            requests = script.send([request.result() for request in requests])
    assert memory == expected and not session.open


def test_a_read_is_the_bytes_asked_for():
    """13 bytes from 0x13b on: the last word of one line, the first of the next; answers may come in any order."""
    session = Session()
    script = session.read(0x13B, 13)
    requests = next(script)
    assert [(r.packet.address, r.packet.length) for r in requests] == [(0x138, 1), (0x140, 1)]
    lines = [int.from_bytes(bytes(range(64)), "little"), int.from_bytes(bytes(range(64, 128)), "little")]
    for request, line in reversed(list(zip(requests, lines, strict=True))):
        assert session.receive(request.packet.answer(Kind.READ_DATA, line)) is request
    with pytest.raises(StopIteration) as end:
        script.send([request.result() for request in requests])
    assert end.value.value == bytes(range(0x3B, 0x3B + 13))


def test_what_the_commands_say():
    session = Session(node=(3, 4))
    start = session.start(Launch(2, 0x104, (1, -1)))
    assert (start.packet.kind, start.packet.destination, start.packet.source) == (Kind.START, (3, 4), (0, 1))
    assert (start.packet.address, start.packet.length, start.packet.payload) == (0x104, 2, 1 | (2**64 - 1) << 64)
    line = payload_of((ThreadState.FAULTED, Fault.TRAP, 0x108, 5, 2, 2))
    session.receive(start.packet.answer(Kind.HALTED, line))
    status = Status(ThreadState.FAULTED, Fault.TRAP, 0x108, 5, 2, 2)
    assert Status.of(start.result().data) == status
    assert play(session, session.debug(DebugOp.JUMP, 1, 0x200), lambda p: (Kind.STATUS, line)) == status
    assert play(session, session.statuses(), lambda p: (Kind.READ_DATA, line)) == [status] * 4
    words = (1, 0x20000, 3, 4, 4)
    identity = {"version": 1, "sram_bytes": 0x20000, "x": 3, "y": 4, "threads": 4}
    assert play(session, session.identity(), lambda p: (Kind.READ_DATA, payload_of(words))) == identity
    counters = play(session, session.counters(), lambda p: (Kind.READ_DATA, payload_of(range(p.address, p.address + 8))))
    assert [counters[n] for n in (0, 1, 8, 24)] == [0x1F0200, 0x1F0201, 0x1F0240, 0x1F02C0]
    [boot] = next(session.boot((5, 6), node=(9, 9)))
    assert (boot.packet.destination, boot.packet.payload) == ((9, 9), 5 | 6 << 5)
    [flush] = next(session.flush(node=(1, 1), far=(4, 4)))
    assert (flush.expects, flush.packet.far, flush.packet.flags) == (None, (4, 4), FLAG_MULTICAST)
    assert all(r.packet.far == (4, 4) and r.expects is None for r in next(session.write([(0, bytes(128))], (1, 1), (4, 4))))
    with pytest.raises(ValueError, match="3 bytes at 0x1 are not whole words"):
        next(session.write([(1, b"abc")], (1, 1), (4, 4)))


def test_a_refusal_is_a_sentence():
    session = Session()
    read, start = next(session.read(0x20000, 8))[0], session.start(Launch(3, 0x100))
    halt = next(session.debug(DebugOp.HALT, 2))[0]
    posted = session.request(Kind.WRITE, address=0x40, length=9)
    for request, cause, sentence in (
        (read, Fault.RANGE, "the node refused a packet for address 0x20000: RANGE"),
        (start, Fault.BUSY, "the node refused to start thread 3 at 0x100: BUSY"),
        (halt, Fault.BUSY, "the node refused HALT of thread 2: BUSY"),
    ):
        session.receive(request.packet.error(cause))
        with pytest.raises(Refused, match=f"^{sentence}$") as refused:
            request.result()
        assert refused.value.cause is cause
    with pytest.raises(Refused, match="refused a packet for address 0x40: RANGE"):
        session.receive(posted.packet.error(Fault.RANGE))
    expected = session.request(Kind.READ, Kind.ERROR, address=4, length=1)
    session.receive(expected.packet.error(Fault.MISALIGNED))
    assert expected.result().kind == Kind.ERROR


def test_an_answer_to_nothing_is_refused():
    session = Session()
    [read] = next(session.read(0, 8))
    right = read.packet.answer(Kind.READ_DATA)
    for wrong, sentence in (
        ({"tag": read.packet.tag ^ 1}, "READ_DATA came from .* nothing was asked"),
        ({"sequence": 64}, "nothing was asked"),
        ({"kind": Kind.ACK}, "ACK came where READ_DATA was expected"),
        ({"kind": 31}, "a packet of kind 31 came where"),
        ({"channel": 3}, "on channel 3, asked was .* on channel 0"),
        ({"source": (2, 1)}, r"from \(2, 1\)"),
        ({"destination": (0, 2)}, r"to \(0, 2\)"),
        ({"wrong_header": True}, "wrong parity"),
        ({"wrong_payload": True}, "wrong parity"),
    ):
        with pytest.raises(HostError, match=sentence):
            session.receive(type(right)(**vars(right) | wrong))
    assert session.receive(right) is read
    with pytest.raises(HostError, match="nothing was asked"):
        session.receive(right)


@pytest.mark.parametrize("first", [0, 254, 255, 256, (1 << 15) - 2])
def test_numbers_of_open_requests_differ_also_after_they_wrap(first):
    """A request that stays open keeps its number while 40,000 others take theirs; semaphores keep their tag."""
    session = Session(first=first)
    start = session.start(Launch(0, 0x100))
    kept = start.packet.tag, start.packet.sequence
    raised = [session.request(Kind.RAISE, Kind.ACK, tag=7, address=1) for _ in range(100)]
    notify = session.request(Kind.WRITE, Kind.ACK, tag=7, sequence=SEQUENCE_NOTIFY, length=1)
    numbers = [(r.packet.tag, r.packet.sequence % 128) for r in (*raised, notify)]
    assert len({*numbers, kept}) == 102 and all(r.packet.tag == 7 for r in raised) and notify.packet.notifies
    for _ in range(33_000):
        [read] = next(session.read(0, 8))
        assert (read.packet.tag, read.packet.sequence) not in {*numbers, kept} and not read.packet.notifies
        session.receive(read.packet.answer(Kind.READ_DATA))
    for request in (*raised, notify):
        session.receive(request.packet.answer(Kind.ACK))
    assert session.receive(start.packet.answer(Kind.HALTED)) is start and not session.open


def test_when_no_number_is_left():
    session = Session()
    requests = next(session.read(0, 64 * (1 << 15)))
    assert len({(r.packet.tag, r.packet.sequence) for r in requests}) == 1 << 15
    with pytest.raises(HostError, match="32768 requests wait for answers, and no number is left"):
        next(session.read(CONTROL_BASE, 8))
