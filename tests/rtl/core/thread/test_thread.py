"""One thread by itself: what it waits for before it ends, and which of several faults counts."""

from golden.arch.memmap import Fault, ThreadState
from rtl.core.front.decode import Control
from rtl.core.thread.thread import Thread
from tests.rtl.core.front.played import CONFIG

SHOWS = 8
"""Cycles from a dispatch until every unit that an instruction of it is on its way to says that it is not idle."""


def running(simulate, script) -> None:
    """A thread that was started, all units idle; the script is a coroutine function of (ctx, dut, tick)."""
    dut = Thread(CONFIG, 1)

    async def bench(ctx) -> None:
        async def tick(cycles: int = 1) -> None:
            for _ in range(cycles):
                await ctx.tick()
                ctx.set(dut.start.valid, 0)
                ctx.set(dut.group.valid, 0)
                for fault in dut.faults:
                    ctx.set(fault.valid, 0)

        ctx.set(dut.idle, 1)
        ctx.set(dut.start.valid, 1)
        ctx.set(dut.start.thread, 1)
        ctx.set(dut.start.pc, 0x40)
        await tick()
        assert ctx.get(dut.status.state) == ThreadState.RUNNING
        await script(ctx, dut, tick)

    simulate(dut, bench, limit=200)


def dispatch(ctx, dut, control: Control = Control.PLAIN) -> None:
    ctx.set(dut.group.valid, 1)
    ctx.set(dut.group.first, 1)
    ctx.set(dut.group.count, 1)
    ctx.set(dut.group.waits, control == Control.HALT)
    ctx.set(dut.group.control, control)


def test_a_halt_waits_for_what_no_unit_shows_yet(simulate):
    async def script(ctx, dut, tick) -> None:
        dispatch(ctx, dut, Control.HALT)
        await tick(SHOWS)
        assert ctx.get(dut.status.state) == ThreadState.WAITING
        ctx.set(dut.idle, 0)  # what was dispatched before the halt has reached its queue
        await tick(30)
        assert ctx.get(dut.status.state) == ThreadState.WAITING
        ctx.set(dut.idle, 1)
        await tick(2)
        assert ctx.get(dut.status.state) == ThreadState.IDLE

    running(simulate, script)


def fault(ctx, dut, port: int, cause: Fault, pc: int, operand: int, thread: int = 1) -> None:
    event = dut.faults[port]
    ctx.set(event.valid, 1)
    for name, value in (("thread", thread), ("cause", cause), ("pc", pc), ("operand", operand)):
        ctx.set(event[name], value)


def test_the_first_fault_counts(simulate):
    async def script(ctx, dut, tick) -> None:
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
        await tick()
        fault(ctx, dut, 1, Fault.SEMAPHORE, 0x48, 9)
        await tick()
        fault(ctx, dut, 0, Fault.MISALIGNED, 0x60, 3)
        await tick(20)
        status = dut.status
        assert ctx.get(status.state) == ThreadState.FAULTED
        assert (ctx.get(status.cause), ctx.get(status.pc), ctx.get(status.operand)) == (Fault.RANGE, 4 * 0x50, 0xABC0)

    running(simulate, script)


def test_the_fault_of_another_thread_is_not_its_own(simulate):
    async def script(ctx, dut, tick) -> None:
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0, thread=2)
        await tick(20)
        assert ctx.get(dut.status.state) == ThreadState.RUNNING
        assert ctx.get(dut.kill) == 0

    running(simulate, script)


def test_a_lost_word_stops_the_thread_where_it_is(simulate):
    async def script(ctx, dut, tick) -> None:
        dispatch(ctx, dut, Control.HALT)
        await tick(SHOWS)
        ctx.set(dut.lost_soon, 1)  # the report keeps the thread, which would end in this cycle
        await tick()
        ctx.set(dut.lost_soon, 0)
        ctx.set(dut.lost, 1)
        ctx.set(dut.lost_addr, 0x123)
        await tick()
        ctx.set(dut.lost, 0)
        await tick(20)
        status = dut.status
        assert ctx.get(status.state) == ThreadState.FAULTED
        assert (ctx.get(status.cause), ctx.get(status.pc), ctx.get(status.operand)) == (Fault.ECC, 4 * 0x40, 8 * 0x123)

    running(simulate, script)


def test_a_faulted_thread_waits_for_what_it_began(simulate):
    async def script(ctx, dut, tick) -> None:
        ctx.set(dut.idle, 0)
        fault(ctx, dut, 0, Fault.RANGE, 0x50, 0xABC0)
        await tick(40)
        assert ctx.get(dut.status.state) == ThreadState.RUNNING
        ctx.set(dut.idle, 1)
        await tick(2)
        assert ctx.get(dut.status.state) == ThreadState.FAULTED

    running(simulate, script)
