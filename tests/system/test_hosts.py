"""One host, two machines: the same scripts give the same answers on the simulator and on the RTL, the example of the documents too."""

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.memmap import PROGRAM_BASE, ThreadState
from golden.arch.packet import SEQUENCE_NOTIFY, DebugOp, Kind
from golden.asm import assemble
from golden.host import HostError, Refused
from golden.iss.host import Host as SimulatorHost
from golden.kernels.job import Launch
from sim.jobs.host import Host
from tests.repo import test_writing_a_kernel as page

pytestmark = pytest.mark.system

CONFIG = get_config("tiny")
PROGRAM = """
start:  wait 3, 2
        add x9, x1, x2
        st.d x9, x0, 0x80
        raise 4, 1
        halt
bad:    trap 9
"""


@pytest.fixture
def hosts(engine):
    """A simulated node and one of RTL."""
    return SimulatorHost(CONFIG), Host(engine)


def both(hosts, act):
    """What an action gives on both, which is the same; refusals and faults as their text."""
    results = []
    for host in hosts:
        try:
            results.append(act(host))
        except HostError as error:
            results.append(str(error))
    assert results[0] == results[1]
    return results[0]


def test_bytes_at_any_address_are_the_same(hosts, rng):
    """Images that begin and end inside words, one after another and over one another."""
    memory = np.zeros(CONFIG.sram_bytes, np.uint8)
    for _ in range(20):
        writes = []
        for _ in range(int(rng.integers(1, 6))):
            size = int(rng.choice([0, 1, 3, 7, 8, 13, 64, 100, 200]))
            address = int(rng.integers(0x400, 0x600))
            image = rng.integers(0, 256, size, dtype=np.uint8)
            memory[address : address + size] = image
            writes.append((address, image.tobytes()))
        both(hosts, lambda host, writes=writes: host.write(writes))
        size, address = int(rng.integers(1, 300)), int(rng.integers(0x300, 0x700))
        expected = memory[address : address + size].tobytes()
        assert both(hosts, lambda host, a=address, n=size: host.read(a, n)) == expected


def test_threads_semaphores_and_refusals(hosts):
    program = assemble(PROGRAM)
    both(hosts, lambda host: host.write([(program.origin, program.image)]))

    def act(host):
        session = host.session
        host.start([Launch(1, program.labels["start"], (30, 12))])
        found = []
        for script in (
            session.raise_semaphore(3, 1),
            session.raise_semaphore(64, 1),
            session.raise_semaphore(9, 0xFFFF),
            session.raise_semaphore(9, 1),
            session.debug(DebugOp.STEP, 1),
            session.debug(DebugOp.STATUS, 4),
            session.read(CONFIG.sram_bytes, 8),
        ):
            try:
                found.append(host.do(script))
            except Refused as refused:
                found.append(str(refused))
        notify = session.request(Kind.WRITE, Kind.ACK, address=0x1000, length=1, tag=3, sequence=SEQUENCE_NOTIFY)

        def last():
            yield [notify]

        host.do(last())
        return found, host.wait(1), host.read(0x80, 8), host.do(session.identity())

    found, ended, word, identity = both(hosts, act)
    assert found[0] is None and found[2] is None and sum(isinstance(item, str) for item in found) == 5
    assert ended[0][1].state is ThreadState.IDLE and int.from_bytes(word, "little") == 42
    assert identity == {"version": 1, "sram_bytes": CONFIG.sram_bytes, "x": 1, "y": 1, "threads": 4}
    fault = both(hosts, lambda host: host.run([Launch(2, program.labels["bad"])]))
    assert fault.startswith("thread 2 stopped: FAULTED at pc 0x114 (trap 9), TRAP with operand 0x9")


def test_a_debugger_sees_the_same(hosts):
    program = assemble("start: li x5, 1\n addi x5, x5, 2\n addi x5, x5, 3\n st.d x5, x0, 0x80\n halt")
    both(hosts, lambda host: host.write([(program.origin, program.image)]))

    def act(host):
        def say(op, operand=0):
            return host.do(host.session.debug(op, 0, operand))

        host.flush()
        say(DebugOp.BREAK_SET, PROGRAM_BASE + 4)
        host.start([Launch(0, PROGRAM_BASE)])
        while (status := say(DebugOp.STATUS)).state is not ThreadState.HALTED:
            assert status.state in (ThreadState.IDLE, ThreadState.RUNNING)
        seen = [status, say(DebugOp.STEP), say(DebugOp.INJECT, assemble("addi x5, x5, 100").words[0])]
        say(DebugOp.BREAK_CLEAR)
        seen.append(say(DebugOp.JUMP, PROGRAM_BASE + 12))
        say(DebugOp.RESUME)
        return [(s.state, s.pc, s.seq) for s in seen], host.wait(1)[0][1].retired, host.read(0x80, 8)

    seen, retired, word = both(hosts, act)
    assert [pc - PROGRAM_BASE for _, pc, _ in seen] == [4, 8, 8, 12] and int.from_bytes(word, "little") == 103 and retired == 5


def test_the_example_of_the_documents_runs_on_the_rtl(tmp_path, monkeypatch, engine):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["double.py", "rtl"])
    monkeypatch.setattr("sim.jobs.machine.engine", lambda config: engine)
    (program,), (host,) = page.blocks("asm"), page.blocks("python")
    assert page.run(tmp_path, program, host)["got"].tolist() == [2.0 * i for i in range(100)]
