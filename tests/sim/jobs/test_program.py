"""Programs that hang, go on for ever or fault, on the simulator and on the RTL: the command ends by itself and says where they stand."""

import pytest

from sim.engine.binding import build
from sim.jobs import lockstep
from sim.jobs.machine import design

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

    def run(machine: str, text: str):
        (tmp_path / "program.s").write_text(text)
        if machine == "rtl":
            build(design("tiny", trace=True))  # first: a build tells its progress where the errors are read
        return say(f"{machine} program.s --config tiny")

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


@pytest.mark.parametrize("machine", MACHINES)
def test_a_program_that_ends_is_no_failure(machine, ran):
    assert ran(machine, "li x1, 3\nhalt\n").status == 0
