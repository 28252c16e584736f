"""Runs a small component in Amaranth's own simulator, under one rule: every run ends.

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        await ctx.tick()
    simulate(dut, bench)

A run that has not ended after `limit` cycles fails with a sentence instead of hanging.
"""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator

Bench = Callable[..., Awaitable[None]]


class Deadline(AssertionError):
    """The benches had not finished after the allowed number of cycles."""


def simulate(
    dut: Elaboratable,
    *benches: Bench,
    background: tuple[Bench, ...] = (),
    limit: int = 20_000,
    clocked: bool = True,
    waves: Path | None = None,
) -> None:
    """Simulates `dut` until every one of `benches` has returned.

    Parameters
    ----------
    benches: `async def bench(ctx)`, run side by side as Amaranth testbenches.
    background: benches that may still be running at the end (models of a neighbour).
    limit: cycles after which the run fails with Deadline.
    clocked: False for a combinational component (then there is no limit in cycles, and no need for one).
    waves: VCD file to write.
    """
    simulator = Simulator(dut)
    if clocked:
        simulator.add_clock(1e-9)  # seconds

        async def deadline(ctx) -> None:
            # Not repeat(): the run usually ends before the limit, and its half-run generator cannot be closed then.
            for _ in range(limit):
                await ctx.tick()
            raise Deadline(f"not finished after {limit} cycles")

        simulator.add_testbench(deadline, background=True)
    for bench in background:
        simulator.add_testbench(bench, background=True)
    for bench in benches:
        simulator.add_testbench(bench)
    if waves is not None:
        waves.parent.mkdir(parents=True, exist_ok=True)
    with simulator.write_vcd(str(waves)) if waves is not None else nullcontext():
        simulator.run()
