"""The ring of what is under way, against a list, over many turns of its pointers."""

import pytest

from rtl.common.pending import Pending

RATES = {"fast": (0.9, 0.9, 0.9), "late": (0.9, 0.2, 0.9), "stuck": (0.9, 0.9, 0.2), "slow": (0.3, 0.9, 0.9)}


@pytest.mark.fast
@pytest.mark.parametrize("depth", [1, 2, 3, 8, 13])
@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_entries_leave_in_order_once_they_are_done(simulate, depth, rates, rng):
    dut = Pending(16, depth)
    waiting, complete, left, places = [], [], 0, 0
    enters, finishes, takes = rates

    async def bench(ctx):
        nonlocal left, places
        number = 0
        for _ in range(400):
            offered, take = rng.random() < enters, rng.random() < takes
            done = bool(waiting) and rng.random() < finishes
            ctx.set(dut.i.valid, offered)
            ctx.set(dut.i.payload, number)
            ctx.set(dut.o.ready, take)
            ctx.set(dut.done, done)
            await ctx.delay(1e-12)
            assert ctx.get(dut.i.ready) == (len(waiting) + len(complete) < depth)
            assert ctx.get(dut.o.valid) == bool(complete)
            if complete:
                assert ctx.get(dut.o.payload) == complete[0] and ctx.get(dut.place) == places % depth
            if complete and take:
                complete.pop(0)
                left, places = left + 1, places + 1
            if done:
                complete.append(waiting.pop(0))
            if offered and ctx.get(dut.i.ready):
                waiting.append(number)
                number += 1
            await ctx.tick()

    simulate(dut, bench)
    assert left > 4 * depth, "the ring never went round"


@pytest.mark.fast
def test_it_remembers_something():
    with pytest.raises(ValueError, match="0 entries remember nothing"):
        Pending(8, 0)
