"""Programs that hang, go on for ever or fault, on the simulator and on the RTL: the command ends by itself and says where they stand."""

import re
import struct

import pytest

from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor
from golden.asm import assemble
from golden.lockstep import Difference
from sim.jobs import lockstep, machine, program
from sim.jobs.debugger import Simulated
from sim.jobs.host import Host
from tests.sim.jobs.stepped import TEXT

MACHINES = ("iss", "rtl")

WAITING = """start:  wait 3, 1
        halt
start1: raise 4, 2
        barrier 0, 2
        halt
start2: tjoin 1
        halt
"""


@pytest.fixture
def ran(say, tmp_path):
    """ran("iss", text) runs a program on a node of the tiny configuration."""

    def run(machine: str, text: str, options: str = ""):
        (tmp_path / "program.s").write_text(text)
        return say(f"{machine} program.s --config tiny {options}")

    return run


def missing(text, *parts):
    return [part for part in parts if part not in text]


def test_a_hang_on_the_simulator_says_what_each_thread_waits_for(ran):
    said = ran("iss", WAITING)
    waits = [
        "thread 0 at 0x100 waits for semaphore 3 to reach 1 (it is 0)",
        "thread 1 at 0x10c waits for barrier 0: 1 of 2 threads have come",
        "thread 2 at 0x114 waits for thread 1 to end",
    ]
    assert said.status == 2 and said.err == f"python -m sim iss: {'; '.join(waits)}\n"


def test_a_hang_on_the_rtl_says_what_each_thread_waits_for(ran):
    said = ran("rtl", WAITING)
    lines = said.err.splitlines()
    assert said.status == 2 and lines[0] == "python -m sim rtl: nothing retired and no packet moved for 5000 cycles:"
    assert lines[1:] == [
        "  thread 0: WAITING at pc 0x100 (wait 3, 1), 0 instructions retired",
        "  thread 1: WAITING at pc 0x10c (barrier 0, 2), 1 instructions retired",
        "  thread 2: WAITING at pc 0x114 (tjoin 1), 0 instructions retired",
        "  thread 3: idle",
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_thread_that_faulted_is_told_beside_the_one_that_waits_for_it(machine, ran):
    said = ran(machine, "start: wait 3, 1\nhalt\nstart1: trap 7\nraise 3, 1\nhalt\n")
    assert said.status == 2 and not missing(said.err, "0x100", "TRAP", "at pc 0x108 (trap 7)", "operand 0x7")


def test_a_program_without_end_is_stopped_on_the_rtl(ran, monkeypatch):
    monkeypatch.setattr(lockstep, "LIMIT", 20_000)
    said = ran("rtl", "nop\nhere: br here\n")
    assert said.status == 2
    assert not missing(said.err, "no answer within 20000 cycles, and the machine still moves:", "thread 0: RUNNING at pc 0x104 (br 0x104)")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (".word 0", "ILLEGAL at pc 0x100 (.word 0x00000000)"),
        ("nop\n.word 0xfff", "ILLEGAL at pc 0x104 (.word 0x00000fff)"),
        ("li x1, 3\nld.d x2, x1, 0\nhalt", "MISALIGNED at pc 0x104 (ld.d x2, x1, 0), operand 0x3"),
        ("li x1, -8\nst.d x1, x1, 0\nhalt", "RANGE at pc 0x104 (st.d x1, x1, 0), operand 0xfffffffffffffff8"),
        ("li64 x1, 0x20000\njr x1", "RANGE at pc 0x108 (jr x1), operand 0x20000"),
    ],
)
def test_a_fault_is_told_with_cause_pc_and_instruction(machine, text, fault, ran):
    said = ran(machine, text)
    assert said.status == 1 and f"thread 0 stopped with {fault}" in said.out and not said.err


@pytest.mark.parametrize(("machine", "told"), [("iss", "2 instructions, all threads ended\n"), ("rtl", "2 instructions in ")])
def test_a_program_that_ends_is_no_failure_and_says_so(machine, told, ran):
    said = ran(machine, "li x1, 3\nhalt\n")
    assert said.status == 0 and said.out.startswith(told)


def test_a_difference_says_whose_mistake_it_may_be(say, tmp_path, monkeypatch):
    def differs(*_, **__):
        raise Difference("RTL and simulator differ on thread 0")

    monkeypatch.setattr(lockstep, "run_lockstep", differs)
    (tmp_path / "program.s").write_text("halt\n")
    said = say("rtl program.s")
    assert said.status == 2 and said.err == f"python -m sim rtl: RTL and simulator differ on thread 0\n{program.AGREE}\n"


# --- memory --------------------------------------------------------------------------------------------------------------------

ADD_ONE = """start:  ld.d x2, x1, 0
        addi x2, x2, 1
        st.d x2, x1, 8
        halt
"""


