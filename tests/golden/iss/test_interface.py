"""The network interface of a simulated node, fed by hand: packets that it makes, and answers that nothing asked for."""

import pytest

from golden.arch.global_address import cast_address, global_address
from golden.arch.memmap import Fault, ThreadState
from golden.arch.packet import FLAG_FIXED, FLAG_MULTICAST, FLAG_RESPONSE, SEQUENCE_NOTIFY, Kind, Packet, payload_of
from golden.iss.node import Simulator
from golden.iss.state import Node
from tests.golden.iss.bench import TINY

HERE, THERE = (1, 1), (2, 1)


@pytest.fixture
def node():
    made = Node(TINY.with_network())
    Simulator(made)
    made.write(0x1000, bytes(range(64)))
    for thread in made.threads:
        thread.start(0x100, ())
    return made


def test_packets_worked_by_hand(node):
    """Thread 2; words lie at their place in the other line; entry 31 of what is confirmed, 1 of the first read, 0 of the rest."""
    interface, thread = node.interface, node.threads[2]
    interface.put(thread, 0x1008, global_address(THERE, 0x2030, 9), 2, ack=True, fixed=False)
    interface.put(thread, 0x1000, global_address(THERE, 0x2000), 1, ack=False, fixed=True)
    interface.get(thread, 0x1010, global_address(THERE, 0x2008), 3, 40)
    interface.raise_semaphore(thread, 63, global_address(THERE, 0), 0xFFFF)
    interface.cast(thread, 0x1000, cast_address(HERE, (3, 2), 0x2000), 1)
    interface.cast(thread, 0x1000, cast_address(HERE, HERE, 0x2000), 1)  # for nobody else: nothing is sent
    confirmed, posted, read, raised, cast = interface.sent
    data = int.from_bytes(bytes(range(8, 24)), "little") << 8 * 0x30
    assert confirmed == Packet(
        Kind.WRITE, THERE, HERE, address=0x2030, length=2, tag=9, sequence=SEQUENCE_NOTIFY | 31 << 2 | 2, flags=FLAG_RESPONSE, payload=data
    )
    word = int.from_bytes(bytes(range(8)), "little")
    assert posted == Packet(Kind.WRITE, THERE, HERE, address=0x2000, length=1, sequence=2, flags=FLAG_FIXED, payload=word)
    assert read == Packet(Kind.READ, THERE, HERE, address=0x2008, length=3, sequence=1 << 2 | 2)
    assert raised == Packet(Kind.RAISE, THERE, HERE, address=0xFFFF, tag=63, sequence=2, flags=FLAG_FIXED)
    flags = FLAG_FIXED | FLAG_MULTICAST
    assert cast == Packet(Kind.WRITE, HERE, HERE, address=0x2000, length=1, sequence=2, flags=flags, payload=word, far=(3, 2))
    assert interface.open == [0, 0, 2, 0]


def test_a_list_that_ends_with_a_fault_leaves_what_else_is_open(node):
    """Eight words of zeros are no transfer: no rows. The read that is under way is still waited for."""
    interface, thread = node.interface, node.threads[2]
    interface.get(thread, 0x1010, global_address(THERE, 0x2008), 3, 40)
    interface.transfer(thread, 0x4000, 1)
    assert interface.open == [0, 0, 2, 0]
    while interface.advance():
        pass
    assert interface.open == [0, 0, 1, 0] and (thread.cause, thread.operand) == (Fault.DESCRIPTOR, 0x4000)


def answer(kind: Kind, sequence: int, payload: int = 0, **wrong: bool) -> Packet:
    return Packet(kind, HERE, THERE, 2, sequence=sequence, payload=payload, **wrong)


