"""Wrong bits in the SRAM of a node that runs: one is corrected and counted, two stop the thread that reads the word.

Programs plant the bits themselves: a whole scalar store under the control register ECC_INJECT writes them inverted.
"""

import pytest

from golden.arch.config import get_config
from golden.arch.descriptor import Descriptor
from golden.arch.memmap import CONTROL_BASE, LINE_BYTES, PROGRAM_BASE, ControlLine, Counter, Csr, Fault, Status, ThreadState
from golden.arch.sram import inject
from golden.asm import assemble
from golden.host import HostError
from golden.kernels.job import Launch
from golden.rig import Rig
from golden.rig.faults import FAULTS
from sim.jobs.host import Host
from sim.jobs.lockstep import run_lockstep
from sim.jobs.program import Work, run_rtl

pytestmark = pytest.mark.system

CONFIG = get_config("tiny")
DATA = 0x3000
BITS = [0, 31, 63, 64, 71]
PAIRS = [(0, 1), (5, 70), (63, 64), (64, 71)]


def plant(address: str | int, *bits: int, value: str = "x20") -> str:
    """Lines that store a register with wrong bits."""
    return f"""
        li64 x31, {inject(*bits)}
        li64 x30, {address}
        fence
        csrw x31, {int(Csr.ECC_INJECT)}
        st.d {value}, x30, 0
        fence
        csrw x0, {int(Csr.ECC_INJECT)}
    """


CODE = """
place:  addi x1, x1, 5
        jr x28
good:   addi x1, x1, 7
        jr x28
"""
"""Two routines of one word each in one line: the first is what `spoil` spoils. A program begins with them, so they are aligned."""


def spoil(*bits: int) -> str:
    """Lines that give the word of the routine `place` wrong bits."""
    return f"ld.d x20, x0, {PROGRAM_BASE}\n{plant(PROGRAM_BASE, *bits)}\niflush"


