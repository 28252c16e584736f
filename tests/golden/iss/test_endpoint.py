"""Packets served by the simulator: every kind, refusals, a debugger; RTL and simulator side by side are tests/system/test_hosts.py."""

import pytest

from golden.arch.config import get_config
from golden.arch.memmap import CONTROL_BASE, Fault, ThreadState
from golden.arch.packet import FLAG_RESPONSE, SEQUENCE_NOTIFY, DebugOp, Kind, Packet
from golden.asm import assemble
from golden.host import HostError, Refused
from golden.iss.endpoint import Endpoint
from golden.iss.host import Host
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels.job import Launch

CONFIG = get_config("tiny")
PROGRAM = """
start:  li x5, 0
        loopi done, 5
body:   addi x5, x5, 3
done:   add x6, x5, x1
        st.d x6, x0, 0x80
        halt
wait1:  wait 9, 2
        raise 10, 1
        halt
bad:    trap 7
spin:   br spin
"""


@pytest.fixture
def host():
    host = Host(CONFIG, limit=5_000)
    host.program = assemble(PROGRAM)
    host.write([(host.program.origin, host.program.image)])
    return host


def launch(host, name, thread=0, *args):
    return Launch(thread, host.program.labels[name], args)


def ask(kind, **fields):
    return Packet(kind, **{"destination": (1, 1), "source": (0, 1), "flags": FLAG_RESPONSE} | fields)


def test_a_program_runs_and_its_result_is_read(host):
    host.run([launch(host, "start", 2, 100)])
    assert host.read(0x80, 8) == (115).to_bytes(8, "little")
    assert [status.state for status in host.status()] == [ThreadState.IDLE] * 4 and host.status()[2].retired == 10


def test_a_semaphore_from_outside_wakes_a_thread(host):
    host.start([launch(host, "wait1", 1)])
    host.do(host.session.raise_semaphore(9, 1))
    with pytest.raises(HostError, match=r"every thread waits or rests:\n.*\n  thread 1: WAITING at pc 0x118 \(wait 9, 2\)"):
        host.wait(1)
    host.do(host.session.raise_semaphore(9, 1))
    assert host.wait(1)[0][1].state is ThreadState.IDLE and host.node.semaphores[9:11] == [0, 1]


def test_a_fault_and_an_endless_program_are_sentences(host):
    host.start([launch(host, "bad", 3)])
    with pytest.raises(HostError, match=r"thread 3 stopped: FAULTED at pc 0x124 \(trap 7\), TRAP with operand 0x7"):
        host.wait(1)
    host.start([launch(host, "spin", 3)])
    with pytest.raises(HostError, match=r"5000 instructions retired and the program goes on:(.*\n)*  thread 3: RUNNING at pc 0x128"):
        host.wait(1)
    with pytest.raises(Refused, match="refused to start thread 3 at 0x100: BUSY"):
        host.run([launch(host, "start", 3)])


def test_an_interruption_is_passed_on_with_where_the_threads_are(host, monkeypatch):
    receive, calls = host._receive, []

    def interrupted(count):
        calls.append(count)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return receive(count)

    host.start([launch(host, "wait1", 1), launch(host, "spin", 3)])
    monkeypatch.setattr(host, "_receive", interrupted)
    waits = r"thread 1 WAITING at pc 0x118 \(wait 9, 2\), 0 instructions"
    spins = r"thread 3 RUNNING at pc 0x128 \(br 0x128\), \d+ instructions"
    with pytest.raises(KeyboardInterrupt, match=f"while the host waits: {waits} retired; {spins} retired$"):
        host.wait(2)


def test_a_debugger(host):
    def say(op, operand=0, thread=0):
        return host.do(host.session.debug(op, thread, operand))

    here = host.program.labels["body"]
    assert say(DebugOp.HALT).state is ThreadState.IDLE
    for op in (DebugOp.STEP, DebugOp.INJECT, DebugOp.JUMP):
        with pytest.raises(Refused, match=f"refused {op.name} of thread 0: BUSY"):
            say(op)
    say(DebugOp.BREAK_SET, here)
    host.start([launch(host, "start")])
    say(DebugOp.HALT)
    for passed in range(3):
        say(DebugOp.RESUME)
        while (status := say(DebugOp.STATUS)).state is not ThreadState.HALTED:
            assert status.state is ThreadState.RUNNING
        assert status.pc == here and host.node.threads[0].x[5] == 3 * passed
    say(DebugOp.BREAK_CLEAR)
    before = say(DebugOp.STATUS)
    status = say(DebugOp.INJECT, assemble("addi x5, x5, 1").words[0])
    assert (status.pc, status.seq, host.node.threads[0].x[5]) == (here, before.seq + 1, 7)
    assert say(DebugOp.STEP).seq == before.seq + 2
    assert say(DebugOp.JUMP, host.program.labels["done"]).pc == host.program.labels["done"]
    say(DebugOp.RESUME)
    host.wait(1)
    assert host.node.code.lines
    assert say(DebugOp.FLUSH).state is ThreadState.IDLE and not host.node.code.lines


