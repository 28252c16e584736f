"""The multiply-add lane against golden.numerics.fma, in every bit and flag, both rounding modes."""

import numpy as np
import pytest

from golden.numerics.fma import fma32, fma_flags
from rtl.fp.adder import Body
from rtl.fp.fma import STAGES, FmaLane
from sim.compile.batch import Batch

BODIES = {body.value: body for body in Body}
VECTORS = 1_000_000
MANY = 10_000_000
EDGES = np.array(
    [0, 1, 2, 0x7FFFFF, 0x800000, 0x800001, 0xFFFFFF, 0x34000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x7F7FFFFF]
    + [0x7F000000, 0x7F800000, 0x7F800001, 0x7FBFFFFF, 0x7FC00000, 0x7FFFFFFF],
    dtype=np.uint32,
)
SIGN = np.uint32(0x80000000)


@pytest.fixture(scope="module", params=BODIES)
def lane(request) -> Batch:
    return Batch(FmaLane(BODIES[request.param]))


def words(rng: np.random.Generator, count: int) -> np.ndarray:
    """FP32 words: an eighth edges, an eighth subnormal, the rest uniform over the codes."""
    word = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    kind = rng.integers(0, 8, count)
    word = np.where(kind == 0, EDGES[rng.integers(0, len(EDGES), count)] | (word & SIGN), word)
    return np.where(kind == 1, word & np.uint32(0x807FFFFF), word)


