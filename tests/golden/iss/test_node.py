"""Loops, threads, waiting, faults, and the reports of a program that reads nothing's value or waits for ever."""

import pytest

from golden.arch.memmap import Fault, ThreadState
from golden.asm import assemble
from golden.iss.errors import UndefinedRead
from golden.iss.node import HangError, Simulator, describe_fault
from golden.iss.state import Node
from tests.golden.iss.bench import TINY, Run, ended, f32, run
from tests.golden.iss.faults import FAULTS, HALF, REGISTERS, SRAM
from tests.golden.iss.test_semantics import setd


def x1(text: str, **given) -> int:
    job = run(text, **given)
    assert ended(job), job.thread.cause
    return job.thread.x[1]


# --- loops -------------------------------------------------------------------------------------------------------------------------


def test_a_loop_runs_its_body_so_many_times():
    assert x1("loopi end, 5\naddi x1, x1, 1\naddi x1, x1, 2\nend: nop") == 15
    assert x1("li x2, 7\nloop end, x2\naddi x1, x1, 1\nend: nop") == 7
    assert x1("loopi end, 1\naddi x1, x1, 1\nend: nop") == 1


def test_a_loop_of_zero_is_skipped():
    assert x1("loopi end, 0\naddi x1, x1, 1\nend: addi x1, x1, 100") == 100
    assert x1("loop end, x0\naddi x1, x1, 1\nend: addi x1, x1, 100") == 100


def test_a_loop_may_be_the_last_thing_and_may_not_run():
    assert x1("(p1) loopi end, 9\naddi x1, x1, 1\nend: nop") == 1, "predicated off: the body is ordinary text"


def test_loops_nest_four_deep():
    """2 * 3 * 4 * 5 times 1, and after each inner loop 1 more: 120 + 24 + 6 + 2 in x1 by tens."""
    text = """
        loopi a, 2
        loopi b, 3
        loopi c, 4
        loopi d, 5
        addi x1, x1, 1
d:      addi x2, x2, 1
c:      addi x3, x3, 1
b:      addi x4, x4, 1
a:      nop
    """
    job = run(text)
    assert [job.thread.x[i] for i in (1, 2, 3, 4)] == [120, 24, 6, 2]
    assert job.thread.loops == [] and len(job.records) == 1 + 2 + 6 + 24 + 120 + 24 + 6 + 2 + 2


def test_loops_may_end_together():
    """Two loops with one last instruction: 3 * (1 + 2 * 1)."""
    job = run("loopi end, 3\naddi x1, x1, 1\nloopi end, 2\naddi x2, x2, 1\nend: nop")
    assert (job.thread.x[1], job.thread.x[2]) == (3, 6)


def test_a_predicated_last_instruction_ends_a_loop_too():
    assert x1("loopi end, 3\naddi x1, x1, 1\n(p1) addi x1, x1, 10\nend: nop") == 3


def test_a_loop_may_contain_calls_and_branches():
    body = "call x31, sub\n(p1) br over\naddi x1, x1, 1\nover: addi x1, x1, 1\n"
    assert x1(f"loopi end, 3\n{body}end: br out\nsub: addi x1, x1, 10\njr x31\nout: nop") == 36


def test_the_fifth_loop_is_a_fault_before_it_begins():
    nested = "".join(f"loopi end, 2\naddi x{i}, x{i}, 1\n" for i in range(1, 6))
    job = run(nested + "nop\nend: nop")
    assert (job.thread.state, job.thread.cause, job.thread.operand) == (ThreadState.FAULTED, Fault.LOOP, 5)
    assert job.thread.pc == 0x100 + 4 * 8 and [job.thread.x[i] for i in range(1, 6)] == [1, 1, 1, 1, 0]
    again = run("li x9, 2\n" + "".join("loop end, x9\n" for _ in range(5)) + "nop\nend: nop")
    assert again.thread.cause is Fault.LOOP


def test_loops_left_behind_end_with_the_thread():
    job = Run("loopi end, 3\nnop\nhalt\nend: nop\nagain: addi x1, x1, 1\nnop\nhalt").start().go()
    job.thread.start(job.program.labels["again"])
    assert job.thread.loops == []
    job.go()
    assert job.thread.x[1] == 1


