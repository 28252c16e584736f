"""A value some cycles later: how many, in which shape, and what a reset does."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data

from rtl.common.delay import delay

ITEM = data.StructLayout({"number": 7, "flag": 1})


@pytest.mark.fast
@pytest.mark.parametrize("stages", [0, 1, 3, ("macro", "return")])
def test_so_many_cycles_later(simulate, stages, rng):
    m, value = Module(), Signal(ITEM)
    later = delay(m, value, stages, "info")
    m.d.sync += Signal().eq(value.flag)
    cycles = stages if isinstance(stages, int) else len(stages)

    async def bench(ctx):
        given = [0] * cycles
        for _ in range(50):
            bits = int(rng.integers(256))
            ctx.set(value.as_value(), bits)
            await ctx.delay(1e-12)
            given.append(bits)
            assert ctx.get(later.number) | ctx.get(later.flag) << 7 == given[-1 - cycles]
            await ctx.tick()

    simulate(m, bench)


@pytest.mark.fast
def test_names_and_reset():
    m, value = Module(), Signal(4)
    assert delay(m, value, ("macro", "return"), "tag", reset_less=True).name == "return_tag"
    assert delay(m, value, 2, "tag").name == "tag_2"
    assert delay(m, value, ("x1", "x2")).name == "x2"
    assert delay(m, value, 2, "tag", reset_less=True).reset_less and not delay(m, value, 2, "tag").reset_less
    with pytest.raises(ValueError, match="tag cannot be delayed by -1 cycles"):
        delay(m, value, -1, "tag")
