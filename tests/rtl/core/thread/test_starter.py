"""Who starts threads, case by case: packets before threads, one thread a cycle, the lowest first; who is busy."""

from golden.arch.isa import THREADS
from rtl.core.thread.starter import Starter

PC, OTHER = 0x40, 0x1234


def test_one_start_a_cycle(simulate):
    dut = Starter()

    async def bench(ctx) -> None:
        for wants in range(1 << THREADS):
            lowest = next((t for t in range(THREADS) if wants >> t & 1), None)
            for t, spawn in enumerate(dut.spawn):
                ctx.set(spawn.wants, wants >> t & 1)
                ctx.set(spawn.thread, (t + 1) % THREADS)
                ctx.set(spawn.pc, PC + t)
            await ctx.delay(1e-9)
            allowed = [t for t, spawn in enumerate(dut.spawn) if wants >> t & 1 and ctx.get(spawn.allowed)]
            assert allowed == ([] if lowest is None else [lowest])
            if lowest is None:
                continue
            ctx.set(dut.spawn[lowest].go, 1)
            await ctx.delay(1e-9)
            begun = {t: ctx.get(begin.pc) for t, begin in enumerate(dut.begin) if ctx.get(begin.valid)}
            assert begun == {(lowest + 1) % THREADS: PC + lowest}
            ctx.set(dut.spawn[lowest].go, 0)

    simulate(dut, bench, clocked=False)


def test_a_packet_starts_beside_a_thread(simulate):
    """In one cycle a packet starts a thread and a thread another one: each begins where its own says."""
    dut = Starter()

    async def bench(ctx) -> None:
        ctx.set(dut.start.valid, 1)
        ctx.set(dut.start.thread, 3)
        ctx.set(dut.start.pc, OTHER)
        ctx.set(dut.spawn[0].go, 1)
        ctx.set(dut.spawn[0].thread, 2)
        ctx.set(dut.spawn[0].pc, PC)
        await ctx.delay(1e-9)
        assert [ctx.get(begin.valid) for begin in dut.begin] == [0, 0, 1, 1]
        assert (ctx.get(dut.begin[2].pc), ctx.get(dut.begin[3].pc)) == (PC, OTHER)

    simulate(dut, bench, clocked=False)


def test_who_is_busy(simulate):
    """Threads that run, and the one that a packet is about to start; every thread is told the same."""
    dut = Starter()

    async def bench(ctx) -> None:
        for alive in range(1 << THREADS):
            for t, spawn in enumerate(dut.spawn):
                ctx.set(spawn.alive, alive >> t & 1)
            for claim in (None, *range(THREADS)):
                ctx.set(dut.start.claim, claim is not None)
                ctx.set(dut.start.thread, claim or 0)
                await ctx.delay(1e-9)
                busy = alive | (0 if claim is None else 1 << claim)
                assert [ctx.get(spawn.busy) for spawn in dut.spawn] == [busy] * THREADS

    simulate(dut, bench, clocked=False)
