"""The front end against the instruction-set simulator: random programs of all threads, on a back end that is played.

The simulator says in which order each thread's instructions retire and what every register and predicate is. What the front end
dispatches must be the simulator's order, every queue must hold what it should, and a thread must end as the simulator says.
"""

import random

import pytest

from golden.arch import isa
from golden.arch.classes import Queue
from golden.arch.memmap import Csr, Fault, ThreadState
from golden.arch.sram import inject
from golden.asm import assemble
from golden.kernels.job import Launch
from golden.rig import Rig
from tests.rtl.core.front.played import CONFIG, THREADS, BackEnd, shows_pc, simulate_reference, start
from tests.rtl.core.front.side import FrontSide

RESTING = 8  # cycles after which a run is over: what the trace says comes a little after a thread's end


def play(simulate, memory, launches, rng: random.Random, lazy: float = 0.3, limit: int = 30_000) -> BackEnd:
    """Run a program to its end and compare."""
    dut = FrontSide(CONFIG)
    expected = simulate_reference(memory, launches)
    back = BackEnd(dut, expected, memory, rng, lazy)

    async def bench(ctx) -> None:
        waiting, resting = list(launches), 0
        for _ in range(3):
            await ctx.tick()
        while True:
            ctx.set(dut.start.valid, 0)
            if waiting and rng.random() < 0.3:
                start(ctx, dut, waiting.pop(0))
            back.drive(ctx)
            back.read(ctx)
            await ctx.tick()
            states = [ctx.get(dut.status.state[t].state) for t in THREADS]
            rest = all(state in (ThreadState.IDLE, ThreadState.FAULTED) for state in states)
            resting = resting + 1 if rest and not waiting else 0
            if resting > RESTING:
                break
        for t in THREADS:
            ends(ctx, dut, back, t)

    simulate(dut, bench, limit=limit)
    return back


def ends(ctx, dut: FrontSide, back: BackEnd, t: int) -> None:
    """A thread at its end: state, and everything that it dispatched."""
    expected, status = back.expected, dut.status.state[t]
    thread = expected.node.threads[t]
    assert ctx.get(status.state) == thread.state
    assert ctx.get(status.cause) == thread.cause
    if thread.cause:
        assert ctx.get(status.operand) == thread.operand
        assert ctx.get(status.pc) == thread.pc or not shows_pc(thread)
    assert len(back.stream[t]) >= len(expected.stream[t])
    if thread.cause:
        return
    for name, kind in (("scalar", Queue.SCALAR), ("vector", Queue.VECTOR)):
        due = [(seq, word) for seq, _, word, executed in expected.stream[t] if executed and isa.BY_OPCODE[word & 0x1FF].queue is kind]
        got = back.queued[t, name]
        assert [seq for seq, _ in dict(got).items()] or not due
        assert list(dict.fromkeys(seq for seq, _ in got)) == list(dict.fromkeys(seq for seq, _ in due)), f"thread {t}: {name} queue"


def run_text(simulate, text: str, rng: random.Random, **options) -> BackEnd:
    program = assemble(text)
    launches = [Launch(t, program.labels[f"start{t}"], ()) for t in THREADS if f"start{t}" in program.labels]
    return play(simulate, [(program.origin, program.image)], launches, rng, **options)


LOOPS = """
start0: li x1, 3
        li x2, 0
        loop outer, x1
        loopi inner, 5
        addi x2, x2, 1
inner:  loopi one, 4
one:    nop
        loop never, x0
        trap 1
never:  loopi same, 2
        loopi same, 3
        addi x2, x2, 7
same:   addi x2, x2, 9
outer:  plti p1, x2, 4
        (p1) br bad
        call x31, sub
        lpc x3, sub
        callr x30, x3
        halt
bad:    trap 2
sub:    addi x4, x4, 1
        (p2) br back
        pand p2, p0, p0
        jr x31
back:   jr x30
"""


def test_loops_branches_and_calls(simulate, seed):
    run_text(simulate, LOOPS, random.Random(seed))


LONG = """
start0: li64 x1, {passes}
        li x2, 0
        loop end, x1
        addi x2, x2, 1
        pgei p1, x2, 4
        (p1) trap 4
        nop
end:    trap 1
"""


@pytest.mark.parametrize("passes", (0, 1, 3, (1 << 32) - 1, 1 << 32, (1 << 32) + 2, 1 << 63, (1 << 64) - 1))
def test_a_loop_of_many_passes_goes_round_until_it_is_left(simulate, seed, passes):
    """Counts that do not fit the counter go round as often as anybody can see."""
    back = run_text(simulate, LONG.format(passes=passes), random.Random(seed))
    assert back.expected.faults[0][1:] == (Fault.TRAP, back.expected.faults[0][2], 1 if passes < 4 else 4)
    assert sum(word & 0x1FF == isa.BY_MNEMONIC["pgei"].opcode for _, _, word, _ in back.stream[0]) == min(passes, 4)


