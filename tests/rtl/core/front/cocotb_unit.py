"""Runs inside Verilator: programs on the front end, with queues that stand still and fills that take long (watched.py)."""

from itertools import product

import cocotb

from golden.arch import isa
from golden.arch.memmap import Csr, Fault, ThreadState
from golden.arch.sram import inject
from golden.asm import assemble
from golden.rig import Rig
from golden.rig.faults import FAULTS
from tb.bind import bind
from tb.clock import cycles
from tb.clock import start as start_clock
from tb.seed import generator
from tests.rtl.core.front.played import CONFIG, simulate_reference, start
from tests.rtl.core.front.played_pins import Context, Pins
from tests.rtl.core.front.watched import RESTING, Watched, compare_ends, play, written


@cocotb.test()
@cocotb.parametrize(part=list(range(12)))
async def random_programs_on_four_threads(dut, part: int):
    lazy, latency = list(product((0.05, 0.3, 0.6, 0.9), ((2, 2), (3, 12), (20, 60))))[part]
    job = Rig(generator("program").getrandbits(30), CONFIG, length=150, threads=4).job()
    back = await play(dut, job, lazy, latency)
    assert back.dispatched.compared > 200 and back.entered.compared > 100


@cocotb.test()
@cocotb.parametrize(lazy=[0.05, 0.3, 0.6, 0.9])
async def short_programs_on_some_threads(dut, lazy: float):
    await play(dut, Rig(generator("program").getrandbits(30), CONFIG, length=60).job(), lazy)


@cocotb.test()
@cocotb.parametrize(lazy=[0.05, 0.3, 0.6, 0.9])
async def a_debugger_that_halts_changes_nothing(dut, lazy: float):
    job = Rig(generator("program").getrandbits(30), CONFIG, length=150, threads=4).job()
    back = await play(dut, job, lazy, (3, 12), debug=True)
    assert back.dispatched.compared > 200


JOINED = """
start0: tjoin 1
        tstart 1, again
        tjoin 1
        halt
start1: loopi end, 300
        nop
        nop
end:    halt
again:  loopi last, 300
        nop
        nop
last:   halt
"""


@cocotb.test()
async def a_join_waits_for_a_halted_thread(dut):
    job = written(JOINED)
    job.launches.reverse()
    await play(dut, job, 0.05, debug=True)


@cocotb.test()
@cocotb.parametrize(cause=list(FAULTS), threads=[None, 4])
async def a_fault_stops_one_thread(dut, cause: str, threads: int | None):
    job = Rig(generator("program").getrandbits(30), CONFIG, length=20 if threads else 12, threads=threads, fault=cause).job()
    back = await play(dut, job)
    assert [fault[1].name for fault in back.expected.faults.values()] == [cause]


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


@cocotb.test()
async def loops_branches_and_calls(dut):
    await play(dut, written(LOOPS))


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


@cocotb.test()
@cocotb.parametrize(passes=[0, 1, 3, (1 << 32) - 1, 1 << 32, (1 << 32) + 2, 1 << 63, (1 << 64) - 1])
async def a_loop_of_many_passes_goes_round_until_it_is_left(dut, passes: int):
    """Counts that do not fit the counter go round as often as anybody can see."""
    back = await play(dut, written(LONG.format(passes=passes)))
    assert back.expected.faults[0][1:] == (Fault.TRAP, back.expected.faults[0][2], 1 if passes < 4 else 4)
    assert sum(word & 0x1FF == isa.BY_MNEMONIC["pgei"].opcode for _, _, word, _ in back.stream[0]) == min(passes, 4)


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
ENDS = {
    "at once": "halt",
    "in a fence": "fence\nhalt",
    "in a fault": "trap 9",
    "in a loop": "loopi last, 100\nnop\nlast: nop\nhalt",
    "in a wait": "wait 5, 1\nhalt",
}


@cocotb.test()
@cocotb.parametrize(end=list(ENDS), lazy=[0.0, 0.5])
async def a_thread_hears_of_a_lost_word_before_it_ends(dut, end: str, lazy: float):
    """However soon it comes to its end, or however long it waits or runs on."""
    text = LOST.format(place=0x3000, inject=inject(7, 8), csr=int(Csr.ECC_INJECT), read="ld.d x1, x30, 0", end=ENDS[end])
    back = await play(dut, written(text), lazy)
    assert {t: fault[1] for t, fault in back.expected.faults.items()} == {0: Fault.ECC}
    assert back.killed == {0} and sorted(back.stopped) == [0, 1]


@cocotb.test()
@cocotb.parametrize(entry=[0, 4, 8])
async def a_lost_word_of_code_stops_who_comes_to_it(dut, entry: int):
    """Two instructions are lost; the next word of the line is not."""
    word = assemble("halt").words[0]
    lines = f"li64 x1, {word}\nst.w x1, x30, 8\niflush\nli64 x1, {0x3000 + entry}"
    text = LOST.format(place=0x3000, inject=inject(7, 8), csr=int(Csr.ECC_INJECT), read=lines, end="jr x1\nhalt")
    back = await play(dut, written(text))
    faults = {0: (Fault.ECC, 0x3000 + entry, 0x3000)} if entry < 8 else {}
    assert {t: fault[1:] for t, fault in back.expected.faults.items()} == faults
    assert not back.killed


@cocotb.test()
async def nobody_starves(dut):
    """Three threads that never wait, and one whose queues are mostly full: all of them finish in comparable time."""
    loop = "start{t}: li x1, 0\n loopi end{t}, 200\n nop\n nop\n nop\nend{t}: halt\n"
    text = "".join(loop.format(t=t) for t in (1, 2, 3)) + "start0: loopi end0, 60\n addi x1, x1, 1\n addi x2, x2, 1\nend0: halt\n"
    back = await play(dut, written(text), lazy=0.9)
    assert back.cycle < 3000


@cocotb.test()
async def a_thread_that_a_packet_is_about_to_start_is_busy(dut):
    """A tstart comes while the packet's registers are written: it faults as if the thread ran, which then starts as the packet says."""
    job = written("start0: tstart 1, other\nhalt\nstart1: " + "nop\n" * 20 + "other: halt\n")
    memory, ports = [(job.program.origin, job.program.image)], bind(dut)
    pins, ctx = Pins(ports), Context()
    back = Watched(pins, simulate_reference(memory, job.launches), memory, generator("back end"), 0.3, (3, 12))
    assert back.expected.faults[0][1] == Fault.BUSY
    await start_clock(ports, limit=2_000)

    async def cycle() -> None:
        back.drive(ctx)
        ctx.send()
        await cycles(ports, 1)
        back.read(ctx)
        ctx.set(pins.start.valid, 0)

    await cycle()
    start(ctx, pins, job.launches[0])
    await cycle()
    ctx.set(pins.start.thread, 1)
    ctx.set(pins.start.claim, 1)
    while ctx.get(pins.status.state[0].state) != ThreadState.FAULTED:
        assert ctx.get(pins.status.state[1].state) == ThreadState.IDLE
        await cycle()
    start(ctx, pins, job.launches[1])
    await cycle()
    ctx.set(pins.start.claim, 0)
    while 1 not in back.stopped:
        await cycle()
    for _ in range(RESTING):
        await cycle()
    compare_ends(ports, back)
