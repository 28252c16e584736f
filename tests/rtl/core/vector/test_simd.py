"""The SIMD pipe against golden.numerics.simd: every operation, one a cycle, in random order with gaps."""

import numpy as np
import pytest

from golden.arch.config import get_config
from golden.arch.formats import BIAS_MAX
from golden.arch.simd_ops import IMM_BITS, LATENCY, MAX_LATENCY, OCCUPANCY, SIMD_OPS, TAG_BITS, SimdClass, SimdOp
from golden.numerics import simd
from rtl.core.vector.simd import SimdPipe
from rtl.fp.adder import Body
from sim.compile.batch import Batch

ROWS = 6_000
OPS = [op for op, info in SIMD_OPS.items() if info.feature in get_config("d1").features]
EDGES = np.array(
    [0, 1, 0x7FFFFF, 0x800000, 0x3F7FFFFF, 0x3F800000, 0x4B000000, 0x4EFFFFFF, 0x4F000000, 0x7F7FFFFF, 0x7F800000]
    + [0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0x00017F81, 0x00010001, 0x7F807FC0],
    dtype=np.uint32,
)


GATES = pytest.param({"body": Body.SYNTHESIS}, id="gates", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=[pytest.param({}, id="free"), pytest.param({"gated": True}, id="gated"), GATES])
def pipe(request) -> Batch:
    return Batch(SimdPipe(**request.param))


def registers(rng: np.random.Generator, count: int) -> np.ndarray:
    """Registers as 16 words: lanes are edges, small numbers of both kinds, or uniform codes."""
    word = rng.integers(0, 1 << 32, (count, 16), dtype=np.uint32)
    plain = rng.normal(size=(count, 16)).astype(np.float32).view(np.uint32)
    small = rng.integers(-300, 300, (count, 16)).astype(np.int32).view(np.uint32)
    edge = EDGES[rng.integers(0, len(EDGES), (count, 16))] | (word & np.uint32(0x80000000))
    # Whole registers of one kind, so that some raise no flag and some masks are all true or all false.
    kind = np.where(rng.integers(0, 3, (count, 1)) == 0, rng.integers(0, 4, (count, 16)), rng.integers(0, 4, (count, 1)))
    return np.select([kind == 0, kind == 1, kind == 2], [word, plain, small], edge).astype(np.uint32)