@pytest.mark.parametrize("part", range(4))
def test_random_programs(simulate, seed, part):
    rng = random.Random(seed)
    job = Rig(rng.randrange(1 << 30), CONFIG, length=60).job()
    memory = [(job.program.origin, job.program.image), *job.inputs]
    play(simulate, memory, job.launches, rng, lazy=(0.05, 0.3, 0.6, 0.9)[part])


@pytest.mark.parametrize("cause", [cause.name for cause in Fault if cause not in (Fault.NONE, Fault.NETWORK)])
def test_a_fault(simulate, seed, cause):
    rng = random.Random(seed)
    job = Rig(rng.randrange(1 << 30), CONFIG, length=12, fault=cause).job()
    memory = [(job.program.origin, job.program.image), *job.inputs]
    back = play(simulate, memory, job.launches, rng)
    assert {fault[1].name for fault in back.expected.faults.values()} == {cause}


LOST = """
start0: li64 x30, {place}
        li64 x31, {inject}
        csrw x31, {csr}
        st.d x31, x30, 0
        fence
        csrw x0, {csr}
        {read}
        {end}
start1: loopi end1, 60
        nop
end1:   nop
        halt
"""


@pytest.mark.parametrize("end", ("halt", "fence\nhalt", "trap 9", "loopi last, 100\nnop\nlast: nop\nhalt", "wait 5, 1\nhalt"))
def test_a_thread_hears_of_a_lost_word_before_it_ends(simulate, seed, end):
    """However soon it comes to its end, or however long it waits or runs on."""
    text = LOST.format(place=0x3000, inject=inject(7, 8), csr=int(Csr.ECC_INJECT), read="ld.d x1, x30, 0", end=end)
    for lazy in (0.0, 0.5):
        back = run_text(simulate, text, random.Random(seed), lazy=lazy)
        assert {t: fault[1] for t, fault in back.expected.faults.items()} == {0: Fault.ECC}
        assert back.killed == {0} and sorted(back.stopped) == [0, 1]


@pytest.mark.parametrize("entry", (0, 4, 8))
def test_a_lost_word_of_code_stops_who_comes_to_it(simulate, seed, entry):
    """Two instructions are lost; the next word of the line is not."""
    word = assemble("halt").words[0]
    lines = f"li64 x1, {word}\nst.w x1, x30, 8\niflush\nli64 x1, {0x3000 + entry}"
    text = LOST.format(place=0x3000, inject=inject(7, 8), csr=int(Csr.ECC_INJECT), read=lines, end="jr x1\nhalt")
    back = run_text(simulate, text, random.Random(seed))
    faults = {0: (Fault.ECC, 0x3000 + entry, 0x3000)} if entry < 8 else {}
    assert {t: fault[1:] for t, fault in back.expected.faults.items()} == faults
    assert not back.killed


def test_nobody_starves(simulate, seed):
    """Three threads that never wait, and one whose queues are mostly full: all of them finish in comparable time."""
    loop = "start{t}: li x1, 0\n loopi end{t}, 200\n nop\n nop\n nop\nend{t}: halt\n"
    text = "".join(loop.format(t=t) for t in (1, 2, 3)) + "start0: loopi end0, 60\n addi x1, x1, 1\n addi x2, x2, 1\nend0: halt\n"
    back = run_text(simulate, text, random.Random(seed), lazy=0.9)
    assert back.cycle < 3000


@pytest.mark.rtl
def test_random_programs_under_cocotb(bench):
    assert len(bench(FrontSide(CONFIG), "cocotb_unit.py", config="tiny")) == 27


def test_a_thread_that_a_packet_is_about_to_start_is_busy(simulate, seed):
    """A tstart comes while the packet's registers are written: it faults as if the thread ran, which then starts as the packet says."""
    program = assemble("start0: tstart 1, other\nhalt\nstart1: " + "nop\n" * 20 + "other: halt\n")
    memory = [(program.origin, program.image)]
    launches = [Launch(t, program.labels[f"start{t}"], ()) for t in (0, 1)]
    dut = FrontSide(CONFIG)
    back = BackEnd(dut, simulate_reference(memory, launches), memory, random.Random(seed))
    assert back.expected.faults[0][1] == Fault.BUSY

    async def bench(ctx) -> None:
        async def cycle() -> None:
            back.drive(ctx)
            back.read(ctx)
            await ctx.tick()
            ctx.set(dut.start.valid, 0)

        await cycle()
        start(ctx, dut, launches[0])
        await cycle()
        ctx.set(dut.start.thread, 1)
        ctx.set(dut.start.claim, 1)
        while ctx.get(dut.status.state[0].state) != ThreadState.FAULTED:
            assert ctx.get(dut.status.state[1].state) == ThreadState.IDLE
            await cycle()
        start(ctx, dut, launches[1])
        await cycle()
        ctx.set(dut.start.claim, 0)
        await cycle()
        while ctx.get(dut.status.state[1].state) != ThreadState.IDLE:
            await cycle()
        for _ in range(RESTING):
            await cycle()
        for t in THREADS:
            ends(ctx, dut, back, t)

    simulate(dut, bench, limit=2_000)
