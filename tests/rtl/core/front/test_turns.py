"""Which threads dispatch: random demand against the written policy; nobody who stays able waits longer than there are threads."""

import random

from golden.arch.config import get_config
from golden.arch.isa import THREADS
from rtl.core.front.turns import Turns

CONFIG = get_config("tiny")
CYCLES = 600
FULL = CONFIG.scalar_queue + CONFIG.vector_queue


def demand(rng: random.Random, cycle: int) -> tuple[int, list[int]]:
    """Who is able, and what each has queued. In turn: anything; all the same; a thread beside others that have nothing queued."""
    match cycle // 50 % 3:
        case 0:
            return rng.randrange(1 << THREADS), [rng.randrange(FULL + 1) for _ in range(THREADS)]
        case 1:
            return 15, [rng.randrange(2)] * THREADS
        case _:
            return 15, [FULL if t == cycle // 150 % THREADS else 0 for t in range(THREADS)]


def test_random_demand(simulate, seed):
    rng, dut = random.Random(seed), Turns(CONFIG)
    served = [0] * THREADS

    async def bench(ctx) -> None:
        waited, before = [0] * THREADS, [0] * THREADS
        for cycle in range(CYCLES):
            able, queued = demand(rng, cycle)
            for t, turn in enumerate(dut.turn):
                ctx.set(turn.may.able, able >> t & 1)
                ctx.set(turn.queued.state, queued[t])
                ctx.set(turn.where.state.pc, 100 + t)
            for k, group in enumerate(dut.group):
                ctx.set(group.group.valid, ctx.get(dut.chosen[k].some))
                ctx.set(group.group.word, 7 + k)
            chosen = [ctx.get(each.thread) for each in dut.chosen if ctx.get(each.some)]
            ready = [t for t in range(THREADS) if able >> t & 1]
            assert len(set(chosen)) == len(chosen) == min(len(ready), CONFIG.dispatch_threads) and set(chosen) <= set(ready)
            for k, thread in enumerate(chosen):
                assert ctx.get(dut.chosen[k].context.where.pc) == 100 + thread
                rest = set(ready) - set(chosen[:k])
                assert k == 0 or before[thread] == min(before[t] for t in rest), f"cycle {cycle}: {thread} before fewer of {rest}: {before}"
            for t, group in enumerate(dut.dispatched):
                assert ctx.get(group.group.valid) == (t in chosen)
                assert t not in chosen or ctx.get(group.group.word) == 7 + chosen.index(t)
                served[t] += t in chosen
                waited[t] = 0 if t in chosen or t not in ready else waited[t] + 1
                assert waited[t] < THREADS, f"cycle {cycle}: thread {t} is able and does not dispatch"
            before = queued
            await ctx.tick()

    simulate(dut, bench, limit=CYCLES + 10)
    assert min(served) > 0.8 * max(served), f"unequal shares: {served}"
