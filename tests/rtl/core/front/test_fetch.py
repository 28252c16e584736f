"""Fetch by itself: no window that a thread is shown after a flush was read before it, whenever the flush comes; lost words stay lost.

Memory changes in the cycle of a flush: a fill that was granted up to that cycle brings the old words, a later one the new ones.
"""

import random
from itertools import product

from golden.arch.config import get_config
from rtl.core.front.fetch.unit import Fetch

CONFIG = get_config("tiny")
WORDS = 8
PATIENCE = 80  # cycles within which a window that is wanted must be there


class Memory:
    """The SRAM behind fetch: every word says its line, its place and how often memory has changed."""

    def __init__(self, dut: Fetch) -> None:
        self.dut = dut
        self.generation = 0
        self.wait, self.latency = 0, 3  # cycles from a request to its grant, from the grant to the line
        self.waited = 0
        self.under_way: list[tuple[int, int]] = []  # cycles left, line with its generation
        self.granted: list[int] = []
        self.lost_lines: dict[int, int] = {}
        self.report = 0

    def word(self, line: int, place: int, generation: int | None = None) -> int:
        return (self.generation if generation is None else generation) << 24 | line << 4 | place

    def drive(self, ctx) -> None:
        """Grants and returns of this cycle, from what was asked in earlier ones."""
        fill = self.dut.fill
        ctx.set(fill.ret.lost, self.report)
        self.report = 0
        returns = [item for item in self.under_way if item[0] == 0]
        ctx.set(fill.ret.valid, bool(returns))
        if returns:
            self.under_way.remove(returns[0])
            line, generation = divmod(returns[0][1], 1 << 8)
            ctx.set(fill.ret.data, sum(self.word(line, k, generation) << 32 * k for k in range(2 * WORDS)))
            self.report = self.lost_lines.get(line, 0)
        self.under_way = [(left - 1, what) for left, what in self.under_way]
        asks = ctx.get(fill.valid)
        self.waited = self.waited + 1 if asks else 0
        ready = asks and self.waited > self.wait
        ctx.set(fill.ready, ready)
        if ready:
            line = ctx.get(fill.line)
            assert line < CONFIG.sram_bytes // 64, "a fill beyond SRAM"
            assert not self.under_way, "two fills under way"
            self.granted.append(line)
            self.under_way.append((self.latency - 1, line << 8 | self.generation))


def bench(simulate, script, limit: int = 60_000) -> None:
    """A script is a coroutine function of (ctx, dut, memory, cycle); ``cycle`` takes whether everything is flushed in it."""
    dut = Fetch(CONFIG)
    memory = Memory(dut)

    async def run(ctx) -> None:
        async def cycle(flush: bool = False) -> None:
            ctx.set(dut.supply[3].flush, flush)  # a thread's that runs nothing here
            memory.drive(ctx)
            if flush:
                memory.generation = memory.generation + 1 & 0xFF
            await ctx.tick()
            ctx.set(dut.supply[3].flush, 0)

        await script(ctx, dut, memory, cycle)

    simulate(dut, run, limit=limit)


def want(ctx, dut, thread: int, window: int, following: int | None = None) -> None:
    ctx.set(dut.supply[thread].active, 1)
    ctx.set(dut.supply[thread].current, window)
    ctx.set(dut.supply[thread].following, window + 1 if following is None else following)


def check(ctx, dut, memory: Memory, thread: int, window: int) -> bool:
    """Whether the thread's window is there; if so, it is memory's."""
    if not ctx.get(dut.supply[thread].present):
        return False
    line, half = divmod(window, 2)
    for chosen in dut.chosen:
        ctx.set(chosen.thread, thread)
    for place in dut.window:
        shown = [ctx.get(place.words[k]) for k in range(WORDS)]
        assert shown == [memory.word(line, WORDS * half + k) for k in range(WORDS)], f"window {window} is not as memory has it"
    return True


async def until_there(ctx, dut, memory, cycle, thread: int, window: int) -> int:
    for waited in range(PATIENCE):
        if check(ctx, dut, memory, thread, window):
            return waited
        await cycle()
    raise AssertionError(f"window {window} does not come")


def test_a_flush_in_every_cycle_of_a_fill(simulate):
    """Before the request, between request, grant and return, with the line already on its way, and with the next one on its way."""

    async def script(ctx, dut, memory, cycle) -> None:
        window = 0
        dropped = 0
        for wait, latency, when in product((0, 1, 3), (3, 7), range(26)):
            memory.wait, memory.latency = wait, latency
            window = window + 6 & 0x1FE
            want(ctx, dut, 0, window)
            before = len(memory.granted)
            for _ in range(when):
                check(ctx, dut, memory, 0, window)
                await cycle()
            await cycle(flush=True)
            dropped += bool(memory.under_way)
            new = len(memory.granted)
            await until_there(ctx, dut, memory, cycle, 0, window)
            assert len(set(memory.granted[new:])) == len(memory.granted[new:]), "a line that was read after the flush was dropped"
            want(ctx, dut, 0, window + 1)
            await until_there(ctx, dut, memory, cycle, 0, window + 1)
            assert len(memory.granted) - before <= 8
            ctx.set(dut.supply[0].active, 0)
            for _ in range(30):
                await cycle()
        assert dropped > 30, "hardly a flush met a line on its way"

    bench(simulate, script)


