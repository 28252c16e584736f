"""Selection by number and by mark: every choice, shapes kept, sentences for what cannot be chosen."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data

from rtl.common.select import by_branch, by_mark, by_number, mark

ITEM = data.StructLayout({"number": 5, "flag": 1})


@pytest.mark.fast
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_every_choice(simulate, count):
    m, number, marks = Module(), Signal(3), Signal(count)
    values = [Signal(ITEM, name=f"value_{n}", init={"number": 3 * n + 7, "flag": n & 1}) for n in range(count)]
    numbered = by_number(m, number, values, "numbered")
    marked, branched = by_mark(m, marks, values, "marked"), by_branch(m, marks, values, "branched")
    m.d.comb += marks.eq(mark(number, count))

    async def bench(ctx):
        for n in range(8):
            ctx.set(number, n)
            await ctx.delay(1e-9)
            expected = (3 * n + 7, n & 1) if n < count else (0, 0)
            for chosen in (numbered, marked, branched):
                assert (ctx.get(chosen.number), ctx.get(chosen.flag)) == expected, n
            assert ctx.get(marks) == (1 << n if n < count else 0)

    simulate(m, bench, clocked=False)


@pytest.mark.fast
def test_what_cannot_be_chosen_is_a_sentence():
    m = Module()
    for choose in (by_number, by_mark, by_branch):
        with pytest.raises(ValueError, match="head has no value to choose from"):
            choose(m, Signal(2), [], "head")
        with pytest.raises(ValueError, match="head is chosen from values of different widths: 3, 4 bits"):
            choose(m, Signal(2), [Signal(3), Signal(4)], "head")
    with pytest.raises(ValueError, match="head has 2 values to choose from, but 3 marks"):
        by_mark(m, Signal(3), [Signal(3), Signal(3)], "head")


@pytest.mark.fast
def test_of_several_marks_a_branch_takes_the_first(simulate):
    m, marks = Module(), Signal(3)
    chosen = by_branch(m, marks, [Signal(4, init=n) for n in (1, 2, 4)], "chosen")

    async def bench(ctx):
        for given, expected in ((0b110, 2), (0b111, 1), (0b100, 4), (0, 0)):
            ctx.set(marks, given)
            await ctx.delay(1e-9)
            assert ctx.get(chosen) == expected

    simulate(m, bench, clocked=False)