# --- faults --------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "cause", "operand"), FAULTS, ids=[text.split("\n")[-1] for text, *_ in FAULTS])
def test_faults(text, cause, operand):
    job = run(text, x=REGISTERS)
    if cause is None:
        assert ended(job)
        return
    thread = job.thread
    assert (thread.state, thread.cause, thread.operand) == (ThreadState.FAULTED, cause, operand)
    last = len(job.program.words) - 2  # the instruction before the halt
    assert thread.pc == (operand if cause is Fault.FETCH else 0x100 + 4 * last)
    assert len(job.records) == thread.retired and all(record.pc != thread.pc or cause is Fault.FETCH for record in job.records)
    assert cause.name in describe_fault(job.node, thread)


def test_a_fault_changes_nothing():
    job = run(HALF + "li x9, 5\nvst.c v1, d0, inner", v={1: f32(1.0)})
    assert job.thread.cause is Fault.RANGE and not any(job.node.read(SRAM - 16, 16))
    assert job.thread.inner[0].base == SRAM // 8 - 2 and job.thread.x[9] == 5
    job = run("stp.d x1, x5, 8", x={5: 0x1004})
    assert job.thread.x[5] == 0x1004
    job = run("callr x1, x5", x={5: 0x1002, 1: 7})
    assert job.thread.x[1] == 7


def test_running_off_the_end_of_memory():
    job = Run(f"br {SRAM - 4}").start()
    job.store(SRAM - 4, (1).to_bytes(4, "little")).go()
    assert (job.thread.cause, job.thread.operand, len(job.records)) == (Fault.FETCH, SRAM, 2)