@pytest.mark.parametrize(
    "stray",
    [
        answer(Kind.ACK, 31 << 2),  # thread 0 has asked for none
        answer(Kind.ACK, 2),
        answer(Kind.READ_DATA, 7 << 2 | 2),
        answer(Kind.ERROR, 7 << 2 | 2),
        answer(Kind.HALTED, 2),
        answer(Kind.READ_DATA, 2, wrong_payload=True),
        answer(Kind.READ_DATA, 7 << 2 | 2, wrong_payload=True),
    ],
    ids=lambda packet: f"{packet.kind.name} {packet.sequence:#x}{' wrong' * packet.wrong_payload}",
)
def test_an_answer_to_nothing_is_dropped_and_counted(node, stray):
    node.interface.put(node.threads[2], 0x1000, global_address(THERE, 0x2000), 1, ack=True, fixed=False)
    before = node.read(0, TINY.sram_bytes)
    node.interface.receive(stray)
    assert node.interface.unasked == 1 and node.interface.open == [0, 0, 1, 0] and node.read(0, TINY.sram_bytes) == before
    assert all(thread.state is ThreadState.RUNNING for thread in node.threads)
    node.interface.receive(answer(Kind.ACK, 31 << 2 | 2))
    assert node.interface.open == [0] * 4 and node.interface.unasked == 1


def test_an_answer_with_a_wrong_header_is_dropped(node):
    """Nobody knows what it says: whoever waits goes on waiting."""
    node.interface.get(node.threads[1], 0x1000, global_address(THERE, 0x2000), 1, 0)
    node.interface.receive(answer(Kind.READ_DATA, 1 << 2 | 1, payload=77, wrong_header=True))
    assert node.interface.open == [0, 1, 0, 0] and node.semaphores[0] == 0
    node.interface.receive(answer(Kind.READ_DATA, 1 << 2 | 1, payload=77))
    assert node.interface.open == [0] * 4 and node.semaphores[0] == 1 and node.read(0x1000, 8) == bytes([77]) + bytes(7)


def test_words_with_wrong_parity_stop_the_thread_that_asked(node):
    """They go nowhere, the semaphore stays, and the read is over; the next one is served."""
    interface, thread = node.interface, node.threads[1]
    interface.get(thread, 0x1000, global_address(THERE, 0x2000), 1, 0)
    before = node.read(0, TINY.sram_bytes)
    interface.receive(answer(Kind.READ_DATA, 1 << 2 | 1, payload=77, wrong_payload=True))
    assert (thread.state, thread.cause, thread.operand) == (ThreadState.FAULTED, Fault.NETWORK, global_address(THERE, 0))
    assert interface.open == [0] * 4 and node.semaphores[0] == 0 and node.read(0, TINY.sram_bytes) == before
    interface.get(node.threads[2], 0x1000, global_address(THERE, 0x2000), 1, 0)
    interface.receive(answer(Kind.READ_DATA, 1 << 2 | 2, payload=77))
    assert node.semaphores[0] == 1 and node.read(0x1000, 8) == bytes([77]) + bytes(7) and not interface.unasked


def test_other_answers_with_a_wrong_payload_say_what_they_say_but_an_address(node):
    interface, thread = node.interface, node.threads[3]
    interface.put(thread, 0x1000, global_address(THERE, 0x2000), 1, ack=True, fixed=False)
    interface.receive(answer(Kind.ACK, 31 << 2 | 3, wrong_payload=True))
    assert interface.open == [0] * 4 and thread.state is ThreadState.RUNNING
    interface.receive(answer(Kind.ERROR, 3, payload_of((Fault.RANGE, 0x2000)), wrong_payload=True))
    assert (thread.cause, thread.operand) == (Fault.NETWORK, global_address(THERE, 0)) and not interface.unasked


def test_an_error_of_a_posted_write_leaves_the_count(node):
    thread = node.threads[3]
    node.interface.put(thread, 0x1000, global_address(THERE, 0x2000), 1, ack=True, fixed=False)
    node.interface.receive(answer(Kind.ERROR, 3, payload_of((Fault.RANGE, 0x2000))))
    assert (thread.cause, thread.operand, node.interface.open[3]) == (Fault.NETWORK, global_address(THERE, 0x2000), 1)
    node.interface.receive(answer(Kind.ERROR, 31 << 2 | 3, payload_of((Fault.RANGE, 0x2040))))
    assert (thread.operand, node.interface.open[3]) == (global_address(THERE, 0x2000), 0), "the first fault stays"