def test_single_packets():
    node = Node(CONFIG)
    endpoint = Endpoint(Simulator(node))
    data = int.from_bytes(bytes(range(64)), "little")
    write = ask(Kind.WRITE, address=0x1010, length=2, payload=data, tag=3, sequence=SEQUENCE_NOTIFY | 5)
    assert endpoint.serve(write) == [write.answer(Kind.ACK)]
    assert node.read(0x1000, 64) == bytes(16) + bytes(range(16, 32)) + bytes(32) and node.semaphores[3] == 1
    over = ask(Kind.RAISE, address=0xFFFF, tag=3)
    assert endpoint.serve(over) == [over.error(Fault.SEMAPHORE)] and node.semaphores[3] == 1
    boot = ask(Kind.BOOT, payload=3 | 7 << 5, destination=(9, 9))
    assert endpoint.serve(boot)[0].kind == Kind.ACK and endpoint.place == (3, 7)
    identity = ask(Kind.READ, address=CONTROL_BASE, length=8, destination=(3, 7))
    assert endpoint.serve(identity)[0].payload >> 128 & 2**128 - 1 == 3 | 7 << 64
    node.lost.add(0x2008)
    asks = [ask(Kind.READ, address=0x2000 + 8 * n, length=1, destination=(3, 7)) for n in range(3)]
    assert [endpoint.serve(item)[0].kind for item in asks] == [Kind.READ_DATA, Kind.ERROR, Kind.READ_DATA]
    for dropped in (ask(Kind.READ, channel=2), ask(Kind.ACK), ask(Kind.READ, length=8, wrong_header=True)):
        assert endpoint.serve(dropped) == []
    assert endpoint.serve(ask(Kind.READ, length=8)) == [ask(Kind.READ, length=8).error(Fault.RANGE)], "another node's"
    counters = ask(Kind.READ, address=CONTROL_BASE + 8 * 64, length=8, destination=(3, 7))
    assert endpoint.serve(counters) == [counters.error(Fault.RANGE)]


def test_as_many_instructions_as_the_limit_says():
    node = Node(CONFIG)
    node.write(0x100, assemble("spin: br spin").image)
    node.threads[1].start(0x100)
    endpoint = Endpoint(Simulator(node))
    for total in (5, 6):
        assert endpoint.run(total) == [] and endpoint.retired == total


def test_a_wrong_payload_is_refused_where_it_says_something():
    """Nothing is written, started or moved; a READ and a RAISE, which say nothing there, are served, and a BOOT is dropped."""
    node = Node(CONFIG)
    endpoint = Endpoint(Simulator(node))

    def wrong(kind, **fields):
        return ask(kind, wrong_payload=True, **fields)

    for flags in (0, FLAG_RESPONSE):
        refused = [
            wrong(Kind.WRITE, address=0x1000, length=1, payload=7, tag=3, sequence=SEQUENCE_NOTIFY, flags=flags),
            wrong(Kind.WRITE, address=0x1004, length=0, flags=flags),
            wrong(Kind.START, address=0x100, length=2, flags=flags),
            *(wrong(Kind.DEBUG, address=op, length=1, payload=0x100, flags=flags) for op in DebugOp),
        ]
        for request in refused:
            assert endpoint.serve(request) == [request.error(Fault.ECC)]
    assert node.read(0, CONFIG.sram_bytes) == bytes(CONFIG.sram_bytes) and node.semaphores[3] == 0
    assert all(thread.state is ThreadState.IDLE for thread in node.threads)
    elsewhere = wrong(Kind.WRITE, address=0x1000, length=1, destination=(2, 1))
    assert endpoint.serve(elsewhere) == [elsewhere.error(Fault.RANGE)]
    read, raised = wrong(Kind.READ, address=0x1000, length=8), wrong(Kind.RAISE, address=2, tag=3)
    assert [endpoint.serve(packet)[0].kind for packet in (read, raised)] == [Kind.READ_DATA, Kind.ACK] and node.semaphores[3] == 2
    assert endpoint.serve(wrong(Kind.BOOT, payload=3 | 7 << 5)) == [] and endpoint.place == (1, 1)