def as_bytes(words: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(words).view(np.uint8)


def check(pipe: Batch, ops: np.ndarray, valid: np.ndarray, rng: np.random.Generator) -> None:
    """Present row k in cycle k where valid; every result must come LATENCY later, and nothing else."""
    rows = len(ops)
    a, b, c = (registers(rng, rows) for _ in range(3))
    same = rng.integers(0, 4, rows) == 0
    b[same] = a[same]
    imm = rng.integers(0, 1 << IMM_BITS, rows)
    # A bias and a seed for each immediate.
    bias, seed = rng.integers(0, BIAS_MAX + 1, 1 << IMM_BITS), rng.integers(0, 1 << 64, 1 << IMM_BITS, dtype=np.uint64)
    tag = rng.integers(0, 1 << TAG_BITS, rows)
    idle = np.zeros((MAX_LATENCY + 1, 16), dtype=np.uint32)
    tail = np.zeros(MAX_LATENCY + 1, dtype=np.uint32)
    out = pipe.run(
        {name: np.concatenate([array, tail]) for name, array in (("op", ops), ("valid", valid), ("imm", imm), ("bias", bias[imm]))}
        | {"seed": np.concatenate([seed[imm], tail])}
        | {"tag": np.concatenate([tag, tail])}
        | {name: np.concatenate([array, idle]) for name, array in (("a", a), ("b", b), ("c", c))},
    )
    due = np.zeros(rows + len(tail), dtype=np.uint32)
    for op in SimdOp:
        chosen = np.flatnonzero((ops == op) & (valid == 1))
        if not chosen.size:
            continue
        seen = chosen + LATENCY[op]
        due[seen] += 1
        operands = [as_bytes(array[chosen]) for array in (a, b, c)]
        wanted, flags = np.empty((len(chosen), 64), dtype=np.uint8), np.empty(len(chosen), dtype=np.int64)
        for value in range(1 << IMM_BITS):
            at = imm[chosen] == value
            if at.any():
                fp = simd.FpState(int(bias[value]), int(bias[value]), int(seed[value]))
                wanted[at] = simd.execute(op, *(operand[at] for operand in operands), value, fp)
                flags[at] = simd.execute_flags(op, *(operand[at] for operand in operands), value, fp)
        got = as_bytes(out["out_data"][seen])
        wrong = np.flatnonzero((got != wanted).any(axis=1))
        if wrong.size:
            k = wrong[0]
            lane = np.flatnonzero(got[k].view(np.uint32) != wanted[k].view(np.uint32))[0]
            words = " ".join(f"{name}={int(x[chosen[k]][lane]):#x}" for name, x in (("a", a), ("b", b), ("c", c)))
            pytest.fail(
                f"{op.name}: {wrong.size} of {len(chosen)} wrong; lane {lane} imm={imm[chosen[k]]} {words}: "
                f"got {got[k].view(np.uint32)[lane]:#x}, golden {wanted[k].view(np.uint32)[lane]:#x}",
            )
        assert (out["out_tag"][seen] == tag[chosen]).all(), f"{op.name}: tag"
        assert (out["out_any"][seen] == simd.any_lane(wanted)).all(), f"{op.name}: any"
        assert (out["out_all"][seen] == simd.all_lanes(wanted)).all(), f"{op.name}: all"
        differ = np.flatnonzero(out["out_flags"][seen] != flags)
        assert not differ.size, f"{op.name}: flags {out['out_flags'][seen][differ[0]]}, golden {flags[differ[0]]}"
    assert due.max() == 1, "the test issued two operations with results in one cycle"
    assert (out["out_valid"] == due).all()
    assert not out["out_flags"][due == 0].any()


def schedule(ops: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Which of the operations may start, as an issuer decides it: result port and occupancy reserved."""
    port = np.zeros(len(ops) + MAX_LATENCY + 1, dtype=bool)
    valid = np.zeros(len(ops), dtype=np.uint32)
    busy = 0
    for cycle, op in enumerate(map(SimdOp, ops)):
        special = SimdClass(op >> 4) is SimdClass.SPECIAL
        if not start[cycle] or port[cycle + LATENCY[op]] or (special and cycle < busy):
            continue
        port[cycle + LATENCY[op]] = True
        valid[cycle] = 1
        busy = cycle + OCCUPANCY[op] if special else busy
    return valid


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_one_operation_every_cycle(pipe: Batch, rng: np.random.Generator, op: SimdOp) -> None:
    ops = np.full(600, op)
    check(pipe, ops, schedule(ops, np.ones(600, dtype=bool)), rng)


@pytest.mark.parametrize("share", [1.0, 0.7, 0.1])
def test_any_order_with_gaps(pipe: Batch, rng: np.random.Generator, share: float) -> None:
    ops = rng.choice(np.array(OPS), ROWS)
    check(pipe, ops, schedule(ops, rng.random(ROWS) < share), rng)


@pytest.mark.parametrize("gap", [6, 7, 8, 9, 13, 14, 15, 16, 40])
def test_after_idle_cycles(pipe: Batch, rng: np.random.Generator, gap: int) -> None:
    """Operations far enough apart that a gated clock stops in between, or nearly."""
    ops = np.tile(np.repeat(np.array(OPS), gap), 2)
    check(pipe, ops, schedule(ops, np.arange(len(ops)) % gap == 0), rng)


def test_every_operation_starts_every_cycle_unless_it_occupies(pipe: Batch, rng: np.random.Generator) -> None:
    ops = np.tile(np.array([op for op in OPS if OCCUPANCY[op] == 1]), 10)
    valid = schedule(ops, np.ones(len(ops), dtype=bool))
    assert valid.all()
    check(pipe, ops, valid, rng)


@pytest.mark.rtl
def test_results_in_their_cycles_under_cocotb(bench) -> None:
    assert len(bench(SimdPipe(gated=True), "cocotb_simd.py")) == 7
