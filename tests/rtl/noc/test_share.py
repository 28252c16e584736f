"""Two users of a port: each request is taken once, in the cycle in which the port takes it; each answer comes to whom it belongs."""

from collections import deque

import pytest

from rtl.mem.ports import LineRead, LineWrite
from rtl.noc.share import USERS, LineShare, RaiseShare


@pytest.mark.fast
@pytest.mark.parametrize("port, answer", [(LineRead, "ret"), (LineWrite, "done")])
@pytest.mark.parametrize("ready", [1.0, 0.4])
def test_line_requests_and_their_answers(simulate, rng, port, answer, ready):
    dut, taken = LineShare(port), [[], []]

    async def bench(ctx):
        left, told, under_way, asked = [list(range(40)), list(range(100, 140))], [[], []], deque(), [0, 0]
        while any(left) or under_way:
            for user, lines in zip(dut.user, left, strict=True):
                ctx.set(user.valid, bool(lines))
                ctx.set(user.line, lines[0] if lines else 0)
            takes = int(rng.random() < ready)
            ctx.set(dut.o.ready, takes)
            back = getattr(dut.o, answer)
            comes = bool(under_way) and rng.random() < 0.7
            ctx.set(back.valid, comes)
            if comes:
                owner = under_way.popleft()
                ctx.set(back.tag, owner)
            told_now = [ctx.get(getattr(user, answer).valid) for user in dut.user]
            assert told_now == [int(comes and owner == number) for number in range(USERS)]
            for number, value in enumerate(told_now):
                told[number] += [1] * value
            valid, line, tag = ctx.get(dut.o.valid), ctx.get(dut.o.line), ctx.get(dut.o.tag)
            gone = [number for number, user in enumerate(dut.user) if left[number] and ctx.get(user.ready)]
            assert len(gone) == (valid and takes)
            await ctx.tick()
            for number in gone:
                assert (tag, line) == (number, left[number].pop(0))
                taken[number].append(line)
                under_way.append(number)
                asked[number] += 1
            # Nobody is more than one behind while both ask.
            assert not all(left) or abs(asked[0] - asked[1]) <= 1
        assert list(map(len, told)) == [40, 40]

    simulate(dut, bench)
    assert taken == [list(range(40)), list(range(100, 140))]


@pytest.mark.fast
def test_the_second_raise_waits_for_the_first(simulate, rng):
    dut = RaiseShare()

    async def bench(ctx):
        for _ in range(64):
            valid, ready, overflow = ([int(bit) for bit in rng.integers(2, size=2)], int(rng.integers(2)), int(rng.integers(2)))
            for number, user in enumerate(dut.user):
                ctx.set(user.valid, valid[number])
                ctx.set(user.semaphore, 10 + number)
                ctx.set(user.amount, 100 + number)
            ctx.set(dut.o.ready, ready)
            ctx.set(dut.o.overflow, overflow)
            goes = 0 if valid[0] else 1
            assert ctx.get(dut.o.valid) == any(valid)
            assert not any(valid) or (ctx.get(dut.o.semaphore), ctx.get(dut.o.amount)) == (10 + goes, 100 + goes)
            assert [ctx.get(user.ready) for user in dut.user] == [ready * (goes == number) for number in range(USERS)]
            assert [ctx.get(user.overflow) for user in dut.user] == [overflow] * USERS

    simulate(dut, bench, clocked=False)
