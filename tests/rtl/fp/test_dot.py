"""One matrix lane against golden numerics and against vectors of a second hand, in Amaranth's simulator, both bodies.

The bench is the lane with its two operand decoders and the shared control. A driver issues one operation per cycle, or
none, on random accumulators; golden runs the same operations in order; the lane's raw words are read back through the
drain port and compared bit for bit.
"""

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from golden.numerics import matrix
from rtl.fp.adder import Body
from rtl.fp.dot import ACCUMULATORS, TERMS, DotLane
from rtl.fp.lane_control import LaneSequencer
from rtl.fp.operand import OperandDecode

VECTORS = Path(__file__).parents[2] / "golden" / "vectors" / "matrix-lane.csv"
LATENCY = 10  # cycles from decode until a drain read shows the operation


class LaneBench(wiring.Component):
    """Decode, control and one lane; loads arrive as raw words."""

    valid: In(1)
    step: In(1)
    first: In(1)
    slot: In(5)
    a: In(16 * TERMS)
    b: In(16 * TERMS)
    hit: In(1)
    load: In(64)
    drain_slot: In(5)
    drain_word: Out(64)

    def __init__(self, body: Body):
        self.body = body
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.lane = lane = DotLane(self.body)
        m.submodules.sequencer = sequencer = LaneSequencer()
        m.d.comb += [
            sequencer.valid.eq(self.valid),
            sequencer.step.eq(self.step),
            sequencer.first.eq(self.first),
            sequencer.slot.eq(self.slot),
            lane.control.eq(sequencer.control),
            lane.drain_slot.eq(self.drain_slot),
            self.drain_word.eq(lane.drain_word),
        ]
        for name, words in (("a", self.a), ("b", self.b)):
            m.submodules[name] = decode = OperandDecode(self.body)
            m.d.comb += [decode.candidates[j].words[0].eq(words.word_select(j, 16)) for j in range(TERMS)]
            m.d.comb += [decode.active.eq(self.step), getattr(lane, name).eq(decode.group)]
            m.d.comb += getattr(lane, f"{name}_significand").eq(delay(m, decode.significand, 2))
        m.d.comb += lane.x1_hit.eq(delay(m, self.hit, 2))
        m.d.comb += lane.x1_exponent.eq(delay(m, self.load[56:62], 2))
        m.d.comb += lane.a_hit.eq(delay(m, self.hit, 5))
        m.d.comb += lane.a_load[:56].eq(delay(m, self.load[:56], 5))
        m.d.comb += lane.a_load[56:].eq(delay(m, self.load[62:], 5))
        return m


def delay(m, value, cycles):
    for _ in range(cycles):
        register = Signal.like(value)
        m.d.sync += register.eq(value)
        value = register
    return value


def run(body: Body, operations: list[dict]) -> list[int]:
    """Issues the operations, one per cycle (`{}` is a bubble), and returns the raw words of all slots afterwards."""
    bench = LaneBench(body)
    words = []

    async def drive(ctx):
        for operation in [*operations, *[{}] * LATENCY]:
            kind = operation.get("kind")
            ctx.set(bench.valid, kind is not None)
            ctx.set(bench.step, kind == "step")
            ctx.set(bench.first, operation.get("first", 0))
            ctx.set(bench.slot, operation.get("slot", 0))
            for name in ("a", "b"):
                ctx.set(getattr(bench, name), pack(operation.get(name, ())))
            ctx.set(bench.hit, kind == "load" and operation["hit"])
            ctx.set(bench.load, operation.get("raw", 0))
            await ctx.tick()
        for slot in range(ACCUMULATORS):
            ctx.set(bench.drain_slot, slot)
            await ctx.tick()
            words.append(unfold(ctx.get(bench.drain_word)))

    simulator = Simulator(bench)
    simulator.add_clock(1e-9)
    simulator.add_testbench(drive)
    simulator.run()
    return words


def unfold(word: int) -> int:
    return word ^ ((1 << 55) - 1 if word >> 55 & 1 else 0)


def pack(words) -> int:
    return sum(word << 16 * j for j, word in enumerate(words))


