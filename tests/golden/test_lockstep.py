"""The comparison of an RTL's run with the simulator's, on runs made by the simulator and then changed."""

from dataclasses import replace

import pytest

from golden.arch.config import get_config
from golden.arch.memmap import Fault, Status, ThreadState
from golden.asm import assemble
from golden.iss.node import Simulator
from golden.iss.state import Node
from golden.kernels.job import Launch
from golden.lockstep import Difference, Injection, Result, Run, compare

CONFIG = get_config("tiny")
PROGRAM = assemble("li x1, 7\nloopi end, 3\naddi x1, x1, 5\nnop\nend: st.d x1, x0, 0x80\nhalt\n")
FAULTY = assemble("li x1, 7\nst.d x1, x0, 0x80\ntrap 5\nhalt\n")
LAUNCHES = [Launch(0, PROGRAM.origin)]


def memory(program=PROGRAM):
    return [(program.origin, program.image)]


def run_of(program=PROGRAM) -> Run:
    """What an RTL that is right leaves."""
    node = Node(CONFIG)
    node.write(program.origin, program.image)
    simulator = Simulator(node)
    node.threads[0].start(program.origin, ())
    records = list(simulator.run())
    thread = node.threads[0]
    status = Status(thread.state, thread.cause, thread.pc, thread.operand, thread.retired, thread.seq)
    return Run({0: records}, {0: status}, node.sram.tobytes(), cycles=40)


def compared(run: Run, program=PROGRAM) -> Result:
    return compare(CONFIG, memory(program), LAUNCHES, run)


def test_equal_runs_agree():
    result = compared(run_of())
    assert (result.retired, result.cycles, result.faults) == (10, 40, []) and "loopi" in result.coverage.points


@pytest.mark.parametrize("at", range(10))
def test_a_wrong_record_is_named(at):
    run = run_of()
    run.records[0][at] = replace(run.records[0][at], executed=False)
    with pytest.raises(Difference, match="differ on thread 0"):
        compared(run)


def test_a_wrong_value_is_named():
    run = run_of()
    run.records[0][0].effects[0] = ("x", 1, 8)
    with pytest.raises(Difference, match="li x1, 7"):
        compared(run)


@pytest.mark.parametrize("length", [0, 4, 9])
def test_a_record_that_never_came(length):
    run = run_of()
    del run.records[0][length:]
    with pytest.raises(Difference, match="RTL: nothing"):
        compared(run)


def test_a_record_too_many():
    run = run_of()
    run.records[0].append(replace(run.records[0][-1], seq=10))
    with pytest.raises(Difference, match="retired 11 instructions on the RTL, 10 on the simulator"):
        compared(run)


def test_a_record_of_a_thread_that_did_not_run():
    run = run_of()
    run.records[2] = [replace(run.records[0][0], thread=2)]
    with pytest.raises(Difference, match="thread 2 retired 1 instructions"):
        compared(run)


def test_a_wrong_byte_of_sram():
    run = run_of()
    run.image = run.image[:-1] + b"\x01"
    with pytest.raises(Difference, match="SRAM differs in 1 bytes, first at 0x1ffff"):
        compared(run)


def test_nothing_to_compare():
    with pytest.raises(Difference, match="nothing was compared"):
        compare(CONFIG, memory(), [], Run({}, {}, _blank()))


def test_a_fault_of_the_first_instruction_is_a_result():
    program = assemble("trap 5\n")
    result = compared(run_of(program), program)
    assert result.retired == 0 and result.faults == ["thread 0 stopped with TRAP at pc 0x100 (trap 5), operand 0x5"]


def _blank() -> bytes:
    image = bytearray(CONFIG.sram_bytes)
    image[PROGRAM.origin : PROGRAM.origin + len(PROGRAM.image)] = PROGRAM.image
    return bytes(image)


def test_a_fault_may_drop_older_instructions_but_not_change_them():
    run = run_of(FAULTY)
    assert compared(run, FAULTY).retired == 2 and "TRAP" in compared(run, FAULTY).faults[0]
    stored = run.records[0].pop()
    assert compared(run, FAULTY).retired == 1
    run.records[0].append(replace(stored, effects=[("m", 0x80, bytes(8))]))
    with pytest.raises(Difference):
        compared(run, FAULTY)


@pytest.mark.parametrize("wrong", [{"cause": Fault.RANGE}, {"operand": 6}, {"pc": 0x100}, {"state": ThreadState.IDLE}])
def test_another_end_is_named(wrong):
    run = run_of(FAULTY)
    run.statuses = {0: replace(run.statuses[0], **wrong)}
    with pytest.raises(Difference, match="thread 0 ended as|retired"):
        compared(run, FAULTY)


LOST = assemble("li64 x1, 0x8180\ncsrw x1, 7\nst.d x1, x0, 0x80\nld.d x2, x0, 0x80\nhalt\n")
LOST_CODE = assemble("li64 x1, 0x8180\ncsrw x1, 7\nst.d x1, x0, 0x80\nli x2, 0x84\njr x2\n")


def test_a_lost_word_of_data_may_be_told_with_any_pc():
    run = run_of(LOST)
    assert "ECC at pc 0x110 (ld.d x2, x0, 128), operand 0x80" in compared(run, LOST).faults[0]
    run.statuses = {0: replace(run.statuses[0], pc=0x114)}
    assert compared(run, LOST).faults
    run.statuses = {0: replace(run.statuses[0], operand=0x88)}
    with pytest.raises(Difference, match="thread 0 ended as FAULTED with ECC, operand 0x88 on the RTL, as FAULTED with ECC, operand 0x80"):
        compared(run, LOST)


def test_a_lost_word_of_code_has_its_pc():
    run = run_of(LOST_CODE)
    assert "ECC at pc 0x84" in compared(run, LOST_CODE).faults[0]
    run.statuses = {0: replace(run.statuses[0], pc=0x80)}
    with pytest.raises(Difference, match="thread 0 ended as"):
        compared(run, LOST_CODE)


def injected(at: int, word: int) -> Run:
    """A debugger's ld.d x1, x0, 0 before instruction `at`."""
    run = run_of()
    plain = run.records[0]
    loaded = replace(plain[at], word=word, executed=True, effects=[("x", 1, 1000)])
    run.injected = {(0, at): Injection(word, ((0, (1000).to_bytes(8, "little")),))}
    later = [replace(record, seq=record.seq + 1) for record in plain[at:]]
    run.records[0] = [*plain[:at], loaded, *later]
    return run


def test_an_injected_instruction_is_executed_where_it_was():
    word = assemble("ld.d x1, x0, 0").words[0]
    run = injected(8, word)  # before the store, where x1 is 22
    run.records[0][9].effects[0] = ("m", 0x80, (1000).to_bytes(8, "little"))
    image = bytearray(run.image)
    image[0:8] = image[0x80:0x88] = (1000).to_bytes(8, "little")
    run.image = bytes(image)
    assert compared(run).retired == 11


def test_an_injection_does_not_end_a_loop_that_it_stands_in():
    word = assemble("add x0, x0, x0").words[0]
    run = injected(3, word)  # the thread stands at the loop's last instruction
    run.injected = {(0, 3): Injection(word)}
    run.records[0][3].effects.clear()
    assert compared(run).retired == 11


def test_an_injection_that_never_happened():
    run = run_of()
    run.injected = {(0, 50): Injection(PROGRAM.words[0])}
    with pytest.raises(Difference, match="never came there"):
        compared(run)
