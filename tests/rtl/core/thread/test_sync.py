"""Semaphores and barriers against a model of the text: random arrivals, raises and changes of mind."""

import random

import pytest
from amaranth.hdl import ResetInserter, Signal

from golden.arch.isa import THREADS
from golden.arch.memmap import SEMAPHORE_BITS, SEMAPHORES
from rtl.core.thread.sync import Barriers, Semaphores

LIMIT = 1 << SEMAPHORE_BITS


@pytest.mark.parametrize("indices", [1, 2, 8])
def test_semaphores(simulate, seed, indices):
    """Values never lie, waiters of a semaphore are served in order of arrival, and whoever can be served is soon."""
    rng, dut = random.Random(seed), Semaphores()
    values = [0] * 64
    arrivals: list[tuple[int, int, int]] = []  # thread, semaphore, amount, in order of arrival
    patience: dict[int, int] = {}
    left: set[int] = set()  # served in the last cycle: a thread needs one to come to its next wait
    told: list[bool] = []  # whether the packet's raise of the previous cycle did not fit
    served = overflows = 0

    async def bench(ctx) -> None:
        nonlocal served, overflows
        raising, operations = {"store": None, "net": None}, 0
        for _ in range(2500):
            waiting = list(arrivals)  # in the previous cycle
            for arrival in list(arrivals):
                if rng.random() < 0.004:  # the debugger stops the thread
                    arrivals.remove(arrival)
                    patience.pop(arrival[0], None)
                    left.add(arrival[0])
            free = [t for t in range(THREADS) if t not in [a[0] for a in arrivals]]
            for t in free:
                ctx.set(dut.waiter[t].wait.valid, 0)
                if t not in left and rng.random() < 0.15:
                    index, amount = rng.randrange(indices), rng.choice((0, 1, 2, 5, 40, 3000))
                    arrivals.append((t, index, amount))
                    ctx.set(dut.waiter[t].wait.valid, 1)
                    ctx.set(dut.waiter[t].wait.semaphore, index)
                    ctx.set(dut.waiter[t].wait.amount, amount)
            for name, port in (("store", dut.store_steer.up), ("net", dut.net_raise)):
                if raising[name] is None and rng.random() < 0.12:
                    raising[name] = (rng.randrange(indices), rng.choice((0, 1, 3, 1000, LIMIT - 1 if rng.random() < 0.1 else 7)))
                ctx.set(port.valid, raising[name] is not None)
                if raising[name]:
                    ctx.set(port.semaphore, raising[name][0])
                    ctx.set(port.amount, raising[name][1])
            left.clear()
            assert not told or ctx.get(dut.net_raise.overflow) == told.pop()
            granted = [t for t, port in enumerate(dut.waiter) if ctx.get(port.granted)]
            for t in granted:  # in the previous cycle
                mine = next(a for a in waiting if a[0] == t)
                first = next(a for a in waiting if a[1] == mine[1])
                assert first == mine, f"thread {t} was served before thread {first[0]}, which came first"
                assert values[mine[1]] >= mine[2]
                values[mine[1]] -= mine[2]
                if mine in arrivals:  # else it has just given up, in vain
                    arrivals.remove(mine)
                left.add(t)
                patience.pop(t, None)
                served += 1
            assert len(granted) + operations <= 1, "one counter, one operation a cycle"
            operations = 0
            for name, port in (("store", dut.store_steer.up), ("net", dut.net_raise)):
                if raising[name] and ctx.get(port.ready):
                    index, amount = raising[name]
                    fits = values[index] + amount < LIMIT
                    if name == "net":
                        told.append(not fits)
                    else:
                        assert ctx.get(port.overflow) == (not fits), name
                    overflows += not fits
                    values[index] += amount if fits else 0
                    raising[name] = None
                    operations += 1
            for t, index, amount in arrivals:
                able = values[index] >= amount and next(a for a in arrivals if a[1] == index)[0] == t
                patience[t] = patience.get(t, 0) + 1 if able else 0
                assert patience[t] < 60, f"thread {t} could be served for long"
            await ctx.tick()

    simulate(dut, bench, limit=4000)
    assert served > 20 and (overflows or indices > 1)


