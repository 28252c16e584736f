"""The fault report: two cycles after the fault, its own operand or the place that comes a cycle later; none of a killed thread."""

import pytest

from rtl.core.scalar.fault import FaultReport


@pytest.mark.parametrize("outside", [0, 1])
@pytest.mark.parametrize("killed_at", [None, 0, 1])
@pytest.mark.parametrize("thread", range(4))
def test_a_fault_is_told_once_unless_its_thread_is_killed(simulate, thread, killed_at, outside):
    dut = FaultReport()
    fields = {"thread": thread, "cause": 5, "pc": 1234 + thread, "operand": 0xABCDEF}

    async def bench(ctx):
        # An older fault of another thread leaves nothing behind.
        for name, value in {"valid": 1, "thread": thread ^ 1, "cause": 9, "pc": 7, "operand": 3, "outside": 1 - outside}.items():
            ctx.set(getattr(dut, name), value)
        await ctx.tick()
        ctx.set(dut.valid, 0)
        await ctx.tick().repeat(3)
        for name, value in ({"valid": 1, "outside": outside} | fields).items():
            ctx.set(getattr(dut, name), value)
        told = []
        for cycle in range(5):
            ctx.set(dut.kill, 1 << thread if cycle == killed_at else 0b1111 & ~(1 << thread))
            ctx.set(dut.place, 0x5000 if cycle == 1 else 0x666)
            await ctx.tick()
            ctx.set(dut.valid, 0)
            ctx.set(dut.operand, 1)
            event = ctx.get(dut.event)
            if event.valid:
                told.append((cycle, event.thread, event.cause, event.pc, event.operand))
        expected = (1, thread, 5, 1234 + thread, 0x5000 if outside else 0xABCDEF)
        assert told == ([expected] if killed_at is None else [])

    simulate(dut, bench)