PLANT = "csrw x9, 7\nst.d x3, x5, 0\ncsrw x0, 7\n"  # x5 = 0x1000; x9 says which bits
ONE = setd(0, base=0x1000 // 8, rows=1, columns=64)
THREE = setd(0, base=0x1000 // 8, rows=1, columns=3)  # bytes

LOST = [
    ("ld.d x1, x5, 0", Fault.ECC),
    ("ld.b x1, x5, 7", Fault.ECC),
    ("ld.d x1, x5, 8", None),
    ("st.w x1, x5, 4", Fault.ECC),
    ("st.d x1, x5, 0\nld.d x1, x5, 0", None),
    ("st.d x1, x5, 8\nld.d x1, x5, 0", Fault.ECC),
    (ONE + "vld.c v1, d0", Fault.ECC),
    (THREE + "vld.c v1, d0", Fault.ECC),
    (THREE + "vst.c v1, d0", Fault.ECC),
    (ONE + "vst.c v1, d0\nvld.c v2, d0", None),
    ("jr x5", Fault.ECC),
]


@pytest.mark.parametrize(("text", "cause"), LOST, ids=[text.split("\n")[-1] for text, _ in LOST])
def test_a_word_stored_with_two_wrong_bits_stops_who_reads_it(text, cause):
    # Bits 1 and 64, the lowest of the check byte: 0x81, 0xc0. One of them alone, or one twice, is corrected.
    job = run(PLANT + text, x={3: 0b1010, 5: 0x1000, 9: 0xC081})
    expected = (ThreadState.FAULTED, cause, 0x1000) if cause else (ThreadState.IDLE, Fault.NONE, 0)
    assert (job.thread.state, job.thread.cause, job.thread.operand) == expected
    if text != "jr x5":
        for single in (0x0081, 0xC000, 0x8181, 0x4181):
            assert ended(run(PLANT + text, x={3: 0b1010, 5: 0x1000, 9: single}))


def test_a_lost_word_shows_as_it_is_and_a_host_s_write_makes_it_good():
    job = run(PLANT + "halt", x={3: 0b1010, 5: 0x1000, 9: 0x8281})
    assert job.node.lost == {0x1000}
    assert job.node.read(0x1000, 8) == bytes([0b1100, *bytes(7)])
    job.node.write(0x0FF8, bytes(8))
    assert job.node.lost == {0x1000}
    job.node.write(0x0FF8, bytes(16))
    assert job.node.lost == set()


def test_an_instruction_in_a_lost_word_names_the_word():
    """Both instructions of the word at 0x108; those before and behind it run."""
    for pc, runs in ((0x104, True), (0x108, False), (0x10C, False), (0x110, True)):
        job = Run("nop\n" * 6)
        job.node.lost.add(0x108)
        thread = job.node.threads[0]
        thread.start(pc)
        assert (job.simulator.step(thread) is not None) is runs
        assert (thread.cause, thread.operand) == ((Fault.NONE, 0) if runs else (Fault.ECC, 0x108))


def test_an_injected_instruction_keeps_what_it_stored():
    """Right behind the place that it was put to, and at the end of memory, where nothing is behind."""
    job = Run("nop\nnop").start()
    job.thread.x[1], job.thread.x[2] = 0x11223344, 0x104
    store = assemble("st.w x1, x2, 0").words[0]
    assert job.simulator.inject(job.thread, store).effects == [("m", 0x104, bytes.fromhex("44332211"))]
    assert job.node.read(0x100, 8) == bytes.fromhex("01000000 44332211") and job.thread.pc == 0x100
    job.thread.pc = SRAM - 4
    assert job.simulator.inject(job.thread, 1) and job.node.read(SRAM - 4, 4) == bytes(4) and job.thread.pc == SRAM - 4


def test_a_fault_is_a_sentence():
    job = run("nop\ntrap 7")
    assert describe_fault(job.node, job.thread) == "thread 0 stopped with TRAP at pc 0x104 (trap 7), operand 0x7"
    job = run(f"br {SRAM}")
    assert describe_fault(job.node, job.thread).startswith("thread 0 stopped with FETCH at pc 0x20000")


def test_a_fault_stops_its_thread_only():
    job = Run("a: trap 1\nb: addi x1, x1, 1\nhalt").start("a", "b").go()
    assert [t.state for t in job.node.threads[:2]] == [ThreadState.FAULTED, ThreadState.IDLE]
    assert job.node.threads[1].x[1] == 1


# --- semaphores, barriers, threads -----------------------------------------------------------------------------------------------


def order(job: Run, pc: int) -> list[int]:
    """Threads in the order in which they retired the instruction at ``pc``."""
    return [record.thread for record in job.records if record.pc == pc]


def test_a_wait_takes_what_was_raised():
    job = run("raise 3, 5\nwait 3, 2\nwaitr 3, x2", x={2: 3 | 1 << 16})
    assert ended(job) and job.node.semaphores[3] == 0
    assert job.records[0].effects == [("s", 3, 5)]


def test_a_wait_blocks_until_the_raise():
    job = Run("a: wait 7, 2\nst.d x1, x0, 64\nhalt\nb: nop\nnop\nraise 7, 1\nnop\nraise 7, 1\nhalt").start("a", "b").go()
    assert ended(job)
    raises = [i for i, record in enumerate(job.records) if record.pc in (job.program.labels["b"] + 8, job.program.labels["b"] + 16)]
    assert next(i for i, record in enumerate(job.records) if record.pc == 0x100) > max(raises)


def test_waiters_wake_in_order_of_arrival():
    """Thread 2 comes first and asks for 3; 0 and 1, which ask for 1, stand behind it."""
    text = "a: nop\nnop\nnop\nw1: wait 5, 1\nhalt\nb: nop\nnop\nw2: wait 5, 1\nhalt\nc: wait 5, 3\nhalt\nd: nop\nnop\nnop\nnop\nnop\n"
    job = Run(text + "raise 5, 2\nnop\nnop\nraise 5, 1\nnop\nraise 5, 1\nnop\nraise 5, 1\nhalt").start("a", "b", "c", "d")
    job.go()
    waits = [record.thread for record in job.records if record.word & 0x1FF == 0x020]
    assert waits == [2, 1, 0]
    assert job.node.semaphores[5] == 0 and job.node.queues[5] == []


def test_a_wait_for_nothing_passes_but_not_before_those_in_line():
    job = run("wait 0, 0")
    assert ended(job)
    job = Run("a: wait 1, 1\nhalt\nb: nop\nwait 1, 0\nhalt\nc: nop\nnop\nnop\nraise 1, 1\nhalt").start("a", "b", "c").go()
    assert [record.thread for record in job.records if record.word & 0x1FF == 0x020] == [0, 1]


def test_a_full_semaphore_keeps_its_value():
    job = run("loopi end, 64\nraise 1, 1023\nnop\nend: raise 1, 64")
    assert (job.thread.cause, job.node.semaphores[1]) == (Fault.SEMAPHORE, 64 * 1023)


def test_a_barrier_holds_until_all_have_come():
    text = "a: nop\nbarrier 2, 3\nafter: nop\nhalt\nb: nop\nnop\nnop\nnop\nbarrier 2, 3\nnop\nhalt\nc: barrier 2, 3\nhalt"
    job = Run(text).start("a", "b", "c").go()
    assert ended(job) and all(not members for members in job.node.barriers)
    passed = [i for i, record in enumerate(job.records) if record.word & 0x1FF == 0x023]
    arrived = next(i for i, record in enumerate(job.records) if record.thread == 1 and record.seq == 3)
    assert len(passed) == 3 and min(passed) > arrived


def test_a_barrier_can_be_used_again_at_once():
    """Two threads meet 20 times; neither is ever two meetings ahead."""
    text = "a: loopi e, 20\nbarrier 0, 2\naddi x1, x1, 1\ne: halt\nb: loopi f, 20\nnop\nnop\nbarrier 0, 2\naddi x1, x1, 1\nf: halt"
    job = Run(text).start("a", "b").go()
    assert [t.x[1] for t in job.node.threads[:2]] == [20, 20]
    count = [0, 0]
    for record in job.records:
        if record.word & 0x1FF == 0x050:
            count[record.thread] += 1
            assert abs(count[0] - count[1]) <= 1


def test_barriers_are_apart():
    text = "a: barrier 0, 2\nhalt\nb: barrier 1, 2\nhalt\nc: barrier 0, 2\nhalt\nd: nop\nbarrier 1, 2\nhalt"
    job = Run(text).start("a", "b", "c", "d").go()
    assert all(t.state is ThreadState.IDLE for t in job.node.threads)
    assert ended(run("barrier 7, 1"))


def test_tstart_and_tjoin():
    """Thread 1 keeps its registers, starts with clear predicates, and is waited for."""
    other = "other: addi x5, x5, 1\n(p1) addi x5, x5, 100\nst.d x5, x0, 64\nhalt"
    job = Run(f"tstart 1, other\ntjoin 1\nld.d x1, x0, 64\nhalt\n{other}").start()
    job.node.threads[1].x[5], job.node.threads[1].p[1] = 41, True
    job.go()
    assert ended(job) and job.thread.x[1] == 42
    assert [(record.thread, record.seq) for record in job.records if record.thread == 1] == [(1, i) for i in range(4)]


def test_a_thread_may_be_started_again():
    job = Run("tstart 2, other\ntjoin 2\ntstart 2, other\ntjoin 2\nhalt\nother: addi x1, x1, 1\nhalt").start().go()
    assert ended(job) and job.node.threads[2].x[1] == 2
    assert [record.seq for record in job.records if record.thread == 2] == [0, 1, 0, 1]


def test_starting_a_thread_that_runs_is_a_fault():
    job = Run("a: nop\ntstart 1, b\nhalt\nb: nop\nnop\nnop\nnop\nhalt").start("a", "b").go()
    assert (job.thread.cause, job.thread.operand) == (Fault.BUSY, 1)
    assert job.node.threads[1].state is ThreadState.IDLE


def test_joining_a_thread_that_faulted_or_never_ran_passes():
    job = Run("tjoin 3\ntstart 1, other\ntjoin 1\nhalt\nother: nop\ntrap 1").start().go()
    assert ended(job) and job.node.threads[1].state is ThreadState.FAULTED


def test_start_packets_give_eight_registers():
    job = Run("halt").start(args=(1, -1))
    assert job.thread.x[1:9] == [1, (1 << 64) - 1, 0, 0, 0, 0, 0, 0]


def test_sequence_numbers_count_modulo_65536():
    job = Run("loopi e, 1023\nloopi f, 70\nnop\nf: nop\ne: halt").start().go(100_000)
    assert job.thread.retired == len(job.records) > 1 << 16
    assert [record.seq for record in job.records] == [i % (1 << 16) for i in range(len(job.records))]


# --- reports -----------------------------------------------------------------------------------------------------------------------


def strict(text: str, args: tuple[int, ...] = ()) -> Run:
    return Run(text + "\nhalt", strict=True).start(args=args).go()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("add x2, x1, x9", "thread 0 at 0x100: add x2, x1, x9 reads x9"),
        ("nop\nlih x10, 4", "at 0x104: lih x10, 4 reads x10"),
        ("li x9, 8\nstp.d x10, x9, 8", "stp.d x10, x9, 8 reads x10"),
        ("jr x31", "jr x31 reads x31"),
        ("vadd_", "vfadd v1, v2, v2 reads v2"),
        ("vxor v1, v2, v3", "vxor v1, v2, v3 reads v2"),
        ("vld.c v1, d0", "vld.c v1, d0 reads d0"),
        ("getd x2, d5, 0", "getd x2, d5, 0 reads d5"),
        ("dstep d5", "dstep d5 reads d5"),
        ("vxor v1, v1, v1\nstep.bf16 c3, v1, v1", "step.bf16 c3, v1, v1 reads c3"),
        ("setd d0, x1, x2\ndrain.f32 c0, d0", "drain.f32 c0, d0 reads c0"),
        ("setd d0, x1, x2\nvxor v1, v1, v1\ncld.f32 c0, v1, 0\ncld.f32 c0, v1, 2\ndrain.f32 c0, d0", "drain.f32 c0, d0 reads c0"),
        ("peq p1, x9, x0", "peq p1, x9, x0 reads x9"),
        ("waitr 1, x9", "waitr 1, x9 reads x9"),
    ],
)
def test_reading_what_nobody_wrote_is_reported(text, said):
    with pytest.raises(UndefinedRead) as caught:
        strict(text.replace("vadd_", "vfadd v1, v2, v2"), args=(0x1000, 0))
    assert said in str(caught.value) and str(caught.value).endswith(", which nobody wrote")


