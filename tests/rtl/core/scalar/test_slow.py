"""The slow unit: it frees itself after every end, a cancelled one too, and keeps nothing of the one before."""

import random

from rtl.core.scalar.slow import SlowUnit


def test_random_starts_and_cancels(simulate, seed):
    rng, dut = random.Random(seed), SlowUnit()

    async def bench(ctx):
        values = [0, 1, 0xFF, 1 << 63, (1 << 64) - 1]
        for number in range(60):
            assert ctx.get(dut.free) and not ctx.get(dut.done)
            ctx.set(dut.claim, 1)
            await ctx.tick()
            ctx.set(dut.claim, 0)
            assert not ctx.get(dut.free)
            a, b = (rng.choice([*values, rng.getrandbits(64), rng.getrandbits(64)]) for _ in range(2))
            what = rng.choice(("product", "register", "cancelled"))
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            ctx.set(dut.is_csr, what == "register")
            ctx.set(dut.tag, {"thread": number % 4, "index": number % 32, "seq": number})
            ctx.set(dut.start, what != "cancelled")
            ctx.set(dut.cancel, what == "cancelled")
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.cancel, 0)
            if what == "cancelled":
                continue
            ctx.set(dut.csr_value, a ^ b)
            await ctx.tick()
            ctx.set(dut.csr_value, 0)
            waited = 0
            while not ctx.get(dut.done):
                assert not ctx.get(dut.free) and waited < 12
                waited += 1
                await ctx.tick()
            for _ in range(rng.randrange(3)):  # until the write port is free
                await ctx.tick()
            assert ctx.get(dut.result) == (a ^ b if what == "register" else a * b % (1 << 64))
            tag = ctx.get(dut.result_tag)
            assert (tag.thread, tag.index, tag.seq) == (number % 4, number % 32, number)
            ctx.set(dut.take, 1)
            await ctx.tick()
            ctx.set(dut.take, 0)

    simulate(dut, bench)