@pytest.mark.parametrize("machine", MACHINES)
def test_files_are_loaded_and_memory_is_shown(machine, ran, tmp_path):
    (tmp_path / "in.bin").write_bytes(struct.pack("<Q4f", 41, 0.5, -1.0, 2.0, 3.0))
    said = ran(machine, ADD_ONE, "--args 0x200 --load 0x200=in.bin --dump 0x200,16:u64 --dump 0x20c,8:fp32 --dump start,4")
    assert said.status == 0
    word = assemble(ADD_ONE).image[:4].hex()
    assert [line for line in said.out.splitlines() if ": " in line] == ["000200: 41 42", "00020c: 0 2", f"000100: {word}"]


VECTOR = """start:  setd d0, x1, x2
        setd d1, x3, x4
        vld.c v1, d0
        vst.c v1, d1
        halt
"""


@pytest.mark.parametrize(("form", "shown"), [("", "0000803f000000bf 0000"), ("fp32", "1 -0.5 0"), ("i32", "1065353216 -1090519040 0")])
def test_a_trace_shows_addresses_and_values_of_vector_stores(form, shown, ran, tmp_path):
    (tmp_path / "in.bin").write_bytes(struct.pack("<16f", 1.0, -0.5, *[0.0] * 14))
    row = {"rows": 1, "columns": 16, "elem": 2}
    images = [*Descriptor(base=0x400 // 8, **row).pack(), *Descriptor(base=0x440 // 8, **row).pack()]
    said = ran("iss", VECTOR, f"--args {' '.join(map(str, images))} --load 0x400=in.bin --trace {form}")
    lines = [line for line in said.out.splitlines() if "vst.c" in line]
    assert len(lines) == 1 and f"[0x440]={shown}" in lines[0], said


ENDLESS = """start:  nop
here:   br here
start1: wait 3, 1
"""


def test_an_endless_program_says_where_ctrl_c_found_it(ran, ctrl_c):
    ctrl_c(program, 5)
    said = ran("iss", ENDLESS, "--trace")
    where = "thread 0 at 0x104 (br 0x104); thread 1 at 0x108 (wait 3, 1) waits for semaphore 3 to reach 1 (it is 0)"
    assert (said.status, said.err) == (130, f"interrupted after 5 instructions: {where}\n")


@pytest.fixture
def stopped(monkeypatch):
    """An interruption comes 400 cycles after a program on the RTL was started."""
    wait_any = Host.wait_any

    def wait(host, threads):
        receive = host._receive

        def interrupted(count):
            host._receive = receive
            host.engine.run(400)
            raise KeyboardInterrupt

        host._receive = interrupted
        return wait_any(host, threads)

    monkeypatch.setattr(Host, "wait_any", wait)


@pytest.fixture
def traced(monkeypatch):
    """Commands use the model of the other tests, which has trace ports, whatever they ask for: one build serves all."""
    make = machine.engine
    monkeypatch.setattr(machine, "engine", lambda *names, **settings: make(*names, **(settings | {"trace": True})))


def test_a_program_on_the_rtl_says_where_ctrl_c_found_it(ran, stopped):
    said = ran("rtl", ENDLESS)
    first = r"thread 0 RUNNING at pc 0x104 \(br 0x104\), \d+ instructions retired"
    where = rf"{first}; thread 1 WAITING at pc 0x108 \(wait 3, 1\), 0 instructions retired"
    assert said.status == 130 and re.fullmatch(rf"interrupted in cycle \d+: {where}\n", said.err), said


def test_a_kernel_says_where_ctrl_c_found_it(say, stopped, traced):
    said = say("run gemm --m 64 --n 64 --k 64 --config tiny")
    where = r"thread 0 \w+ at pc 0x[0-9a-f]+ \([a-z].*\), \d+ instructions retired"
    assert said.status == 130 and re.fullmatch(rf"interrupted in cycle \d+: {where}\n", said.err), said


# --- the debugger ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def debug():
    """debug(text, "s", "r") gives the debugger commands; what it says to the last."""

    def run(text, *commands):
        said = []
        config = get_config("tiny")
        debugger = Simulated(program.Work(assemble(text), config), said.append)
        for command in commands:
            said.clear()
            assert debugger.command(command)
        return "\n".join(said)

    return run


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("s many", "'many' is not a count of instructions: 1 to 10000000"),
        ("s 0", "'0' is not a count of instructions: 1 to 10000000"),
        ("v", "there is no number of a vector register: 0 to 31"),
        ("v 32", "'32' is not a vector register: 0 to 31"),
        ("v 0 float", "no format 'float': there are hex, u8"),
        ("t 4", "'4' is not a thread: 0 to 3"),
        ("a 8", "'8' is not an accumulator: 0 to 7"),
        ("d -1", "'-1' is not a descriptor: 0 to 7"),
        ("b", "an address is missing: a number or a label"),
        ("b nowhere", "'nowhere' is neither an address nor a label"),
        ("b 0x101", "no instruction lies at 0x101: an address of one is a multiple of 4"),
        ("m 0x1fff0", "64 bytes at 0x1fff0 leave the 131072 bytes of SRAM"),
    ],
)
def test_what_the_debugger_cannot_do_is_one_sentence(command, told, debug):
    said = debug("halt\n", command)
    assert said.startswith(told) and "\n" not in said