def triples(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Operands: a quarter of the addends nearly cancels the product, a quarter lies within 55 binades of it."""
    a, b, c = words(rng, count), words(rng, count), words(rng, count)
    with np.errstate(all="ignore"):
        product = (a.view(np.float32) * b.view(np.float32)).view(np.uint32)
    kind = rng.integers(0, 4, count)
    c = np.where(kind == 0, (product ^ SIGN) + rng.integers(-4, 5, count).astype(np.uint32), c)
    binades = (rng.integers(-55, 56, count) << 23).astype(np.uint32)
    c = np.where(kind == 1, (product + binades) ^ (rng.integers(0, 2, count) << 31).astype(np.uint32), c)
    return a, b, c.astype(np.uint32)


def packed(flags) -> np.ndarray:
    """Golden flags in the bit order of the port."""
    return sum(np.asarray(flag).astype(np.uint32) << bit for bit, flag in enumerate(flags))


def feed(lane: Batch, inputs: dict) -> dict:
    """Run the rows through the lane; row k of the outputs belongs to row k of the inputs.

    Flags and nonzero leave the lane a cycle before the result.
    """
    rows = max(len(array) for array in inputs.values() if np.ndim(array))
    held = {name: np.concatenate([array, np.zeros(STAGES, dtype=np.uint32)]) if np.ndim(array) else array for name, array in inputs.items()}
    out = lane.run(held)
    early = slice(STAGES - 1, STAGES - 1 + rows)
    return {
        "result": out["result"][STAGES : STAGES + rows],
        "flags": out["next_flags"][early],
        "nonzero": out["next_nonzero"][early],
    }


def expect(got: np.ndarray, wanted: np.ndarray, **operands: np.ndarray) -> None:
    """Equal, or fail with the first few operands that differ."""
    wrong = np.flatnonzero(got != wanted)
    shown = [
        " ".join(f"{name}={int(array[i]):#x}" for name, array in operands.items()) + f": got {int(got[i]):#x}, golden {int(wanted[i]):#x}"
        for i in wrong[:5]
    ]
    assert not wrong.size, f"{wrong.size} of {wanted.size} differ: " + "; ".join(shown)


def compare(lane: Batch, rng: np.random.Generator, odd: bool, count: int) -> None:
    a, b, c = triples(rng, count)
    out = feed(lane, {"a": a, "b": b, "c": c, "odd": odd})
    wanted = fma32(a, b, c, odd)
    expect(out["result"], wanted, a=a, b=b, c=c)
    expect(out["flags"], packed(fma_flags(a, b, c, odd)), a=a, b=b, c=c)
    expect(out["nonzero"], (wanted != 0).astype(np.uint32), a=a, b=b, c=c)


@pytest.mark.parametrize("odd", [False, True], ids=["nearest", "odd"])
def test_equals_golden(lane: Batch, rng: np.random.Generator, odd: bool) -> None:
    compare(lane, rng, odd, VECTORS)


@pytest.mark.slow
@pytest.mark.parametrize("odd", [False, True], ids=["nearest", "odd"])
def test_equals_golden_on_many(lane: Batch, rng: np.random.Generator, odd: bool) -> None:
    for _ in range(MANY // VECTORS):
        compare(lane, rng, odd, VECTORS)


@pytest.mark.parametrize("odd", [False, True], ids=["nearest", "odd"])
def test_all_edge_triples(lane: Batch, odd: bool) -> None:
    both = np.concatenate([EDGES, EDGES | SIGN])
    a, b, c = (grid.reshape(-1) for grid in np.meshgrid(both, both, both, indexing="ij"))
    out = feed(lane, {"a": a, "b": b, "c": c, "odd": odd})
    expect(out["result"], fma32(a, b, c, odd), a=a, b=b, c=c)
    expect(out["flags"], packed(fma_flags(a, b, c, odd)), a=a, b=b, c=c)


def test_operand_without_hidden_bit(lane: Batch, rng: np.random.Generator) -> None:
    """a counts as fraction * 2^(exponent - 150); the same value normalised is what golden multiplies."""
    count = 500_000
    fraction = (rng.integers(0, 1 << 23, count) >> rng.integers(0, 24, count)).astype(np.uint32)
    exponent = rng.integers(30, 255, count).astype(np.uint32)
    sign = rng.integers(0, 2, count).astype(np.uint32) << np.uint32(31)
    value = np.ldexp(fraction.astype(np.float64), exponent.astype(np.int64) - 150)
    normal = value.astype(np.float32).view(np.uint32) | sign
    a = sign | exponent << np.uint32(23) | fraction
    b = rng.integers(1 << 23, 255 << 23, count).astype(np.uint32)
    with np.errstate(all="ignore"):
        product = (normal.view(np.float32) * b.view(np.float32)).view(np.uint32)
    spread = (rng.integers(-60, 61, count) << 23).astype(np.uint32)
    c = np.where(rng.integers(0, 3, count) == 0, words(rng, count), (product + spread) ^ (sign & (b << np.uint32(30))))
    c = c.astype(np.uint32)
    out = feed(lane, {"a": a, "b": b, "c": c, "hidden_off": 1})
    expect(out["result"], fma32(normal, b, c), a=a, b=b, c=c)
    expect(out["flags"], packed(fma_flags(normal, b, c)), a=a, b=b, c=c)


def test_quiet_operands_do_not_report_denormal(lane: Batch, rng: np.random.Generator) -> None:
    a, b, c = triples(rng, 20_000)
    out = feed(lane, {"a": a, "b": b, "c": c, "quiet": 1})
    expect(out["flags"], packed(fma_flags(a, b, c)) & 0b1101, a=a, b=b, c=c)


def test_other_result_takes_the_last_stage(lane: Batch, rng: np.random.Generator) -> None:
    """`other` is taken in the sixth stage, in place of the sum that reaches it then."""
    rows = 64
    a, b, c = triples(rng, rows)
    use = rng.integers(0, 2, rows).astype(np.uint32)
    other = np.where(rng.integers(0, 2, rows) == 0, 0, words(rng, rows)).astype(np.uint32)
    late = {
        name: np.concatenate([np.zeros(STAGES - 1, dtype=np.uint32), array]) for name, array in {"use_other": use, "other": other}.items()
    }
    out = feed(lane, {"a": a, "b": b, "c": c, **{name: array[:rows] for name, array in late.items()}})
    seen = slice(0, rows - STAGES + 1)
    wanted = np.where(use, other, fma32(a, b, c))
    expect(out["result"][seen], wanted[seen], a=a[seen], b=b[seen], c=c[seen])
    expect(out["nonzero"][seen], (wanted != 0).astype(np.uint32)[seen], a=a[seen])
    expect(out["flags"][seen], np.where(use, 0, packed(fma_flags(a, b, c)))[seen], a=a[seen])