def expected(operations: list[dict]) -> list[int]:
    """Raw words of all slots by golden numerics."""
    state = [matrix.clear((1, 1))] * ACCUMULATORS
    for operation in operations:
        slot = operation.get("slot", 0)
        if operation.get("kind") == "step":
            a, b = np.array(operation["a"], np.uint16), np.array(operation["b"], np.uint16)
            state[slot] = matrix.step(state[slot], a[None, :], b[:, None], bool(operation["first"]))
        elif operation.get("kind") == "load" and operation["hit"]:
            state[slot] = matrix.from_raw(np.array([[operation["raw"]]], np.uint64))
    return [int(acc.raw()[0, 0]) for acc in state]


def chains() -> list[dict]:
    with open(VECTORS) as file:
        return list(csv.DictReader(file))


@pytest.mark.fast
@pytest.mark.parametrize(
    ("body", "every"), [(Body.SIMULATION, 1), (Body.SYNTHESIS, 4), pytest.param(Body.SYNTHESIS, 1, marks=pytest.mark.slow)]
)
def test_vectors_of_a_second_hand(body, every):
    """400 chains, or every fourth, 32 accumulators at a time, their steps interleaved at random with bubbles."""
    pick = random.Random(1)
    todo = chains()[::every]
    while todo:
        batch, todo = todo[:ACCUMULATORS], todo[ACCUMULATORS:]
        queues = []
        for slot, chain in enumerate(batch):
            a, b = (
                [int(chain[name][4 * i : 4 * i + 4], 16) for i in range(int(chain["k"]))]
                for name in ("a_bf16", "b_bf16")
            )
            queues.append(
                [
                    {"kind": "step", "slot": slot, "first": i == 0, "a": a[i : i + 4], "b": b[i : i + 4]}
                    for i in range(0, len(a), 4)
                ]
            )
        operations = []
        while any(queues):
            queue = pick.choice([queue for queue in queues if queue])
            # Runs of one accumulator take every forwarding path.
            for _ in range(pick.choice((1, 1, 2, 5))):
                if queue:
                    operations.append(queue.pop(0))
                if pick.random() < 0.2:
                    operations.append({})
        words = run(body, operations)
        assert [f"{word:016x}" for word in words[: len(batch)]] == [chain["raw"] for chain in batch]


def bf16(pick: random.Random, spread: int) -> int:
    """A BF16 word: mostly within `spread` binades of 1, sometimes anything at all."""
    kind = pick.random()
    if kind < 0.1:
        return pick.choice((0, 0x8000, 1, 0x807F, 0x0080, 0x7F7F))
    if kind < 0.12:
        return pick.choice((0x7F80, 0xFF80, 0x7FC0, 0xFF81))
    exponent = 127 + pick.randint(-spread, spread)
    return pick.getrandbits(1) << 15 | min(max(exponent, 0), 254) << 7 | pick.getrandbits(7)


def raw_word(pick: random.Random) -> int:
    """A raw word: any bits, or a value near the range limit 2^54, or small."""
    value = pick.choice((pick.getrandbits(56), (1 << 54) - pick.getrandbits(40), -(1 << 54) + pick.getrandbits(40)))
    special = pick.choice((0, 0, 0, 1, 2, 3))
    return special << 62 | pick.randint(20, 40) << 56 | value % (1 << 56)


@pytest.mark.fast
@pytest.mark.parametrize("body", Body)
@pytest.mark.parametrize("slots", [1, 2, 4])
def test_random_operations_on_few_accumulators(body, slots):
    """Steps, loads that hit and loads that miss, on so few accumulators that every forwarding distance occurs."""
    for seed in range(3):
        pick = random.Random(f"{slots} {seed}")
        spread = (3, 30, 127)[seed]
        operations = []
        for _ in range(200):
            slot = pick.randrange(slots)
            kind = pick.random()
            if kind < 0.1:
                operations.append({})
            elif kind < 0.25:
                hit = pick.random() < 0.5
                operations.append({"kind": "load", "slot": slot, "hit": hit, "raw": raw_word(pick)})
            else:
                a, b = ([bf16(pick, spread) for _ in range(TERMS)] for _ in range(2))
                operations.append({"kind": "step", "slot": slot, "first": pick.random() < 0.1, "a": a, "b": b})
        assert run(body, operations) == expected(operations), f"seed {seed}"
