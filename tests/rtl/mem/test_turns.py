"""Ageing: when a request counts as old, who gets a turn and how often, and the patience of fills."""

import pytest

from rtl.mem.turns import TURN_PERIOD, Age, Patience, Turns

pytestmark = pytest.mark.fast


def test_a_request_is_old_after_16_to_24_cycles(simulate):
    dut = Age(2)
    waits = []

    async def bench(ctx):
        for phase in range(8):
            for cycle in range(40):
                ctx.set(dut.tick, (cycle + phase) % 8 == 0)
                ctx.set(dut.waiting, 0b10 if cycle >= 8 else 0)
                if ctx.get(dut.old):
                    waits.append(cycle - 8)
                    break
                await ctx.tick()
            ctx.set(dut.take, 0b10)
            await ctx.tick()
            assert not ctx.get(dut.old)
            ctx.set(dut.take, 0)

    simulate(dut, bench)
    assert len(waits) == 8 and min(waits) >= 16 and max(waits) <= 24 + 1


def test_turns_go_round_at_most_every_four_cycles(simulate):
    dut = Turns(6)
    turns = []

    async def bench(ctx):
        ctx.set(dut.old, 0b101101)
        for cycle in range(100):
            turn = ctx.get(dut.turn)
            if turn:
                turns.append((cycle, turn.bit_length() - 1))
                assert turn.bit_count() == 1
            await ctx.tick()
        ctx.set(dut.old, 0)
        await ctx.tick().repeat(2)
        for _ in range(20):
            assert not ctx.get(dut.turn)
            await ctx.tick()

    simulate(dut, bench)
    assert [port for _, port in turns[:9]] == [0, 2, 3, 5, 0, 2, 3, 5, 0]
    assert all(later - cycle == TURN_PERIOD for (cycle, _), (later, _) in zip(turns, turns[1:], strict=False))


def test_patience_ends_after_its_limit(simulate):
    dut = Patience(16)

    async def bench(ctx):
        for _ in range(2):
            ctx.set(dut.waiting, 1)
            ctx.set(dut.take, 0)
            for _ in range(16):
                assert not ctx.get(dut.over)
                await ctx.tick()
            assert ctx.get(dut.over)
            ctx.set(dut.take, 1)
            await ctx.tick()

    simulate(dut, bench)
