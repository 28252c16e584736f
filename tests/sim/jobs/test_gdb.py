"""GDB's remote protocol by a client of a few lines, against a simulated node; and a real GDB where there is one.

The node's threads are known by packets alone, so that what holds here holds on the RTL (tests/system/test_debugger.py).
"""

import shutil
import socket
import subprocess
import threading

import pytest

from golden.iss.host import Host
from sim.jobs.debug_packets import Threads
from sim.jobs.gdb import FIRST, PC, Stub, serve, talk
from sim.jobs.program import Work
from tests.sim.jobs.stepped import CONFIG, PROGRAM


class Client:
    """Sends packets and takes the answers, as GDB does."""

    def __init__(self, connection):
        self.connection, self.came = connection, b""

    def say(self, text):
        data = text.encode()
        self.connection.sendall(b"$%s#%02x" % (data, sum(data) % 256))
        while b"#" not in self.came or len(self.came) < self.came.index(b"#") + 3:
            self.came += self.connection.recv(4096)
        end = self.came.index(b"#")
        assert self.came[:2] == b"+$" and int(self.came[end + 1 : end + 3], 16) == sum(self.came[2:end]) % 256
        answer, self.came = self.came[2:end].decode(), self.came[end + 3 :]
        self.connection.sendall(b"+")
        return answer

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.say(f"p{number:x}")), "little")


def node():
    return Threads(Host(CONFIG), Work(PROGRAM, CONFIG))


@pytest.fixture
def client():
    here, there = socket.socketpair()
    server = threading.Thread(target=talk, args=(there, Stub(node())))
    server.start()
    yield Client(here)
    here.close()
    server.join(10)
    there.close()
    assert not server.is_alive()


def test_steps_registers_and_memory(client):
    assert "qXfer:features:read+" in client.say("qSupported:xmlRegisters=i386")
    assert client.say("?") == "T05thread:1;"
    assert client.say("qfThreadInfo") == "m1,2" and client.say("qsThreadInfo") == "l"
    assert client.register(PC) == PROGRAM.labels["start"]
    assert client.say("vCont;s:1") == "T05thread:1;" and client.register(FIRST + 5) == 7
    assert client.say("s") == "T05thread:1;" and client.register(FIRST + 5) == 8
    assert client.register(PC) == PROGRAM.labels["start"] + 8
    everything = bytes.fromhex(client.say("g"))
    assert everything[-8 * 27 :][:8] == (8).to_bytes(8, "little")
    assert client.say(f"P{FIRST + 5:x}={(99).to_bytes(8, 'little').hex()}") == "OK"
    client.say("s")
    assert client.say("m80,8") == (99).to_bytes(8, "little").hex()
    assert client.say("M80,2:0102") == "OK" and client.say("m80,3") == "010200"


def test_breakpoints_and_the_end(client):
    at = PROGRAM.labels["start1"] + 8
    assert client.say(f"Z0,{at:x},1") == "OK"
    assert client.say("Z0,100,1") == "E01"  # a thread has one
    stopped = client.say("c")
    assert stopped == "T05thread:2;swbreak:;" and client.register(PC) == at and client.register(FIRST + 6) == 8
    assert client.say(f"z0,{at:x},1") == "OK"
    assert client.say("c") == "W00"


def test_a_thread_that_waits_lets_the_others_go_on(client):
    client.say("Hg2")
    assert client.register(PC) == PROGRAM.labels["start1"]
    assert client.say("vCont;s:2") == "T05thread:2;" and client.register(PC) == PROGRAM.labels["start1"] + 4
    assert client.say("m80,1") == "08"


def test_jumps(client):
    client.say(f"P{PC:x}={(PROGRAM.labels['start'] + 20).to_bytes(8, 'little').hex()}")
    assert client.say("s") == "T05thread:2;"  # it was the halt; the other thread is left


def test_what_is_not_there(client):
    assert client.say("mfffffff,8") == "E01" and client.say("p100") == "E01" and client.say("Hg9") == "E01"
    assert client.say("qWhat") == "" and client.say("!") == ""
    client.connection.sendall(b"$?#00")
    assert client.connection.recv(1) == b"-"


def test_it_leaves(client):
    assert client.say("D") == "OK"


def test_a_real_gdb_steps_and_stops():
    """Where there is none nothing is left to check."""
    gdb = shutil.which("gdb")
    if gdb is None:
        return
    said, told = [], threading.Event()

    def say(text):
        said.append(text)
        told.set()

    server = threading.Thread(target=serve, args=(node(), 0, say))
    server.start()
    told.wait(10)
    port = said[0].split()[5].rstrip(":")
    lines = [
        "set confirm off",
        f"target remote localhost:{port}",
        "info threads",
        "stepi",
        'printf "x5 %d\\n", $x5',
        f"break *{PROGRAM.labels['start1'] + 8:#x}",
        "continue",
        'printf "pc %#lx x6 %d\\n", $rip, $x6',
        "x/1gx 0x80",
        "set $x6 = 77",
        'printf "x6 %d\\n", $x6',
        "delete",
        "continue",
    ]
    run = subprocess.run(
        [gdb, "-nx", "-batch", *(word for line in lines for word in ("-ex", line))], capture_output=True, text=True, timeout=60
    )
    server.join(10)
    assert "x5 7\n" in run.stdout, run.stdout + run.stderr
    assert f"pc {PROGRAM.labels['start1'] + 8:#x} x6 8\n" in run.stdout and "0x0000000000000008" in run.stdout
    assert "x6 77\n" in run.stdout and "exited normally" in run.stdout
    assert "(HALTED)" in run.stdout
    assert not server.is_alive()
