"""What each unit of a node costs to simulate: compiled by itself, its inputs at rest and with random bits on every input.

The sum of the parts is near, not equal to, a whole node: Verilator schedules a node as one piece, and there the inputs of most units
change less than random bits do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from amaranth.lib import wiring

from golden.arch.config import NodeConfig, get_config
from golden.kernels.job import random_job
from rtl.core.front.unit import FrontEnd
from rtl.core.matrix.unit import MatrixUnit
from rtl.core.memory.store import StoreUnit
from rtl.core.scalar.unit import ScalarUnit
from rtl.core.thread.control import ControlUnit
from rtl.core.thread.unit import ThreadUnit
from rtl.core.vector.simd import SimdPipe
from rtl.core.vector.unit import VectorUnit
from rtl.mem.sram import SRAM
from rtl.noc.endpoint import Endpoint
from sim.compile.batch import Batch
from sim.jobs import machine
from sim.jobs.host import Host

ROWS = 2_000  # cycles a measurement
REPEATS = 5  # the fastest counts: other work of the machine can only slow one down


def _units(config: NodeConfig) -> dict[str, Callable[[], wiring.Component]]:
    return {
        "matrix unit": lambda: MatrixUnit(gated=True),
        "SIMD pipe": lambda: SimdPipe(gated=True),
        "vector unit, with the SIMD pipe": lambda: VectorUnit(config),
        "store unit": lambda: StoreUnit(config),
        "scalar unit": lambda: ScalarUnit(config),
        "front end": lambda: FrontEnd(config),
        "threads": lambda: ThreadUnit(config),
        "control registers": ControlUnit,
        "SRAM": lambda: SRAM(rows=config.sram_rows),
        "endpoint": lambda: Endpoint(config),
    }


def unit_cost(config: str = "d1", seed: int = 0) -> Iterator[dict[str, Any]]:
    """Rows of unit, rest_us and busy_us: microseconds of one core for a cycle, inputs at rest and random.

    The last row is the whole node, with a GEMM as its work.
    """
    machine.check_tools()
    for name, make in _units(get_config(config)).items():
        batch, rng = Batch(make()), np.random.default_rng(seed)
        random = {name: rng.integers(0, 1 << 32, (ROWS, -(-width // 32)), np.uint32) for name, width in batch.inputs.items()}
        for port, width in batch.inputs.items():
            random[port][:, -1] &= (1 << (width - 1) % 32 + 1) - 1
        rest = {port: np.zeros_like(bits) for port, bits in random.items()}
        yield {"unit": name, "rest_us": _fastest(batch, rest), "busy_us": _fastest(batch, random)}
    yield {"unit": "whole node, GEMM 128x128x128", **_node(config, seed)}


def _fastest(batch: Batch, inputs: dict[str, np.ndarray]) -> float:
    batch.run(inputs)
    return min(batch.seconds(inputs) for _ in range(REPEATS)) / ROWS * 1e6


def _node(config: str, seed: int) -> dict[str, float]:
    job = random_job(get_config(config), "gemm", np.random.default_rng(seed), m=128, n=128, k=128)
    with machine.engine(config) as engine:
        host = Host(engine)

        def microseconds(work: Callable[[], None]) -> float:
            began, cycle = time.perf_counter(), engine.cycle
            work()
            return (time.perf_counter() - began) / (engine.cycle - cycle) * 1e6

        rest = min(microseconds(lambda: engine.run(ROWS)) for _ in range(REPEATS))
        host.load(job)
        return {"rest_us": rest, "busy_us": min(microseconds(lambda: host.run(job.launches)) for _ in range(REPEATS))}
