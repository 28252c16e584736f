"""The store queues of all threads: a kill in every cycle of an entry's life leaves whole entries only, and counts each of them once."""

from itertools import product

import pytest

from golden.arch.config import get_config
from golden.arch.tags import ST
from rtl.core.interfaces import STORE_SLOTS, THREADS, StoreKind
from rtl.core.memory.store_queue import StoreQueue
from rtl.core.memory.store_start import MOST_BEATS

SETTLED = 12


@pytest.mark.parametrize("kind", [StoreKind.VECTOR, StoreKind.DRAIN, StoreKind.SCALAR, StoreKind.RAISE])
def test_a_kill_in_every_cycle(simulate, kind):
    """Two entries, killed before, with and after the start of each: what starts is written, what does not is gone; both positions count."""
    dut = StoreQueue(get_config("tiny"))

    async def bench(ctx) -> None:
        async def cycle(t: int, issue: bool = False, address: bool = False, kill: bool = False, written: int = 0) -> int:
            """Entries that start."""
            for port, valid in ((dut.requests.issue, issue), (dut.requests.address, address)):
                ctx.set(port.valid, valid)
                ctx.set(port.thread, t)
            ctx.set(dut.requests.issue.store, {"kind": kind})
            ctx.set(dut.requests.address.store, {"low": 5, "high": 5})
            ctx.set(dut.life.kill, kill << t)
            ctx.set(dut.written, written)
            await ctx.tick()
            started = int(any(ctx.get(port.count) for port in (dut.beats, dut.scalars, dut.raises)))
            assert not (kill and started), "an entry starts and is dropped in one cycle"
            return started

        for port in (dut.beats, dut.scalars, dut.raises):
            ctx.set(port.room, MOST_BEATS if port is dut.beats else 1)
        places = [0] * THREADS
        for t, when in product(range(THREADS), (None, *range(1, 10))):
            began = ctx.get(dut.progress.st_read[t])
            started, entered = 0, 0
            for at in range(SETTLED + 8):
                alive = when is None or at < when
                entered += alive and at in (0, 2)
                started += await cycle(t, alive and at in (0, 2), alive and at in (1, 3), at == when)
            shown, there = ctx.get(dut.progress.slots[t].occupied), sum(1 << (places[t] + k) % STORE_SLOTS for k in range(started))
            assert shown & there == there and (shown == there or when is None), (t, when)
            done = 0
            while done < started:  # a raise starts when the one before it is written
                await cycle(t, written=1 << STORE_SLOTS * t + (places[t] + done) % STORE_SLOTS)
                done += 1
                for _ in range(3):
                    started += await cycle(t)
            places[t] += started
            assert ctx.get(dut.progress.idle[t]) and not ctx.get(dut.progress.slots[t].occupied)
            assert ctx.get(dut.progress.st_read[t]) == (began + entered) % ST, (t, when)

    simulate(dut, bench, limit=4_000)
