"""Who is told of a thread: every answer once, about the stop that it was asked for, and nothing of one run in the next."""

from collections import deque

import pytest

from golden.arch.isa import THREADS
from golden.arch.memmap import ThreadState
from golden.arch.packet import Kind
from rtl.noc.endpoint.threads import Threads

RESTING = (ThreadState.IDLE, ThreadState.FAULTED)


class Bench:
    """Threads that start, stop, halt and go on at random, and askers that the rules of Serve admit."""

    def __init__(self, rng) -> None:
        self.rng, self.number = rng, 0
        self.state = [ThreadState.IDLE] * THREADS
        self.ends, self.stops = [None] * THREADS, [None] * THREADS  # askers
        self.injected = [False] * THREADS
        self.owed = [deque() for _ in range(THREADS)]  # answers that are not on their way
        self.expected = [deque() for _ in range(THREADS)]
        self.told = {Kind.HALTED: 0, Kind.STATUS: 0}

    def asker(self) -> dict[str, int]:
        self.number += 1
        return {"channel": 2, "x": 0, "y": 1, "tag": self.number % 256, "sequence": self.number // 256 % 256}

    def stop(self, ctx, dut) -> set[int]:
        """Threads that come to rest in this cycle."""
        stopped = set()
        for t, state in enumerate(self.state):
            if (state is ThreadState.RUNNING or self.injected[t]) and self.rng.random() < 0.15:
                stopped.add(t)
                after = [*RESTING, ThreadState.HALTED] if state is ThreadState.RUNNING else [ThreadState.HALTED]
                self.state[t] = after[self.rng.integers(len(after))]
            ctx.set(dut.status.state[t], {
                "state": self.state[t], "cause": 0, "pc": int(self.rng.integers(1 << 21)), "operand": 0,
                "retired": self.number, "seq": t, "debug": 0,
            })
        ctx.set(dut.status.stopped, sum(1 << t for t in stopped))
        return stopped

    def settle(self, ctx, dut, stopped: set[int]) -> None:
        """What the stops of this cycle make due."""
        for t in stopped:
            status = dut.status.state[t]
            line = (int(self.state[t]), ctx.get(status.pc), ctx.get(status.retired))
            if self.ends[t] and self.state[t] in RESTING:
                self.expected[t].append((Kind.HALTED, self.ends[t], line))
                self.ends[t] = None
            if self.stops[t]:
                self.expected[t].append((Kind.STATUS, self.stops[t], line))
                self.stops[t] = None
            self.injected[t] = False

    def ask(self, ctx, dut, t: int) -> None:
        """A request about thread t, of those that are not refused."""
        state, to = self.state[t], self.asker()
        ctx.set(dut.asks.thread, t)
        ctx.set(dut.asks.to, to)
        if state in RESTING and self.rng.random() < 0.5:
            self.state[t] = ThreadState.RUNNING
            if self.rng.random() < 0.7:
                ctx.set(dut.asks.end, 1)
                self.ends[t] = to
        elif state is ThreadState.RUNNING and not self.stops[t]:
            ctx.set(dut.asks.still, 1)
            self.stops[t] = to
        elif state is ThreadState.HALTED and not self.injected[t] and not self.stops[t]:
            if self.rng.random() < 0.5:
                self.state[t] = ThreadState.RUNNING
            else:
                ctx.set(dut.asks.inject, 1)
                self.injected[t] = True
                if self.rng.random() < 0.5:
                    ctx.set(dut.asks.still, 1)
                    self.stops[t] = to

    def answered(self, ctx, dut) -> None:
        answer = dut.answer.payload
        payload = ctx.get(answer.payload)
        state, pc, retired, seq = (payload >> 64 * word & 2**64 - 1 for word in (0, 2, 4, 5))
        got = (Kind(ctx.get(answer.kind).value), {name: ctx.get(answer.to[name]) for name, _ in answer.to.shape()}, (state, pc, retired))
        assert self.expected[seq], f"thread {seq}: {got} answers nobody"
        assert got == self.expected[seq].popleft(), f"thread {seq}"
        self.told[got[0]] += 1


@pytest.fixture(scope="module")
def dut():
    return Threads()


@pytest.mark.fast
@pytest.mark.parametrize("ready", [1.0, 0.3, 0.05])
def test_every_answer_once_and_none_of_another_run(simulate, dut, ready, rng):
    bench = Bench(rng)

    async def check(ctx):
        for _ in range(500):
            for name in ("end", "still", "inject"):
                ctx.set(getattr(dut.asks, name), 0)
            stopped = bench.stop(ctx, dut)
            take = bench.rng.random() < ready
            ctx.set(dut.answer.ready, take)
            await ctx.delay(1e-12)
            unsettled, asked, injecting = (ctx.get(getattr(dut.asks, name)) for name in ("unsettled", "asked", "injecting"))
            for t in range(THREADS):
                assert asked >> t & 1 == (bench.stops[t] is not None), f"asked of thread {t}"
                assert injecting >> t & 1 == (bench.injected[t] and t not in stopped), f"thread {t} injects"
            bench.settle(ctx, dut, stopped)
            t = int(bench.rng.integers(THREADS))
            if not unsettled >> t & 1 and t not in stopped and bench.rng.random() < 0.6:
                bench.ask(ctx, dut, t)
            if ctx.get(dut.answer.valid) and take:
                bench.answered(ctx, dut)
            await ctx.tick()

    simulate(dut, check, keep=True)
    assert min(bench.told.values()) > 5, bench.told