def test_the_debugger_shows_the_whole_state(debug):
    text = "start: raise 3, 2\n li x1, 5\n halt\n"
    assert debug(text, "s", "w") == "semaphores: 3: 2"
    assert debug(text, "w") == "semaphores: all 0"
    assert debug(text, "d 0").startswith("d0: base 0x0  row_pitch 0")
    assert debug(text, "a 0").split() == ["0"] * 64
    assert debug(text, "v 0 u64") == "0 0 0 0 0 0 0 0"
    assert debug(text, "b start", "b 0x104", "c", "r").startswith("x0  0000000000000000")


def test_descriptors_are_shown_as_the_assembler_takes_them(debug):
    fields = "base=0x140, row_pitch=64, rows=3, columns=16, x0=-1, elem=4, inner=x+1, outer=y-8"
    text = f" lpc x1, d\n ld.d x2, x1, 0\n ld.d x3, x1, 8\n setd d2, x2, x3\n dstep d2, inner\n halt\n.align 8\nd: .desc {fields}\n"
    assert debug(text, "s 4").splitlines()[3].endswith("d2 at 0x140")
    shown, outer = debug(text, "s 5", "d 2").splitlines()
    told = "base 0x148  row_pitch 64  pixel 0  rows 3  columns 16  y0 0  x0 1  elem 4  width 1  inner x+1  outer y-8"
    assert shown == f"d2: {told}" and outer == "    outer: base 0x140, y0 0, x0 -1"


def test_the_debugger_stops_at_the_end(debug):
    assert debug("nop\nhalt\n", "s").endswith("next: thread 0 at 0x104 (halt)")
    assert debug("nop\nhalt\n", "s 9").endswith("thread 0 has ended")
    assert debug("nop\nhalt\n", "s 2", "s") == "thread 0 has ended"


RACY = "start: li x1, 5\n st.d x1, x0, 128\n halt\nstart1: li x1, 1\n ld.d x2, x0, 128\n{wait} halt\n"


def test_races_are_told_with_lines_and_make_the_command_fail(ran):
    said = ran("iss", RACY.format(wait=""), "--races")
    one, other = "thread 0 at 0x104 (st.d x1, x0, 128, program.s:2)", "thread 1 at 0x110 (ld.d x2, x0, 128, program.s:5)"
    assert said.status == 1 and f"race at 0x80: {one} writes it, {other} reads it, and nothing orders the two\n" in said.out
    said = ran("iss", RACY.format(wait=" wait 3, 1\n"), "--races")
    assert said.status == 2 and said.out.startswith("race at 0x80: ")  # told although the run then hangs


def test_a_program_without_races_says_so(ran):
    said = ran("iss", RACY.replace("st.d x1, x0, 128", "st.d x1, x0, 136").format(wait=""), "--races")
    assert said.status == 0 and "no races: all accesses of different threads to the same bytes are ordered\n" in said.out


def test_a_step_is_taken_back_with_what_others_did_since(debug):
    assert debug(TEXT, "s 3", "back") == "next: thread 0 at 0x108 (st.d x5, x0, 128)"
    assert debug(TEXT, "s 3", "back", "m 0x80 u64").startswith("0 ") and debug(TEXT, "s 3", "m 0x80 u64").startswith("8 ")
    assert debug(TEXT, "s 3", "back", "back", "s").splitlines()[0].endswith("x5=0x8")
    waited = ("t 1", "s")  # thread 0 ran until its raise
    assert debug(TEXT, *waited, "t 0").startswith("thread 0 at 0x110")
    assert debug(TEXT, *waited, "back").startswith("next: thread 1 at 0x118 (wait 3, 1)")
    assert debug(TEXT, *waited, "t 0", "back", "t 1", "s").splitlines()[0].endswith("wait 3, 1")
    assert debug(TEXT, "back") == "thread 0 stands at its beginning"
    assert debug(TEXT, "s", "t 1", "back") == "thread 1 stands at its beginning"


def test_memory_that_is_watched_stops_the_run_when_it_changes(debug):
    assert debug(TEXT, "watch 0x80", "c").splitlines()[-2:] == [
        "8 bytes at 0x80 were 0x0000000000000000, are 0x0000000000000008",
        "next: thread 0 at 0x10c (raise 3, 1)",
    ]
    assert debug(TEXT, "watch 0x80", "c", "c").endswith("thread 0 has ended")
    assert debug(TEXT, "watch 0x80 4", "watch 0x80 4") == "watched: nothing"
    assert debug(TEXT, "watch 0x88 1", "watch 0x80") == "watched: 8 bytes at 0x80, 1 bytes at 0x88"
    assert debug(TEXT, "watch 0x80", "t 1", "s").splitlines()[-2] == "8 bytes at 0x80 were 0x0000000000000000, are 0x0000000000000008"
    assert debug(TEXT, "watch 0x80", "c", "back", "s").count("are 0x0000000000000008") == 1
    assert debug(TEXT, "watch 0x80 65").startswith("'65' is not a count of bytes: 1 to 64")
