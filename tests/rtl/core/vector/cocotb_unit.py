"""Runs inside Verilator: vector and store unit among their neighbours' models, on the pins (bench.py), paces crossed with mixes.

Every loaded lane, SIMD result, predicate, accumulator, raise and finally memory must be golden's; what was expected and did not come
fails at the end.
"""

import cocotb
import numpy as np
from cocotb.task import bridge

from tb.bind import bind
from tb.clock import start
from tb.seed import generator
from tests.rtl.core.stepped_pins import Pins
from tests.rtl.core.vector.bench import Bench
from tests.rtl.core.vector.programs import MIX

MIXES = {
    "all": MIX,
    "matrix and drains": {"matrix": 10, "drain": 8, "vld": 1},
    "stores": {"vst": 6, "drain": 3, "st": 4, "raise": 1, "simd": 1, "ld": 2, "vld": 1},
}
PACES = {
    "even": {},
    "fast": {"lane": 1.0, "grant": 1.0, "ready": 1.0, "issue": 1.0, "dispatch": 1.0},
    "slow memory": {"lane": 0.1, "grant": 0.1, "ready": 0.2},
}
CYCLES = 400


@bridge
def play(pins: Pins, rng: np.random.Generator, mix: dict[str, int], pace: dict[str, float], kills: int) -> Bench:
    bench = Bench(pins, rng, mix=mix, **pace)
    bench.prologue()
    for kill in range(kills + 1):
        for _ in range(CYCLES // (kills + 1)):
            bench.step()
        if kill < kills:
            bench.kill(int(rng.integers(4)))
    bench.finish()
    return bench


async def run(dut, mix: str, pace: str, kills: int = 0) -> Bench:
    ports = bind(dut)
    await start(ports)
    rng = np.random.default_rng(generator("programs").getrandbits(64))
    return await play(Pins(ports), rng, MIXES[mix], PACES[pace], kills)


@cocotb.test()
@cocotb.parametrize(mix=list(MIXES), pace=list(PACES))
async def random_instructions(dut, mix, pace):
    """Four threads, every pace of loads, stores and ready."""
    bench = await run(dut, mix, pace)
    assert sum(bench.took["matrix"]) + bench.took["simd"] > 20, "hardly anything was compared"


@cocotb.test()
@cocotb.parametrize(pace=list(PACES))
async def kills(dut, pace):
    """A killed thread drops what has not begun; no other notices."""
    await run(dut, "all", pace, kills=4)