@pytest.mark.parametrize(
    "text",
    [
        "add x9, x1, x8",  # the start packet's
        "xor x9, x9, x9\nadd x10, x9, x9",
        "vxor v1, v1, v1\nvcopy v2, v1",
        "vxor v1, v1, v1\nstep.bf16 c0, v1, v1, first\nstep.bf16 c0, v1, v1",
        "vxor v1, v1, v1\ncld.row c0, v1, 0\nsetd d0, x1, x2\ndrain.f32 c0, d0",
        "vxor v1, v1, v1\n" + "".join(f"cld.f32 c0, v1, {q}\n" for q in range(4)) + "step.bf16 c0, v1, v1",
        "vxor v1, v1, v1\n" + "".join(f"cld.raw c0, v1, {r}\n" for r in range(8)) + "step.bf16 c0, v1, v1",
        "(p1) add x1, x9, x9",
        "add x9, x0, x0",
    ],
)
def test_what_was_written_may_be_read(text):
    assert ended(strict(text, args=(0x1000, 0)))


def test_what_a_start_gave_counts_whenever_the_simulator_is_made():
    node = Node(TINY)
    node.write(0x100, Run("add x9, x1, x8\nadd x9, x9, x10").program.image)
    node.threads[0].start(0x100, (1,))
    with pytest.raises(UndefinedRead, match="reads x10"):
        Simulator(node, strict=True).finish()
    node.threads[0].start(0x100)
    with pytest.raises(UndefinedRead, match="reads x1,"):
        Simulator(node, strict=True).finish()


