"""Runs a small component in Amaranth's own simulator, under one rule: every run ends.

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        await ctx.tick()
    simulate(dut, bench)

A run that has not ended after `limit` cycles fails with a sentence instead of hanging. Most of a short run's time goes into making the
simulator: tests that share a component keep it.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator

from rtl.common import invariant
from sim.compile.garbage import uncollected

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
    keep: bool = False,
    assertions: bool = False,
) -> None:
    """Simulates `dut` until every one of `benches` has returned.

    Parameters
    ----------
    benches: `async def bench(ctx)`, run side by side as Amaranth testbenches.
    background: benches that may still be running at the end (models of a neighbour).
    limit: cycles after which the run fails with Deadline.
    clocked: False for a combinational component (then there is no limit in cycles, and no need for one).
    waves: VCD file to write.
    keep: the simulator waits for the next call that keeps and has the same component and as many benches, which begins at once, in the
        state after power-up.
    assertions: of the invariants that the component states (rtl.common.invariant); a broken one is an AssertionError.
    """
    global _kept
    simulation = None
    if keep:
        simulation, _kept = _kept, None  # who fails leaves nothing behind
    if simulation is None or not simulation.fits(dut, background, benches, clocked):
        simulation = _Simulation(dut, len(background), len(benches), clocked, assertions)
    if waves is not None:
        waves.parent.mkdir(parents=True, exist_ok=True)
    simulation.run([*background, *benches], limit, waves)
    if keep:
        _kept = simulation


class _Simulation:
    """A component's simulator with places for benches: so many in the background, then those that it runs for."""

    def __init__(self, dut: Elaboratable, background: int, benches: int, clocked: bool, assertions: bool) -> None:
        self.made_for = dut, background, benches, clocked
        self.fresh, self.benches, self.limit = True, [], 0
        with uncollected(), invariant.checked(assertions):
            self.simulator = Simulator(dut)
        if clocked:
            self.simulator.add_clock(1e-9)  # seconds
            self.simulator.add_testbench(self._deadline, background=True)
        for place in range(background + benches):
            self.simulator.add_testbench(self._at(place), background=place < background)

    def fits(self, dut: Elaboratable, background: Sequence[Bench], benches: Sequence[Bench], clocked: bool) -> bool:
        return self.made_for[0] is dut and self.made_for[1:] == (len(background), len(benches), clocked)

    def _at(self, place: int) -> Bench:
        async def bench(ctx) -> None:
            await self.benches[place](ctx)

        return bench

    async def _deadline(self, ctx) -> None:
        # Not repeat(): the run usually ends before the limit, and its half-run generator cannot be closed then.
        for _ in range(self.limit):
            await ctx.tick()
        raise Deadline(f"not finished after {self.limit} cycles")

    def run(self, benches: list[Bench], limit: int, waves: Path | None) -> None:
        self.benches, self.limit = benches, limit
        if not self.fresh:
            self.simulator.reset()
        self.fresh = False
        with self.simulator.write_vcd(str(waves)) if waves is not None else nullcontext():
            self.simulator.run()


_kept: _Simulation | None = None
