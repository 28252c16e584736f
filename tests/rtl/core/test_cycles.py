"""The record of a cycle: what units show at once and what they show a cycle later is told together."""

import pytest

from rtl.core.cycles import CycleRecorder

AT_ONCE = {
    "life.running": ("running", 0b0111),
    "life.waiting": ("waiting", 0b0010),
    "threads.record.0.present": ("present", 0b0101),
    "threads.record.0.able": ("able", 0b0001),
    "scalar_events.retired": ("retired_scalar", 2),
    "scalar_events.retired_vector_memory": ("retired_vector_memory", 1),
    "store_events.beat": ("store_beat", 1),
    "conflicts.count": ("conflicts", 33),
}
LATER = {
    "vector_events.matrix_step": ("matrix_step", 1),
    "vector_events.matrix_wait": ("matrix_wait", 0b010000),
    "vector_events.simd_issue": ("simd_issue", 1),
    "link_events.packet_in.valid": ("packet_in", 1),
    "link_events.packet_out.valid": ("packet_out", 1),
    "front_events.fetch_miss": ("fetch_miss", 1),
    "front_events.redirect": ("redirect", 4),
}


def signal(dut, path):
    for name in path.split("."):
        dut = dut[int(name)] if name.isdigit() else getattr(dut, name)
    return dut


def drive(ctx, dut, inputs, on):
    for path, (_, value) in inputs.items():
        ctx.set(signal(dut, path), value if on else 0)


@pytest.mark.fast
def test_each_is_told_with_its_own_cycle_and_no_other(simulate):
    dut = CycleRecorder()

    async def bench(ctx):
        for field, value in (("ended", 3), ("retired", 7)):
            ctx.set(dut.thread_events.ended if field == "ended" else dut.front_events.retired, value)
        told = dut.cycle.record[0]
        drive(ctx, dut, AT_ONCE, True)
        await ctx.tick()
        drive(ctx, dut, AT_ONCE, False)
        drive(ctx, dut, LATER, True)
        for field, value in (*AT_ONCE.values(), *LATER.values(), ("valid", 1), ("retired_front", 10)):
            assert ctx.get(getattr(told, field)) == value, field
        await ctx.tick()
        drive(ctx, dut, LATER, False)
        for field, _ in (*AT_ONCE.values(), *LATER.values()):
            assert ctx.get(getattr(told, field)) == 0, field
        assert not ctx.get(told.valid)

    simulate(dut, bench)


@pytest.mark.fast
@pytest.mark.parametrize("path", ["life.running", "store_events.beat", "link_events.packet_in.valid", "link_events.packet_out.valid"])
def test_a_cycle_in_which_something_runs_or_moves_is_told(simulate, path):
    dut = CycleRecorder()

    async def bench(ctx):
        ctx.set(signal(dut, path), 1)
        await ctx.tick()
        assert ctx.get(dut.cycle.record[0].valid)

    simulate(dut, bench)


@pytest.mark.fast
def test_issues_stand_in_the_order_of_their_slots(simulate):
    dut = CycleRecorder()

    async def bench(ctx):
        for source, bits in ((dut.scalar_issue, (1, 0)), (dut.vector_issue, (0, 1))):
            for record, bit in zip(source.record, bits, strict=True):
                ctx.set(record.valid, bit)
        assert [ctx.get(record.valid) for record in dut.issue.record] == [1, 0, 0, 1]

    simulate(dut, bench)
