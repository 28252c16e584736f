"""The debugger's commands on a thread of the front end: halt, step, resume, breakpoint, inject, on a back end that is played."""

import random

import pytest

from golden.arch import isa
from golden.arch.memmap import ThreadState
from golden.arch.packet import DebugOp
from golden.asm import assemble
from golden.kernels.job import Launch
from tests.rtl.core.front.played import CONFIG, BackEnd, simulate_reference, start
from tests.rtl.core.front.side import FrontSide


@pytest.fixture(scope="module")
def dut():
    return FrontSide(CONFIG)


def debugged(simulate, dut, text: str, script, rng: random.Random, semaphores=None) -> BackEnd:
    """Run a program under a script, a coroutine function: it gives a command, waits until the thread is still, or for a cycle, or
    starts the thread again."""
    program = assemble(text)
    memory = [(program.origin, program.image)]
    launches = [Launch(0, program.labels["start0"], ())]
    back = BackEnd(dut, simulate_reference(memory, launches, semaphores), memory, rng)

    async def bench(ctx) -> None:
        async def cycle() -> None:
            back.drive(ctx)
            back.read(ctx)
            await ctx.tick()
            ctx.set(dut.start.valid, 0)
            ctx.set(dut.debug.valid, 0)

        async def command(op: DebugOp, value: int = 0) -> None:
            ctx.set(dut.debug.valid, 1)
            ctx.set(dut.debug.op, op)
            ctx.set(dut.debug.value, value)
            await cycle()

        async def still() -> tuple[int, int, int]:
            """Until the thread has come to rest: its state, pc and sequence number."""
            count = len(back.stopped)
            for _ in range(400):
                if len(back.stopped) > count:
                    status = dut.status.state[0]
                    return ctx.get(status.state), ctx.get(status.pc), ctx.get(status.seq)
                await cycle()
            raise AssertionError("the thread does not come to rest")

        async def again() -> None:
            start(ctx, dut, launches[0])
            await cycle()

        await cycle()
        await again()
        await script(program, back, command, still, cycle, again)

    simulate(dut, bench, limit=20_000, keep=True)
    return back


STRAIGHT = "start0: " + "\n".join(f"addi x{1 + i % 20}, x{i % 7}, {i}" for i in range(20))
STRAIGHT += "\nhere: add x1, x2, x3\nloopi end, 3\nnop\nend: nop\nhalt\n"


def test_halt_step_resume(simulate, dut, seed):
    async def script(program, back, command, still, cycle, again) -> None:
        while not back.stream[0]:
            await cycle()
        await command(DebugOp.HALT)
        state, pc, seq = await still()
        assert state == ThreadState.HALTED and pc == program.origin + 4 * seq
        for _ in range(4):
            await command(DebugOp.STEP)
            state, after, number = await still()
            assert (state, number) == (ThreadState.HALTED, seq + 1)
            assert after == pc + 4 or seq >= 20
            pc, seq = after, number
        await command(DebugOp.RESUME)
        assert (await still())[0] == ThreadState.IDLE

    back = debugged(simulate, dut, STRAIGHT, script, random.Random(seed))
    assert back.stream[0] == back.expected.stream[0]


def test_breakpoint(simulate, dut, seed):
    async def script(program, back, command, still, cycle, again) -> None:
        await command(DebugOp.BREAK_SET, program.labels["here"])
        state, pc, seq = await still()
        assert (state, pc, seq) == (ThreadState.HALTED, program.labels["here"], 20)
        await command(DebugOp.RESUME)
        assert (await still())[0] == ThreadState.IDLE

    back = debugged(simulate, dut, STRAIGHT, script, random.Random(seed))
    assert back.stream[0] == back.expected.stream[0]


def test_inject(simulate, dut, seed):
    word = isa.BY_MNEMONIC["addi"].encode(rd=9, ra=8, imm=7)

    async def script(program, back, command, still, cycle, again) -> None:
        await command(DebugOp.BREAK_SET, program.labels["here"])
        _, pc, seq = await still()
        back.expected.stream[0].insert(20, (20, pc, word, True))
        for index in range(21, len(back.expected.stream[0])):
            number, *rest = back.expected.stream[0][index]
            back.expected.stream[0][index] = (number + 1, *rest)
        await command(DebugOp.INJECT, word)
        assert await still() == (ThreadState.HALTED, pc, seq + 1)
        await command(DebugOp.BREAK_CLEAR)
        await command(DebugOp.RESUME)
        assert (await still())[0] == ThreadState.IDLE

    debugged(simulate, dut, STRAIGHT, script, random.Random(seed))


@pytest.mark.parametrize(("word", "state"), [(isa.BY_MNEMONIC["halt"].encode(), ThreadState.IDLE), (0x1FF, ThreadState.FAULTED)])
def test_an_injected_instruction_that_ends_the_thread_tells_it_once(simulate, dut, seed, word, state):
    """Also when the thread has been started again and is halted there: one stop."""

    async def script(program, back, command, still, cycle, again) -> None:
        await command(DebugOp.BREAK_SET, program.labels["here"])
        _, pc, _ = await still()
        first = back.expected.stream[0]
        back.expected.stream[0] = first[:20] + [(20, pc, word, True)][: state == ThreadState.IDLE] + first
        await command(DebugOp.INJECT, word)
        assert (await still())[0] == state
        for _ in range(20):
            await cycle()
        assert len(back.stopped) == 2
        await again()
        assert await still() == (ThreadState.HALTED, pc, 20)
        for _ in range(60):
            await cycle()
        assert len(back.stopped) == 3
        await command(DebugOp.RESUME)
        assert (await still())[0] == ThreadState.IDLE

    debugged(simulate, dut, STRAIGHT, script, random.Random(seed))


def test_a_waiting_thread_can_be_halted(simulate, dut, seed):
    """A thread that waits has not executed its wait: the debugger stops it there, and afterwards it waits again."""

    async def script(program, back, command, still, cycle, again) -> None:
        while len(back.stream[0]) < 2:
            await cycle()
        for _ in range(60):
            await cycle()
        await command(DebugOp.HALT)
        assert await still() == (ThreadState.HALTED, program.labels["here"], 2)
        await command(DebugOp.RESUME)
        for _ in range(60):
            await cycle()
        assert len(back.stream[0]) == 2
        back.raise_by_packet = (4, 6)
        assert (await still())[0] == ThreadState.IDLE

    text = "start0: nop\nwait 3, 0\nhere: wait 4, 5\nwait 4, 1\nnop\nhalt\n"
    back = debugged(simulate, dut, text, script, random.Random(seed), semaphores={4: 6})
    assert back.stream[0] == back.expected.stream[0]
