"""Code that is stored to must be flushed before it runs: the simulator names the store and the instruction."""

import pytest

from golden.arch.isa import BY_MNEMONIC
from golden.iss.code import Code
from golden.iss.errors import StaleCode
from tests.golden.iss.bench import Run, ended

LI = BY_MNEMONIC["li"].encode(rd=5, imm=7)
# A call before and after `target` is stored over; the place between store and second call is {between}.
AGAIN = f"""
        li64 x1, {LI}
        lpc  x2, target
        call x31, target
{{store}}
{{between}}
        call x31, target
        halt
target: li   x5, 3
        jr   x31
"""
STORES = ["st.w x1, x2, 0", "st.b x1, x2, 3", "stp.h x1, x2, 2", "addi x2, x2, -4\nandi x2, x2, -8\nst.d x1, x2, 0\nst.d x1, x2, 8"]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("store", STORES)
def test_code_that_was_run_and_stored_to_is_reported(store, strict):
    job = Run(AGAIN.format(store=store, between="fence"), strict=strict).start()
    with pytest.raises(StaleCode) as caught:
        job.go()
    assert f"runs the instruction at {job.program.labels['target']:#x}, which the store at 0x1" in str(caught.value)


def test_both_addresses_are_named():
    job = Run("a: lpc x2, b\nlpc x3, a\nld.w x1, x3, 0\nst.w x1, x2, 0\nnop\nb: nop\nhalt").start()
    said = "thread 0 runs the instruction at 0x114, which the store at 0x10c of thread 0 wrote: it stored to code that was not flushed"
    with pytest.raises(StaleCode, match=said):
        job.go()


def test_a_flush_between_is_enough():
    job = Run(AGAIN.format(store="st.w x1, x2, 0", between="iflush"), strict=True).start().go()
    assert ended(job) and job.thread.x[5] == 7


def test_lines_that_may_be_fetched_ahead_count():
    """The instruction stored to was never run, but lies close behind those that were; far away it may be written freely."""
    text = "lpc x2, t\nli64 x1, {word}\nst.w x1, x2, 0\nbr t\n{gap}t: nop\nhalt".replace("{word}", str(LI))
    with pytest.raises(StaleCode):
        Run(text.replace("{gap}", "nop\n" * 16)).start().go()
    assert ended(Run(text.replace("{gap}", "nop\n" * 64)).start().go())


@pytest.mark.parametrize(
    ("address", "size", "stale"),
    [
        (0x0FF, 1, None),  # the byte before what 0x100 made held: three lines of 64 bytes, up to 0x1bf
        (0x0FF, 2, 0x100),
        (0x100, 1, 0x100),  # the first byte of a line alone
        (0x17F, 1, 0x17C),
        (0x1BF, 1, 0x1BC),
        (0x1BF, 2, 0x1BC),
        (0x1C0, 8, None),
    ],
)
def test_bytes_at_the_ends_of_what_is_held(address, size, stale):
    code = Code()
    code.fetch(0, 0x100)
    code.store(0, 0x100, [("m", address, bytes(size))])
    assert set(code.stored) == ({stale} if stale else set())


def test_what_another_thread_stored_counts():
    text = "a: lpc x2, c\nst.w x0, x2, 0\nbarrier 0, 2\nhalt\nb: call x31, c\nbarrier 0, 2\ncall x31, c\nhalt\nc: nop\njr x31"
    with pytest.raises(StaleCode, match="thread 1 runs the instruction at .* of thread 0 wrote"):
        Run(text).start("a", "b").go()


def test_data_beside_code_may_be_stored():
    assert ended(Run("lpc x2, d\nst.w x0, x2, 0\nst.w x0, x2, 4\nhalt\nd: .word 1\n.word 2", strict=True).start().go())


def test_a_program_that_a_host_loads_over_it_runs():
    job = Run("lpc x2, d\nst.w x0, x2, 0\nst.d x0, x2, 4\nhalt\nd: .word 1\n.word 2\n.word 3").start().go()
    job.store(0x100, Run("nop\n" * 8 + "halt").program.image)
    assert ended(job.start().go())
