"""Scalar queues against lists: any pushes, takes and kills, round the ring many times."""

import random

from golden.arch.config import get_config
from rtl.core.scalar.queue import HEADS, ScalarQueue

THREADS, CONFIG = 4, get_config("tiny")


def test_random_traffic_against_lists(simulate, seed):
    rng, dut = random.Random(seed), ScalarQueue(CONFIG)
    model: list[list[int]] = [[] for _ in range(THREADS)]

    async def bench(ctx):
        seq, kills, several, wraps = 0, 0, 0, [0] * THREADS
        for _ in range(900):
            pushed: dict[int, list[int]] = {}
            for group in dut.pushes:
                t, busy = rng.randrange(THREADS), rng.random() < 0.6
                room = CONFIG.scalar_queue - len(model[t]) if busy and t not in pushed else 0  # others name any thread
                ctx.set(group.thread, t)
                for slot in group.slot:
                    valid = len(pushed.get(t, ())) < room and rng.random() < 0.5
                    ctx.set(slot, {"valid": valid, "entry": {"seq": seq % 65536, "vq_mark": seq % 128}})
                    if valid:
                        pushed.setdefault(t, []).append(seq % 65536)
                    seq += 1
            several += len(pushed) > 1
            taker = rng.randrange(THREADS)
            count = rng.randrange(min(len(model[taker]), HEADS) + 1)
            ctx.set(dut.take.thread, taker)
            ctx.set(dut.take.count, count)
            kill = 1 << rng.randrange(THREADS) if rng.random() < 0.04 else 0
            ctx.set(dut.life.kill, kill)
            for u, queue in enumerate(model):
                assert ctx.get(dut.free[u]) == CONFIG.scalar_queue - len(queue)
                assert ctx.get(dut.empty) >> u & 1 == (not queue)
                assert ctx.get(dut.heads.valid[u]) == (1 << min(len(queue), HEADS)) - 1
                for h, number in enumerate(queue[:HEADS]):
                    shown = ctx.get(dut.heads.entry[HEADS * u + h])
                    assert shown.seq == number and shown.vq_mark == number % 128
            await ctx.tick()
            for t, numbers in pushed.items():
                model[t] += numbers
            del model[taker][:count]
            wraps[taker] += count
            for u in range(THREADS):
                if kill >> u & 1:
                    kills += u in pushed
                    model[u].clear()
        assert kills and min(wraps) > 4 * CONFIG.scalar_queue, "no push in the cycle of a kill, or not round often enough"
        assert several > 50, "hardly two threads in a cycle"

    simulate(dut, bench)
