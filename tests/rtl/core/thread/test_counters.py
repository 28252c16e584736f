"""Counters by themselves: clearing forgets everything."""

from golden.arch.memmap import Counter
from rtl.core.thread.counters import Counters


def value(ctx, dut, counter: Counter) -> int:
    ctx.set(dut.read.index, counter)
    return ctx.get(dut.read.value)


def test_a_clear_zeroes_every_counter(simulate):
    """The first step after it is the first again."""
    dut = Counters()
    events = {
        dut.front_events: ("retired", "fetch_miss", "redirect"),
        dut.scalar_events: ("retired", "retired_vector_memory"),
        dut.vector_events: ("matrix_step", "simd_issue"),
        dut.store_events: ("beat",),
        dut.link_events.packet_in: ("valid",),
        dut.link_events.packet_out: ("valid",),
        dut.corrected: ("count",),
        dut.conflicts: ("count",),
    }

    async def bench(ctx) -> None:
        def happens(what: int) -> None:
            for port, names in events.items():
                for name in names:
                    ctx.set(getattr(port, name), what)
            ctx.set(dut.vector_events.matrix_wait, 0 if what else 1)

        for _ in range(2):
            await ctx.tick()
            happens(1)
            await ctx.tick().repeat(3)
            happens(0)
            await ctx.tick().repeat(20)
            first = value(ctx, dut, Counter.FIRST_STEP)
            assert value(ctx, dut, Counter.MATRIX_STEPS) == value(ctx, dut, Counter.PACKETS_IN) == 3
            assert value(ctx, dut, Counter.LAST_STEP) == first + 2 and 0 < first < 10
            ctx.set(dut.read.clear, 1)
            await ctx.tick()
            ctx.set(dut.read.clear, 0)
            assert {counter.name: value(ctx, dut, counter) for counter in Counter} == dict.fromkeys(Counter.__members__, 0)

    simulate(dut, bench, limit=200)