def test_only_a_strict_simulator_reports():
    assert ended(run("add x1, x9, x9"))


def test_a_hang_says_what_every_thread_waits_for():
    job = Run("a: wait 4, 3\nhalt\nb: raise 4, 1\nbarrier 1, 3\nhalt\nc: tjoin 0\nhalt\nd: halt").start("a", "b", "c", "d")
    with pytest.raises(HangError) as caught:
        job.go()
    assert str(caught.value).split("; ") == [
        "thread 0 at 0x100 waits for semaphore 4 to reach 3 (it is 1)",
        "thread 1 at 0x10c waits for barrier 1: 1 of 3 threads have come",
        "thread 2 at 0x114 waits for thread 0 to end",
    ]


def test_a_hang_names_the_thread_that_a_fault_stopped():
    job = Run("a: wait 4, 1\nhalt\nb: trap 7\nraise 4, 1\nhalt").start("a", "b")
    with pytest.raises(HangError) as caught:
        job.go()
    assert str(caught.value).split("; ") == [
        "thread 0 at 0x100 waits for semaphore 4 to reach 1 (it is 0)",
        "thread 1 stopped with TRAP at pc 0x108 (trap 7), operand 0x7",
    ]


def test_a_program_without_end_is_stopped():
    job = Run("here: br here").start()
    with pytest.raises(HangError, match="500 instructions retired and the program goes on: thread 0 at 0x100"):
        job.go(500)


def test_finish_counts():
    node = Node(TINY)
    node.write(0x100, Run("nop\nnop\nhalt").program.image)
    node.threads[2].start(0x100)
    assert Simulator(node).finish() == 3
