"""Numbers of descriptors: how often each was set, and when their round is over."""

import random

from golden.arch import isa
from rtl.core.memory.generations import GENERATION_BITS, Generations

THREADS, ROUND = 4, 1 << GENERATION_BITS


def show(ctx, dut, thread: int, *slots: tuple[int, bool]) -> None:
    """What issues in this cycle: descriptor and whether it is set, slot by slot."""
    ctx.set(dut.issued.thread, thread)
    ctx.set(dut.issued.go, (1 << len(slots)) - 1)
    for slot, (d, sets) in zip(dut.issued.slot, slots, strict=False):
        ctx.set(slot.names.d, d)
        ctx.set(slot.row.setd, sets)


def test_equal_numbers_mean_the_same_setd(simulate, seed):
    rng, dut = random.Random(seed), Generations()
    counts = [[0] * isa.DESCRIPTORS for _ in range(THREADS)]

    async def bench(ctx):
        for _ in range(1_500):
            t, pair = rng.randrange(THREADS), rng.randrange(3)
            slots = [(d, rng.random() < 0.5) for d in rng.sample(range(isa.DESCRIPTORS), 2)][:pair]
            show(ctx, dut, t, *slots)
            for k, (d, _) in enumerate(slots):
                assert ctx.get(dut.generation[k]) == counts[t][d] % ROUND, (t, d)
            await ctx.tick()
            for d, sets in slots:
                counts[t][d] += sets
        assert all(max(of) > ROUND for of in counts), "no number has gone round"

    simulate(dut, bench)


def test_a_round_ends_only_when_the_store_queue_is_empty(simulate):
    """Sixteen setd between two overlapping stores: the sixteenth would give the second store the number of the first."""
    dut = Generations()

    async def bench(ctx):
        for t in range(THREADS):
            for d in range(isa.DESCRIPTORS):
                ctx.set(dut.store_progress.slots[t].occupied, 0)
                seen = []
                for count in range(ROUND):
                    show(ctx, dut, t, (d, True))
                    seen.append(ctx.get(dut.generation[0]))
                    for place in range(4):
                        ctx.set(dut.store_progress.slots[t].occupied, 1 << place)
                        worn = [ctx.get(dut.worn[u]) for u in range(THREADS)]
                        assert worn == [(count == ROUND - 1) << d if u == t else 0 for u in range(THREADS)], (t, d, count)
                    ctx.set(dut.store_progress.slots[t].occupied, 0)
                    assert ctx.get(dut.worn[t]) == 0
                    await ctx.tick()
                assert sorted(seen) == list(range(ROUND))

    simulate(dut, bench)
