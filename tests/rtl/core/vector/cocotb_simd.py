"""Runs inside Verilator: the SIMD pipe against golden.numerics.simd, every result in its exact cycle.

The pipe takes no ready and gives none, so the traffic is every pattern of gaps, with noise on the inputs in between. A
monitor watches the inputs and says what is due LATENCY[op] cycles later; another watches the outputs; the scoreboard
pairs them by cycle, so a result too early or too late is one that nobody expected.
"""

from collections import Counter

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from golden.arch.formats import BIAS_BITS
from golden.arch.simd_ops import IMM_BITS, LATENCY, MAX_LATENCY, TAG_BITS, SimdOp
from golden.numerics import simd
from tb.bind import bind
from tb.clock import PERIOD_PS, cycles, start
from tb.scoreboard import PerSource
from tb.seed import generator
from tb.stream import GAPS
from tests.rtl.core.vector.test_simd import OPS, registers, schedule

CYCLES = 3_000


def now() -> int:
    """Number of the clock edge that runs."""
    return get_sim_time("ps") // PERIOD_PS


def register(port) -> np.ndarray:
    """A vector register on a port as 64 bytes."""
    return np.frombuffer(port.get().to_bytes(64, "little"), np.uint8)


class Bench:
    """Monitors on both sides of the pipe; `seen` counts operations that entered, by code."""

    def __init__(self, ports):
        self.ports = ports
        self._forget()
        cocotb.start_soon(self._enter())
        cocotb.start_soon(self._leave())

    def _forget(self):
        """What is under way at an edge with reset high never comes out."""
        self.seen = Counter()
        self.board = PerSource("results by cycle", clock=now)

    async def _enter(self):
        ports, edge = self.ports, RisingEdge(self.ports.clock.handle)
        while True:
            await edge
            if not ports.valid.get() or ports.reset.get():
                continue
            op = SimdOp(ports.op.get())
            operands = [register(ports[name]) for name in "abc"]
            fp = simd.FpState(ports.bias.get(), ports.bias.get(), ports.seed.get())
            result = simd.execute(op, *operands, ports.imm.get(), fp)
            self.seen[op] += 1
            self.board.expect(
                {
                    "tag": ports.tag.get(),
                    "data": result.tobytes().hex(),
                    "any": int(simd.any_lane(result)),
                    "all": int(simd.all_lanes(result)),
                    "flags": int(simd.execute_flags(op, *operands, ports.imm.get(), fp)),
                },
                now() + LATENCY[op],
            )

    async def _leave(self):
        ports, edge = self.ports, RisingEdge(self.ports.clock.handle)
        while True:
            await edge
            if ports.out_valid.get():
                self.board.got(
                    {
                        "tag": ports.out_tag.get(),
                        "data": register(ports.out_data).tobytes().hex(),
                        "any": ports.out_any.get(),
                        "all": ports.out_all.get(),
                        "flags": ports.out_flags.get(),
                    },
                    now(),
                )
            else:
                assert not ports.out_flags.get(), f"flags without a result in cycle {now()}"
            if ports.reset.get():
                self._forget()

    async def drive(self, ops: np.ndarray, valid: np.ndarray) -> None:
        """Row k in cycle k; what is not valid is noise."""
        pick = generator("operands")
        rng = np.random.default_rng(pick.getrandbits(64))
        operands = [registers(rng, len(ops)) for _ in range(3)]
        same = rng.integers(0, 4, len(ops)) == 0
        operands[1][same] = operands[0][same]
        for row in range(len(ops)):
            self.ports.valid.set(int(valid[row]))
            self.ports.op.set(int(ops[row]))
            self.ports.imm.set(pick.getrandbits(IMM_BITS))
            self.ports.bias.set(pick.getrandbits(BIAS_BITS))
            self.ports.seed.set(pick.getrandbits(64))
            self.ports.tag.set(pick.getrandbits(TAG_BITS))
            for name, words in zip("abc", operands, strict=True):
                self.ports[name].set(int.from_bytes(words[row].tobytes(), "little"))
            await cycles(self.ports, 1)
        self.ports.valid.set(0)

    async def finish(self) -> None:
        await cycles(self.ports, 2 * MAX_LATENCY)
        self.board.finish()
        assert self.board.compared == self.seen.total()


async def begin(dut) -> Bench:
    dut._log.info(f"seed {cocotb.RANDOM_SEED}")
    ports = bind(dut)
    await start(ports)
    return Bench(ports)


def starts(name: str, count: int) -> np.ndarray:
    """In which cycles the issuer would like to start an operation, under the gaps `name`."""
    gaps = GAPS[name](generator("gaps"))
    wishes = []
    while len(wishes) < count:
        wishes += [False] * next(gaps) + [True]
    return np.array(wishes[:count])


@cocotb.test()
@cocotb.parametrize(gaps=list(GAPS))
async def any_operation_under(dut, gaps: str):
    bench = await begin(dut)
    ops = np.array(OPS)[np.random.default_rng(generator("operations").getrandbits(64)).integers(0, len(OPS), CYCLES)]
    await bench.drive(ops, schedule(ops, starts(gaps, CYCLES)))
    await bench.finish()
    assert bench.board.compared > CYCLES / 4 and set(bench.seen) == set(OPS)


@cocotb.test()
async def every_operation_alone(dut):
    """Far enough apart that the clock of a gated pipe stops in between."""
    bench = await begin(dut)
    apart = MAX_LATENCY + 3
    ops = np.repeat(OPS, apart)
    await bench.drive(ops, np.arange(len(ops)) % apart == 0)
    await bench.finish()
    assert bench.board.compared == len(OPS)


@cocotb.test()
async def reset_drops_what_is_under_way(dut):
    bench = await begin(dut)
    pick = generator("operations")
    for _ in range(20):
        ops = np.array(pick.choices(OPS, k=12))
        await bench.drive(ops, schedule(ops, np.ones(len(ops), bool)))
        await cycles(bench.ports, pick.randrange(MAX_LATENCY))
        bench.ports.reset.set(1)
        await cycles(bench.ports, 1)
        bench.ports.reset.set(0)
    await bench.drive(OPS, schedule(OPS, np.ones(len(OPS), bool)))
    await bench.finish()