def descriptor(d: int, address: int = DATA, **extents: int) -> str:
    """Lines that set d[d]."""
    low, high = Descriptor(base=address // 8, **extents).pack()
    return f"li64 x27, {low}\nli64 x26, {high}\nsetd d{d}, x27, x26"


def launches(program) -> list[Launch]:
    first = Launch(0, program.labels["start"])
    return [first, *(Launch(t, program.labels[f"start{t}"]) for t in (1, 2, 3) if f"start{t}" in program.labels)]


def lockstep(engine, text: str):
    program = assemble(text)
    return run_lockstep(CONFIG, [(program.origin, program.image)], launches(program), engine=engine)


def corrected(engine) -> int:
    line = Host(engine).read(CONTROL_BASE + LINE_BYTES * (ControlLine.COUNTERS + Counter.ECC_CORRECTED // 8), LINE_BYTES)
    at = 8 * (Counter.ECC_CORRECTED % 8)
    return int.from_bytes(line[at : at + 8], "little")


def status(engine, thread: int) -> Status:
    return Status.of(Host(engine).read(CONTROL_BASE + LINE_BYTES * (ControlLine.STATUS + thread), LINE_BYTES))


OTHERS = """
start1: li x1, 0
        loopi end1, 300
        addi x1, x1, 3
        st.d x1, x0, 0x80
end1:   ld.d x2, x0, 0x80
        halt
"""


@pytest.mark.parametrize("bit", BITS)
def test_one_wrong_bit_of_data_changes_nothing_and_is_counted(engine, bit):
    before = corrected(engine)
    result = lockstep(engine, f"""
start:  li64 x20, 0x0123456789abcdef
        {plant(DATA, bit)}
        ld.d x1, x30, 0
        add x2, x1, x20
        ld.hu x3, x30, 2
        st.b x3, x30, 7
        ld.d x4, x30, 0
        halt
        {OTHERS}""")
    assert not result.faults
    # Two loads and the merge; the merged word is written back right, the last load and the host find nothing.
    assert corrected(engine) - before == 3


@pytest.mark.parametrize("bit", BITS)
def test_one_wrong_bit_of_code_changes_nothing_and_is_counted(engine, bit):
    before = corrected(engine)
    result = lockstep(engine, f"""{CODE}
start:  li x1, 1
        {spoil(bit)}
        call x28, place
        st.d x1, x0, 0x90
        halt
        {OTHERS}""")
    assert not result.faults
    assert corrected(engine) > before


READS = {
    "a scalar load": "ld.d x1, x30, 0",
    "a load of a byte, to nowhere": "ld.b x0, x30, 5",
    "a partial scalar store": "st.w x20, x30, 4",
    "a contiguous vector load": "vld.c v1, d0",
    "a gathered vector load": "vld.g8 v1, d0",
    "a partial vector store": "vst.c v1, d1",
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("read", READS)
def test_two_wrong_bits_stop_the_thread_that_reads_them_and_no_other(engine, read, pair):
    result = lockstep(engine, f"""
start:  li64 x20, 0x0123456789abcdef
        {descriptor(0, rows=8, columns=64)}
        {descriptor(1, rows=1, columns=5)}
        {plant(DATA, *pair)}
        {READS[read]}
        halt
        {OTHERS}""")
    assert len(result.faults) == 1 and "thread 0 stopped with ECC" in result.faults[0] and f"operand {DATA:#x}" in result.faults[0]
    told = status(engine, 0)
    assert (told.state, told.cause, told.operand) == (ThreadState.FAULTED, Fault.ECC, DATA)
    assert status(engine, 1).state is ThreadState.IDLE


@pytest.mark.parametrize("entry", (0, 4))
def test_a_lost_word_of_code_stops_who_comes_to_it_with_its_pc(engine, entry):
    """The line's other words run; a thread that has the line and does not come to the word goes on."""
    result = lockstep(engine, f"""{CODE}
start:  {spoil(3, 40)}
        raise 3, 1
        call x28, good
        li x29, {PROGRAM_BASE + entry}
        callr x28, x29
        halt
start1: wait 3, 1
        loopi end1, 50
        call x28, good
        nop
end1:   st.d x1, x0, 0x90
        halt
""")
    assert len(result.faults) == 1 and "thread 0 stopped with ECC" in result.faults[0]
    told = status(engine, 0)
    assert (told.cause, told.pc, told.operand) == (Fault.ECC, PROGRAM_BASE + entry, PROGRAM_BASE)
    assert status(engine, 1).state is ThreadState.IDLE


def test_a_lost_word_of_code_that_is_written_again_runs(engine):
    result = lockstep(engine, f"""{CODE}
start:  {spoil(3, 40)}
        st.d x20, x0, {PROGRAM_BASE}
        iflush
        li x1, 0
        call x28, place
        st.d x1, x0, 0x90
        halt
""")
    assert not result.faults


@pytest.mark.parametrize("read", READS)
def test_threads_that_lose_words_together_hear_each_of_its_own(engine, read):
    """All four at once, on the same ports: nobody's report stands in for another's."""
    threads = "\n".join(f"""
start{t or ""}: li x20, 99
        {descriptor(0, DATA + 64 * t, rows=8, columns=64)}
        {descriptor(1, DATA + 64 * t, rows=1, columns=5)}
        {plant(DATA + 64 * t, 3, 4 + t)}
        barrier 1, 4
        {READS[read]}
        halt""" for t in range(4))
    result = lockstep(engine, threads)
    assert len(result.faults) == 4
    assert [status(engine, t).operand for t in range(4)] == [DATA + 64 * t for t in range(4)]


def test_a_thread_that_lost_a_word_can_be_started_again(engine):
    text = f"""
start:  li x20, 5
        {plant(DATA, 8, 9)}
        ld.d x1, x30, 0
        halt
"""
    for _ in range(2):
        assert len(lockstep(engine, text).faults) == 1
    assert not lockstep(engine, f"start: li64 x30, {DATA}\nli x1, 4\nst.d x1, x30, 0\nld.d x2, x30, 0\nhalt").faults


def test_the_host_hears_of_it_and_writes_the_word_anew(engine):
    host = Host(engine)
    program = assemble(f"start: li x20, 5\n{plant(DATA, 8, 9)}\nhalt\nread: li64 x30, {DATA}\nld.d x1, x30, 0\nhalt")
    host.write([(program.origin, program.image)])
    host.flush()
    host.run([Launch(0, program.labels["start"])])
    with pytest.raises(HostError, match=f"refused a packet for address {DATA:#x}: ECC"):
        host.read(DATA, 8)
    assert host.read(DATA + 8, 56) == bytes(56), "the other words of the line can be read"
    with pytest.raises(HostError, match=f"thread 2 stopped: FAULTED .*ECC with operand {DATA:#x}"):
        host.run([Launch(2, program.labels["read"])])
    host.write([(DATA, bytes(8))])
    host.run([Launch(2, program.labels["read"])])


def test_a_run_prints_it():
    said: list[str] = []
    program = assemble(f"start: li x20, 5\n{plant(DATA, 8, 9)}\nld.d x1, x30, 0\nhalt")
    assert not run_rtl(Work(program, CONFIG), said.append)
    assert any("thread 0 stopped with ECC" in line and "ld.d x1, x30, 0" in line and f"operand {DATA:#x}" in line for line in said)


def test_random_programs_one_of_whose_threads_loses_a_word(engine, seed):
    for number in range(2 * len(FAULTS["ECC"])):
        job = Rig(100 * seed + number, CONFIG, length=30, threads=4, fault="ECC").job()
        result = run_lockstep(CONFIG, [(job.program.origin, job.program.image), *job.inputs], job.launches, strict=True, engine=engine)
        assert len(result.faults) == 1 and "ECC" in result.faults[0], f"seed {job.seed}"
