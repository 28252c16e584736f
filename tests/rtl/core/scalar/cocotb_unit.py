"""Runs inside Verilator: programs of four threads on the scalar unit, its SRAM ports under every pattern of back-pressure.

Dispatch, neighbours and programs are those of test_scalar.py, which play cycle by cycle; here they play on the pins. Added
are a scoreboard and stream monitors. Order rule: what instructions write to one register of one thread, and what one
thread raises, comes in program order.
"""

from collections.abc import Iterator
from typing import Any

import cocotb
import numpy as np
from cocotb.task import bridge

from golden.arch.classes import Port
from tb.bind import bind
from tb.clock import start
from tb.scoreboard import PerSource
from tb.seed import generator
from tb.stream import GAPS, Monitor
from tests.rtl.core.scalar.neighbours import Neighbours
from tests.rtl.core.scalar.test_unit import MIX, Bench
from tests.rtl.core.scalar.test_unit import start as start_programs
from tests.rtl.core.stepped_pins import Pins

SRAM_PORTS = ("l0", "l1", "sl")


def pulses(gaps: Iterator[int]) -> Iterator[int]:
    """Ready as gaps say: low for so many cycles, then high for one."""
    for gap in gaps:
        yield from [0] * gap
        yield 1


def press(world: Neighbours, gaps: str) -> None:
    """Makes the SRAM ports of `world` ready as `gaps` say."""
    ready = [pulses(GAPS[gaps](generator(f"ready of {name}"))) for name in SRAM_PORTS]
    inputs = world.inputs

    def pressed() -> dict[str, Any]:
        values = inputs()
        world.ready = [next(pulse) for pulse in ready]
        return values | {f"{name}__ready": value for name, value in zip(SRAM_PORTS, world.ready, strict=True)}

    world.inputs = pressed


class Scored(Bench):
    """The bench of test_scalar with a scoreboard; programs without faults only."""

    def __init__(self, unit: Pins, rng: np.random.Generator) -> None:
        self.board = PerSource("effects", clock=lambda: self.cycles)
        super().__init__(unit, rng)

    def begin(self) -> None:
        super().begin()
        for thread, writer in enumerate(self.writers):
            for seq, step in enumerate(writer.program.steps):
                for letter, index, value in () if step.insn.port is Port.SIMD else step.effects:
                    if letter != "m":
                        self.board.expect((seq, index, value), self._source(thread, letter, index))

    @staticmethod
    def _source(thread: int, letter: str, index: int) -> tuple:
        return (thread, letter) if letter == "s" else (thread, letter, index)

    def cycle(self, **more: Any) -> None:
        before = {key: len(effects) for key, effects in self.effects.items()}
        super().cycle(**more)
        for (thread, seq), effects in self.effects.items():
            for letter, index, value in effects[before.get((thread, seq), 0) :]:
                self.board.got((seq, index, value), self._source(thread, letter, index))


@bridge
def play(bench: Bench, rounds: int, faults: bool) -> None:
    """Programs for all threads, after registers, descriptors and control registers were made known; with `faults` some end in one."""
    for _ in range(rounds):
        start_programs(bench)
        for writer in bench.writers:
            writer.run(60 if faults else 150, MIX)
            if faults and bench.rng.integers(0, 4):
                writer.end_in_fault()
        bench.begin()
        bench.run()
        bench.check()
        bench.resync()


async def begin(dut, kind: type[Bench], gaps: str) -> Bench:
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports)
    for name in SRAM_PORTS:
        Monitor(ports, name)
    rng = np.random.default_rng(generator("programs").getrandbits(64))
    bench = await bridge(kind)(Pins(ports), rng)
    press(bench.world, gaps)
    return bench


@cocotb.test()
@cocotb.parametrize(gaps=list(GAPS), rate=[0.5, 0.05])
async def programs_under(dut, gaps: str, rate: float):
    """`rate`: how readily the vector unit issues."""
    bench = await begin(dut, Scored, gaps)
    bench.world.vector_rate = rate
    await play(bench, 2, faults=False)
    bench.board.finish()


@cocotb.test()
@cocotb.parametrize(gaps=list(GAPS))
async def faults_under(dut, gaps: str):
    await play(await begin(dut, Bench, gaps), 3, faults=True)
