"""Arbiters against Python, for every input and every state that they can be in."""

import pytest
from amaranth.hdl import Cat, Module, Signal

from rtl.common.arbiter import first_from, lowest, preferred, round_robin

COUNTS = (1, 2, 3, 4, 5, 7)


def after(start: int, asking: int, count: int) -> int:
    """The first of those that ask, from `start` on."""
    return next((n % count for n in range(start, start + count) if asking >> n % count & 1), 0)


@pytest.mark.fast
@pytest.mark.parametrize("count", COUNTS)
def test_first_from_every_place(simulate, count):
    m, start, asking = Module(), Signal(range(count)), Signal(count)
    chosen = first_from(m, start, asking)

    async def bench(ctx):
        for place in range(count):
            for bits in range(1 << count):
                ctx.set(start, place)
                ctx.set(asking, bits)
                await ctx.delay(1e-9)
                assert ctx.get(chosen) == after(place, bits, count), (place, bits)

    simulate(m, bench, clocked=False)


@pytest.mark.fast
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("init", [0, -1])
def test_round_robin_passes_on_only_what_was_taken(simulate, count, init, rng):
    m, asking, taken = Module(), Signal(count), Signal()
    turn = init % count
    chosen = round_robin(m, asking, taken, init=turn)
    m.d.sync += Signal().eq(asking.any())

    async def bench(ctx):
        nonlocal turn
        waited = [0] * count
        for _ in range(600):
            bits, take = int(rng.integers(1 << count)), int(rng.integers(2))
            ctx.set(asking, bits)
            ctx.set(taken, take)
            await ctx.delay(1e-12)
            expected = after(turn, bits, count)
            assert ctx.get(chosen) == expected
            if bits and take:
                turn = (expected + 1) % count
                waited = [0 if n == expected or not bits >> n & 1 else waited[n] + 1 for n in range(count)]
                assert max(waited) < count, "one waits longer than all others take"
            await ctx.tick()

    simulate(m, bench)


@pytest.mark.fast
def test_lowest_bit(simulate):
    m, asking, mask = Module(), Signal(6), Signal(8)
    m.d.comb += mask.eq(lowest(asking))

    async def bench(ctx):
        for bits in range(64):
            ctx.set(asking, bits)
            await ctx.delay(1e-9)
            assert ctx.get(mask) == bits & -bits

    simulate(m, bench, clocked=False)


@pytest.mark.fast
def test_the_highest_level_that_asks_is_preferred(simulate, rng):
    m, asking, levels = Module(), Signal(4), [Signal(2, name=f"level_{n}") for n in range(4)]
    chosen = preferred(m, asking, levels)

    async def bench(ctx):
        for _ in range(2000):
            bits, values = int(rng.integers(16)), [int(value) for value in rng.integers(0, 4, 4)]
            ctx.set(asking, bits)
            ctx.set(Cat(*levels), sum(value << 2 * n for n, value in enumerate(values)))
            await ctx.delay(1e-9)
            best = max((values[n] for n in range(4) if bits >> n & 1), default=0)
            assert ctx.get(chosen) == sum(1 << n for n in range(4) if bits >> n & 1 and values[n] == best), (bits, values)

    simulate(m, bench, clocked=False)