@pytest.mark.parametrize("amount", [0, 1, 5, LIMIT - 1])
def test_a_value_that_just_suffices_is_taken_whole(simulate, amount):
    dut = Semaphores()

    async def bench(ctx) -> None:
        wait, up = dut.waiter[2].wait, dut.store_steer.up
        for name, value in (("valid", 1), ("semaphore", 9), ("amount", amount)):
            ctx.set(wait[name], value)
            ctx.set(getattr(up, name), value)
        await ctx.tick()
        ctx.set(up.valid, 0)
        for _ in range(2 * THREADS):
            if granted := ctx.get(dut.waiter[2].granted):
                break
            await ctx.tick()
        assert granted
        await ctx.tick()
        ctx.set(wait.valid, 0)
        await ctx.tick()
        ctx.set(wait.valid, 1)
        ctx.set(wait.amount, 1)
        for _ in range(2 * THREADS):
            assert not ctx.get(dut.waiter[2].granted), "something was left"
            await ctx.tick()

    simulate(dut, bench, limit=100)


def test_reset_clears_every_semaphore(simulate):
    """In the middle of a run: what was raised is gone, and what is raised afterwards counts from 0."""
    reset, dut = Signal(), Semaphores()

    async def bench(ctx) -> None:
        wait, up = dut.waiter[1].wait, dut.store_steer.up
        for amount in (100, 7):
            ctx.set(up.valid, 1)
            ctx.set(up.amount, amount)
            for index in range(SEMAPHORES):
                ctx.set(up.semaphore, index)
                await ctx.tick()
            ctx.set(up.valid, 0)
            ctx.set(reset, amount == 100)
            await ctx.tick()
            ctx.set(reset, 0)
        ctx.set(wait.valid, 1)
        for index in range(SEMAPHORES):
            ctx.set(wait.semaphore, index)
            for amount in (7, 1):
                ctx.set(wait.amount, amount)
                cycles = 0
                while not (granted := ctx.get(dut.waiter[1].granted)) and cycles < 2 * THREADS:
                    await ctx.tick()
                    cycles += 1
                assert granted == (amount == 7), (index, amount)
                await ctx.tick()

    simulate(ResetInserter(reset)(dut), bench, limit=4000)


def test_barriers(simulate, seed):
    """All who stand at a barrier go on when their number suffices for one of them; nobody else does."""
    rng, dut = random.Random(seed), Barriers()
    passed = 0

    async def bench(ctx) -> None:
        nonlocal passed
        here: dict[int, tuple[int, int]] = {}
        due: set[int] = set()
        left: set[int] = set()  # in the previous cycle
        for _ in range(1500):
            goes = due  # on, in this cycle: it still stands there
            for t in range(THREADS):
                if t in here and t not in goes and rng.random() < 0.02:  # it is stopped
                    del here[t]
                elif t not in here and t not in left and rng.random() < 0.3:
                    here[t] = (rng.randrange(3), rng.choice((0, 1, 2, 2, 3, 4)))
                ctx.set(dut.waiter[t].arrival.valid, t in here)
                ctx.set(dut.waiter[t].arrival.barrier, here.get(t, (0, 0))[0])
                ctx.set(dut.waiter[t].arrival.count, here.get(t, (0, 0))[1])
            assert {t for t, port in enumerate(dut.waiter) if ctx.get(port.passed)} == goes
            groups = {b: [t for t in here if here[t][0] == b and t not in goes] for b in range(3)}
            due = {t for group in groups.values() if any(here[t][1] <= len(group) for t in group) for t in group}
            passed += len(due)
            for t in goes:
                del here[t]
            left = goes
            await ctx.tick()

    simulate(dut, bench)
    assert passed > 100
