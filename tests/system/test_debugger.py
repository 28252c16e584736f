"""The debugger on the RTL, through debug packets: it says what the one on the simulator says."""

import pytest

from golden.asm import assemble
from golden.kernels.placement import Allocator, steps
from sim.jobs import machine
from sim.jobs.debug_packets import Commanded, Threads
from sim.jobs.debugger import Simulated
from sim.jobs.gdb import FIRST, PC, Stub
from sim.jobs.host import Host
from sim.jobs.program import Work
from tests.sim.jobs.stepped import CONFIG, PROGRAM

pytestmark = pytest.mark.system
COMMANDS = ["s", "s 2", "m 0x80 u64", "b again", "b again", "s", "t 1", "s", "s", "s", "s", "t 0", "watch 0x80", "watch 0x80", "c", "s"]


@pytest.fixture(scope="module")
def both():
    """said(command) gives both a command; what each of them says."""
    work, said = Work(PROGRAM, CONFIG), ([], [])
    with machine.engine("tiny", trace=True) as engine:
        debuggers = Simulated(work, said[0].append), Commanded(work, said[1].append, engine)

        def say(command):
            for lines, debugger in zip(said, debuggers, strict=True):
                lines.clear()
                assert debugger.command(command)
            return tuple(map("\n".join, said))

        yield say


def test_the_same_commands_say_the_same(both):
    for command in COMMANDS:
        simulated, rtl = both(command)
        assert simulated == rtl, command


def test_registers_breakpoints_and_what_the_rtl_does_not_show():
    work, said = Work(PROGRAM, CONFIG), []
    with machine.engine("tiny", trace=True) as engine:
        debugger = Commanded(work, said.append, engine)

        def say(command):
            said.clear()
            assert debugger.command(command)
            return "\n".join(said)

        assert say("b again") == "breakpoints: 0x108"
        assert say("c").endswith("next: thread 0 at 0x108 (st.d x5, x0, 128)")
        assert "x5  0000000000000008" in say("r") and "pc 0x108, HALTED" in say("r")
        assert say("v 2").startswith("v2 was not written while the debugger looked")
        assert say("a 0").startswith("the RTL shows no accumulator") and say("w").startswith("the RTL shows no semaphores")
        assert say("b 0x10c") == "breakpoints: 0x108, 0x10c" and say("c").startswith("a thread has one breakpoint in hardware")
        assert say("b again") == "breakpoints: 0x10c" and say("c").endswith("next: thread 0 at 0x10c (raise 3, 1)")
        assert say("s 3").endswith("thread 0 has ended")


def test_memory_is_watched_step_by_step_and_time_has_one_direction():
    said = []
    with machine.engine("tiny", trace=True) as engine:
        debugger = Commanded(Work(PROGRAM, CONFIG), said.append, engine)

        def say(command):
            said.clear()
            assert debugger.command(command)
            return said

        assert say("watch 0x80") == ["watched: 8 bytes at 0x80"]
        assert say("c") == ["the RTL has no watchpoint: s N looks at the memory after each instruction"]
        assert say("s 9")[-2:] == [
            "8 bytes at 0x80 were 0x0000000000000000, are 0x0000000000000008",
            "next: thread 0 at 0x10c (raise 3, 1)",
        ]
        assert say("back") == ["the RTL does not go back: the simulator does (leave --rtl out)"]


def test_vector_registers_are_those_that_the_trace_told():
    space = Allocator(CONFIG, 0x180)
    image = space.matrix("x", 1, 16, "FP32").descriptor(**steps("x", 8, "y", 1)).pack()
    program = assemble("start: setd d0, x1, x2\n li x5, 7\n st.d x5, x0, 0x180\n fence\n vld.c v1, d0\n halt")
    said = []
    with machine.engine("tiny", trace=True) as engine:
        debugger = Commanded(Work(program, CONFIG, tuple(image)), said.append, engine)
        for command in ("s 5", "v 1 u64"):
            said.clear()
            debugger.command(command)
        assert said[0].startswith("7 ")


def test_a_thread_that_waits_lets_the_others_go_on():
    said = []
    with machine.engine("tiny", trace=True) as engine:
        debugger = Commanded(Work(PROGRAM, CONFIG), said.append, engine)
        for command in ("t 1", "s"):
            debugger.command(command)
        assert said[-1] == "next: thread 1 at 0x11c (ld.d x6, x0, 128)"
        assert debugger.read(0x80, 1) == b"\x08"


def test_gdb_speaks_to_the_rtl():
    with machine.engine("tiny", trace=True) as engine:
        stub = Stub(Threads(Host(engine), Work(PROGRAM, CONFIG), engine.run))
        assert stub.answer("?") == "T05thread:1;" and stub.answer("s") == "T05thread:1;"
        assert stub.answer(f"p{FIRST + 5:x}") == (7).to_bytes(8, "little").hex()
        assert stub.answer(f"P{FIRST + 5:x}={(20).to_bytes(8, 'little').hex()}") == "OK"
        assert stub.answer("Z0,11c,1") == "OK" and stub.answer("c") == "T05thread:2;swbreak:;"
        assert stub.answer(f"p{PC:x}") == (0x11C).to_bytes(8, "little").hex()
        assert stub.answer("m80,1") == "15" and stub.answer("z0,11c,1") == "OK" and stub.answer("c") == "W00"