def test_a_flush_in_every_cycle_of_a_hit(simulate):
    """The line is in the cache; the flush comes before, with and after the look-up of its other half, by one thread and by another."""

    async def script(ctx, dut, memory, cycle) -> None:
        window = 0
        for thread, when in product((0, 1), range(6)):
            window += 8
            want(ctx, dut, 0, window, following=window)
            await until_there(ctx, dut, memory, cycle, 0, window)
            for _ in range(30):
                await cycle()
            want(ctx, dut, thread, window + 1, following=window + 1)
            for _ in range(when):
                check(ctx, dut, memory, thread, window + 1)
                await cycle()
            await cycle(flush=True)
            await until_there(ctx, dut, memory, cycle, thread, window + 1)
            ctx.set(dut.supply[thread].active, 0)
            ctx.set(dut.supply[0].active, 0)

    bench(simulate, script)


def test_the_following_window_is_there_before_it_is_wanted(simulate):
    """The other half of a line, the next line, and a loop's start in a line that nobody has asked for: none costs a cycle any more."""

    async def script(ctx, dut, memory, cycle) -> None:
        for thread, (here, following) in product((0, 3), ((6, 7), (7, 8), (8, 40), (40, 6))):
            want(ctx, dut, thread, here, following)
            await until_there(ctx, dut, memory, cycle, thread, here)
            for _ in range(PATIENCE):
                await cycle()
            want(ctx, dut, thread, following)
            assert check(ctx, dut, memory, thread, following), f"window {following} did not come ahead of its thread"
            ctx.set(dut.supply[thread].active, 0)
            await cycle(flush=True)

    bench(simulate, script)


def test_a_thread_keeps_its_last_four_windows(simulate):
    """However often the oldest was replaced; the fifth takes its place."""

    async def script(ctx, dut, memory, cycle) -> None:
        for first in (0, 3, 10):
            kept = range(first, first + 4)
            for window in kept:
                want(ctx, dut, 2, window, following=window)
                await until_there(ctx, dut, memory, cycle, 2, window)
            for window in (*kept, *reversed(kept)):
                want(ctx, dut, 2, window, following=window)
                assert check(ctx, dut, memory, 2, window), f"window {window} is gone"
                await cycle()
        want(ctx, dut, 2, 20, following=20)
        await until_there(ctx, dut, memory, cycle, 2, 20)
        want(ctx, dut, 2, 10, following=10)
        assert not check(ctx, dut, memory, 2, 10)

    bench(simulate, script)


def test_the_end_of_sram(simulate):
    """The last line comes, and no line behind it is asked for: not as the next one, and not by a thread that stands there."""

    async def script(ctx, dut, memory, cycle) -> None:
        last = 2 * (CONFIG.sram_bytes // 64) - 1
        for window in (last - 3, last - 1, last):
            want(ctx, dut, 1, window)
            await until_there(ctx, dut, memory, cycle, 1, window)
            for _ in range(30):
                await cycle()
        assert memory.granted == [last // 2 - 1, last // 2]
        await cycle(flush=True)  # and by a thread that misses the last line itself
        await until_there(ctx, dut, memory, cycle, 1, last)
        for _ in range(30):
            await cycle()
        assert memory.granted == [last // 2 - 1, last // 2, last // 2]
        want(ctx, dut, 1, last + 1)
        for _ in range(PATIENCE):
            assert not ctx.get(dut.supply[1].present)
            await cycle()
        assert memory.granted == [last // 2 - 1, last // 2, last // 2]

    bench(simulate, script)


def test_four_threads_get_their_windows(simulate, seed):
    """Threads that walk at random, flushes among them: what is shown is memory's. Who is filled for next is chance, so nobody is promised
    anything while the others walk on; when they stand, everything comes."""
    rng = random.Random(seed)

    async def script(ctx, dut, memory, cycle) -> None:
        windows, shown = [64 * t for t in range(4)], 0

        async def step(walk: float) -> list[bool]:
            nonlocal shown
            memory.wait, memory.latency = rng.randrange(3), rng.randint(3, 9)
            there = [check(ctx, dut, memory, t, windows[t]) for t in range(4)]
            shown += sum(there)
            for t in range(4):
                if there[t] and rng.random() < walk:
                    windows[t] = windows[t] + rng.choice((1, 1, 1, -1, 40)) & 0xFF
                    want(ctx, dut, t, windows[t], following=windows[t] + rng.choice((1, 1, -3)) & 0xFF)
            return there

        for t in range(4):
            want(ctx, dut, t, windows[t])
        for _ in range(20):
            for _ in range(100):
                await step(walk=0.4)
                await cycle(flush=rng.random() < 0.01)
            for _ in range(2 * PATIENCE):
                if all(await step(walk=0)):
                    break
                await cycle()
            else:
                raise AssertionError("a thread starves")
        assert shown > 300

    bench(simulate, script)


def test_a_lost_word_is_shown_with_its_line_alone(simulate):
    """The SRAM tells lost words a cycle after the line: a line that took the same place is not taken for it."""

    async def script(ctx, dut, memory, cycle) -> None:
        memory.lost_lines = {5: 0b1010_0110}
        for window, lost in ((10, 0b0110), (11, 0b1010), (10 + 2 * CONFIG.icache_lines, 0), (10, 0b0110)):
            want(ctx, dut, 2, window)
            await until_there(ctx, dut, memory, cycle, 2, window)
            assert [ctx.get(place.lost) for place in dut.window] == [lost] * len(dut.window), f"window {window}"
            for _ in range(30):
                await cycle()

    bench(simulate, script)
