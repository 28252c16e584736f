"""Positions at every value they wrap through: how far a thread may run ahead of its queues."""

from itertools import chain, cycle, product, repeat

import pytest

from golden.arch.tags import ST, ST_AHEAD, VQ, VQ_AHEAD
from golden.arch.trace import SEQ_BITS
from rtl.core.thread.positions import Numbers, Positions
from tests.rtl.core.front.played import CONFIG

WIDTH = CONFIG.dispatch_width
# The queue whose head bounds, the positions that it bounds, their modulus, and how far they may go past its mark.
BOUNDS = {
    "vector instructions": ("scalar_progress", "vq_mark", "vq_tail", VQ, VQ_AHEAD),
    "stores": ("vector_progress", "st_mark", "st_tail", ST, ST_AHEAD),
}


@pytest.mark.parametrize("what", BOUNDS)
def test_no_group_goes_too_far_ahead(simulate, what):
    """At every position, so that tail and mark wrap one before the other: a whole group goes as long as its last stays within the bound."""
    queue, mark, tail, modulus, ahead = BOUNDS[what]
    dut = Positions(CONFIG, 1)

    async def bench(ctx) -> None:
        for progress in (dut.scalar_progress, dut.vector_progress):
            ctx.set(progress.free[1], WIDTH)
        head, group = getattr(dut, queue).head[1], dut.dispatched.group
        for at, distance in product(range(modulus), (0, 1, ahead - WIDTH - 1, ahead - WIDTH, ahead - 1)):
            ctx.set(group.valid, 1)
            ctx.set(group[tail], at)
            ctx.set(head[mark], (at - distance) % modulus)
            await ctx.tick()
            ctx.set(group.valid, 0)
            for queued in (1, 0):
                ctx.set(head.valid, queued)
                await ctx.tick()
                assert ctx.get(dut.room.room) == (not queued or distance + WIDTH < ahead), f"{distance} ahead at position {at}"

    simulate(dut, bench, limit=modulus * 20)


@pytest.mark.parametrize("queue", ["scalar_progress", "vector_progress"])
def test_a_whole_group_must_fit(simulate, queue):
    dut = Positions(CONFIG, 1)

    async def bench(ctx) -> None:
        for progress in (dut.scalar_progress, dut.vector_progress):
            ctx.set(progress.free[1], WIDTH)
        for free in range(WIDTH + 1):
            ctx.set(getattr(dut, queue).free[1], free)
            await ctx.delay(1e-9)
            assert ctx.get(dut.room.room) == (free == WIDTH)

    simulate(dut, bench, limit=2 * WIDTH)


def test_numbers_go_round_and_the_count_goes_on(simulate):
    """Sequence numbers wrap at SEQ_BITS; how many retired does not. What waits counts when it ends, beside a group or without one."""
    dut = Numbers(WIDTH)

    async def bench(ctx) -> None:
        group, number = dut.dispatched.group, 0
        fast = repeat((WIDTH, 0, 1), (1 << SEQ_BITS) // (WIDTH + 1) - 50)
        for count, waits, ends in chain(fast, cycle(product(range(WIDTH, -1, -1), (0, 1), (0, 1)))):
            ctx.set(group.valid, count > 0)
            ctx.set(group.count, count)
            ctx.set(group.waits, waits)
            ctx.set(dut.stage.ends, ends)
            await ctx.tick()
            number += (0 if waits else count) + ends
            assert (ctx.get(dut.seq), ctx.get(dut.retired)) == (number % (1 << SEQ_BITS), number)
            if number > (1 << SEQ_BITS) + 100:
                break
        ctx.set(dut.begin.valid, 1)
        await ctx.tick()
        assert (ctx.get(dut.seq), ctx.get(dut.retired)) == (0, 0)

    simulate(dut, bench, limit=2 << SEQ_BITS)


def test_control_registers_are_awaited_until_the_last_is_written(simulate):
    """As many as the scalar side holds, written one by one while more leave; a kill and a start forget them."""
    dut = Positions(CONFIG, 1)

    async def bench(ctx) -> None:
        under_way = 0
        setting, group = dut.scalar_steer.setting, dut.dispatched.group
        for left, written, forget in (
            *((WIDTH, 0, None), (WIDTH, 1, None), (0, 0, None), (1, 1, None)),
            *((0, 1, None),) * 7,
            *((1, 0, None), (0, 0, "kill"), (2, 0, None), (0, 0, "begin"), (1, 0, None), (0, 1, None)),
        ):
            ctx.set(group.valid, left > 0)
            ctx.set(group.settings, left)
            ctx.set(setting.valid, 1)
            ctx.set(setting.thread, 1 if written else 2)  # of another thread none is ours
            ctx.set(dut.doom.kill, forget == "kill")
            ctx.set(dut.begin.valid, forget == "begin")
            await ctx.tick()
            under_way = 0 if forget else under_way + left - written
            assert ctx.get(dut.counted.state.setting) == (under_way > 0)
        assert under_way == 0

    simulate(dut, bench, limit=50)
