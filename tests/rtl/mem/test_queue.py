"""A request queue against a list: order, capacity, bank masks, data, merge."""

from collections import deque

import pytest

from golden.arch.sram import bank, line_banks
from rtl.mem import banking
from rtl.mem.queue import DEPTH, RequestQueue

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("eagerness", (0.2, 0.5, 0.95))
def test_order_masks_and_capacity(simulate, rng, eagerness):
    dut = RequestQueue(18, 9, words=1)
    model = deque()
    most = 0

    async def bench(ctx):
        nonlocal most
        room = False
        for _ in range(3000):
            head = model[0] if model else None
            assert ctx.get(dut.valid) == bool(head)
            if head:
                active, addr, info, data = head
                assert ctx.get(dut.banks) == (1 << bank(addr) if active else 0)
                assert (ctx.get(dut.head_addr), ctx.get(dut.head_info)) == (addr, info)
                assert ctx.get(dut.head_data[0]) == data
            else:
                assert ctx.get(dut.banks) == 0
            take = bool(head) and rng.random() < eagerness
            push = room and rng.random() < 0.8
            request = (int(rng.random() < 0.8), *map(int, (rng.integers(0, 1 << 18), rng.integers(0, 512))))
            request = (*request, int(rng.integers(0, 1 << 64, dtype="u8")))
            ctx.set(dut.take, take)
            ctx.set(dut.push, push)
            for port, value in zip((dut.active, dut.addr, dut.info, dut.data[0]), request, strict=True):
                ctx.set(port, value)
            await ctx.delay(1e-10)
            room = bool(ctx.get(dut.room))
            await ctx.tick()
            if take:
                model.popleft()
            if push:
                model.append(request)
            most = max(most, len(model))
            # Whatever is granted, a queue that promised room has it.
            assert len(model) + room <= DEPTH + 1

    simulate(dut, bench)
    assert most >= (DEPTH + 1 if eagerness < 0.9 else 2)


def test_merge_replaces_the_current_word(simulate):
    dut = RequestQueue(18, 9, words=1)

    async def bench(ctx):
        ctx.set(dut.push, 1)
        ctx.set(dut.data[0], 5)
        await ctx.tick()
        ctx.set(dut.push, 0)
        ctx.set(dut.merge, 1)
        ctx.set(dut.merged, 77)
        await ctx.tick()
        assert ctx.get(dut.head_data[0]) == 77

    simulate(dut, bench)


def test_line_queue_has_eight_banks(simulate):
    dut = RequestQueue(15, 8, banks_of=banking.line_banks)

    async def bench(ctx):
        ctx.set(dut.push, 1)
        ctx.set(dut.active, 1)
        ctx.set(dut.addr, 0x1234)
        await ctx.tick()
        assert ctx.get(dut.banks) == line_banks(0x1234)

    simulate(dut, bench)


def test_an_entry_that_is_too_wide_is_refused():
    with pytest.raises(ValueError, match="address 40 and info 24 do not fit an entry of 63 bits"):
        RequestQueue(40, 24)
