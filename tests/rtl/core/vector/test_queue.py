"""Vector queues against lists: pushes, issues and kills; positions count what issued, round and round."""

import random

from golden.arch.config import get_config
from rtl.core.interfaces import VQ_POS_BITS
from rtl.core.vector.queue import VectorQueue

THREADS, CONFIG = 4, get_config("tiny")


def test_random_traffic_against_lists(simulate, seed):
    rng, dut = random.Random(seed), VectorQueue(CONFIG)
    model: list[list[int]] = [[] for _ in range(THREADS)]
    issued = [0] * THREADS

    async def bench(ctx):
        seq, dropped, several = 0, 0, 0
        for cycle in range(1_100):
            pushed: dict[int, list[int]] = {}
            for group in dut.pushes:
                t, busy = rng.randrange(THREADS), rng.random() < 0.7
                assert ctx.get(dut.free[t]) <= CONFIG.vector_queue - len(model[t]), "a place is free that is not"
                room = ctx.get(dut.free[t]) if busy and t not in pushed else 0  # others name any thread
                ctx.set(group.thread, t)
                for slot in group.slot:
                    valid = len(pushed.get(t, ())) < room and rng.random() < 0.6
                    ctx.set(slot, {"valid": valid, "entry": {"seq": seq % 65536, "st_mark": seq % 32}})
                    if valid:
                        pushed.setdefault(t, []).append(seq % 65536)
                    seq += 1
            several += len(pushed) > 1
            valid, take = ctx.get(dut.heads.valid), 0
            for u, queue in enumerate(model):
                if valid >> u & 1:
                    assert ctx.get(dut.heads.entry[u].seq) == queue[0]
                    take |= (rng.random() < 0.7) << u
                assert ctx.get(dut.empty) >> u & 1 == (not queue)
                oldest = ctx.get(dut.oldest[u])
                assert oldest.valid == bool(queue) and (not queue or oldest.st_mark == queue[0] % 32)
                assert ctx.get(dut.position[u]) == issued[u] % (1 << VQ_POS_BITS)
            kill = 1 << rng.randrange(THREADS) if cycle % 40 == 39 else 0
            take &= ~kill  # nothing of a killed thread issues
            ctx.set(dut.take.threads, take)
            ctx.set(dut.life.kill, kill)
            await ctx.tick()
            for t, numbers in pushed.items():
                model[t] += numbers
            for u in range(THREADS):
                if take >> u & 1:
                    model[u].pop(0)
                    issued[u] += 1
                if kill >> u & 1:
                    dropped += len(model[u])
                    model[u].clear()
        assert several > 50, "hardly two threads in a cycle"
        assert dropped > 20 and min(issued) > 1.2 * (1 << VQ_POS_BITS)

    simulate(dut, bench)


def test_a_killed_queue_is_as_new(simulate):
    """Killed with any number of entries, also in the cycle of a push: all places are free and nothing comes."""
    dut = VectorQueue(CONFIG)

    async def bench(ctx):
        group = dut.pushes[-1]
        width = len(group.slot)
        ctx.set(group.thread, 3)
        for entries in range(CONFIG.vector_queue + 1):
            for _ in range(entries // width + (entries % width > 0)):
                left = entries - (CONFIG.vector_queue - ctx.get(dut.free[3]))
                for k, slot in enumerate(group.slot):
                    ctx.set(slot.valid, k < left)
                await ctx.tick()
            ctx.set(dut.life.kill, 8)
            for slot in group.slot:
                ctx.set(slot.valid, entries < CONFIG.vector_queue - width)
            await ctx.tick()
            ctx.set(dut.life.kill, 0)
            for slot in group.slot:
                ctx.set(slot.valid, 0)
            for _ in range(3):
                assert ctx.get(dut.free[3]) == CONFIG.vector_queue
                assert not ctx.get(dut.heads.valid) and ctx.get(dut.empty) == 15
                assert ctx.get(dut.position[3]) == 0, "what was dropped counts as issued"
                await ctx.tick()

    simulate(dut, bench)
