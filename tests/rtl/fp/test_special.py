"""The special functions' front end: its operands, through golden's multiply-add, give golden's results and flags."""

import numpy as np
import pytest

from golden.arch.simd_ops import SimdOp
from golden.numerics import special
from golden.numerics.fma import fma32, fma_flags
from rtl.fp.adder import Body
from rtl.fp.special import STAGES, SpecialUnit
from sim.compile.batch import Batch

FUNCTIONS = {
    SimdOp.RECIP: special.recip,
    SimdOp.RSQRT: special.rsqrt,
    SimdOp.EXP2: special.exp2,
    SimdOp.LOG2: special.log2,
}
VECTORS = 500_000
EDGES = np.array(
    [0, 1, 2, 3, 0x3FFFFF, 0x400000, 0x7FFFFF, 0x800000, 0x800001, 0x1000000, 0x3F7FFFFF, 0x3F800000, 0x3F800001]
    + [0x7EFFFFFF, 0x7F000000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FBFFFFF, 0x7FC00000, 0x7FFFFFFF]
    # 2^x: ends of the range, -151, -149, -126, -100, 127, 128, and the smallest operands that do not vanish.
    + [0x43170000, 0x43180000, 0x4317FFFF, 0x43150000, 0x42FC0000, 0x42C80000, 0x42C80001, 0x42FE0000, 0x42FFFFFF]
    + [0x43000000, 0x43000001, 0x437FFFFF, 0x43800000, 0x32800000, 0x33000000, 0x33800000, 0x327FFFFF],
    dtype=np.uint32,
)
SIGN = np.uint32(0x80000000)


@pytest.fixture(scope="module", params=list(Body))
def unit(request) -> Batch:
    return Batch(SpecialUnit(1, request.param))


def operands(rng: np.random.Generator, count: int) -> np.ndarray:
    """Edges of both signs, uniform codes, subnormals, and numbers within 2^x's range."""
    word = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    field = rng.integers(90, 140, count).astype(np.uint32) << np.uint32(23)
    kind = rng.integers(0, 4, count)
    word = np.where(kind == 0, word & np.uint32(0x807FFFFF), word)
    word = np.where(kind == 1, word & np.uint32(0x807FFFFF) | field, word)
    word = np.where(kind == 2, word & ~SIGN, word)
    return np.concatenate([EDGES, EDGES | SIGN, word])


def finish(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Result and flags from one row of the unit's operands, which is 102 bits in four 32-bit words."""
    a, b, c, rest = (np.ascontiguousarray(words[:, word]) for word in range(4))
    hidden_off, fixed, flags = rest & 1, rest >> 1 & 1, rest >> 2 & 15
    # What the lane makes of an operand without its hidden bit.
    fraction, exponent = (a & 0x7FFFFF).astype(np.float64), (a >> 23 & 255).astype(np.int64)
    with np.errstate(over="ignore"):
        loose = np.ldexp(fraction, exponent - 150).astype(np.float32).view(np.uint32) | (a & SIGN)
    multiplier = np.where(hidden_off == 1, loose, a)
    inner = fma_flags(multiplier, b, c)
    lane = inner.invalid * 1 | inner.overflow * 4 | inner.underflow * 8
    return np.where(fixed == 1, a, fma32(multiplier, b, c)), flags | np.where(fixed == 1, 0, lane).astype(np.uint32)


def compare(unit: Batch, op: SimdOp, x: np.ndarray) -> None:
    pad = np.zeros(STAGES, dtype=np.uint32)
    out = unit.run({"x__0": np.concatenate([x, pad]), "function": int(op) & 3})
    result, flags = finish(out["operands__0"][STAGES:])
    early, _ = finish(out["next__0"][STAGES - 1 : -1])
    wanted = FUNCTIONS[op](x)
    wrong = np.flatnonzero(result != wanted)
    first = f"{x[wrong[0]]:#x}: got {result[wrong[0]]:#x}, golden {wanted[wrong[0]]:#x}" if wrong.size else ""
    assert not wrong.size, f"{op.name}: {wrong.size} of {x.size} wrong, first {first}"
    assert (early == wanted).all()
    golden_flags = sum(f.astype(np.uint32) << i for i, f in enumerate(special.special_flags(op.name.lower(), x)))
    wrong = np.flatnonzero(flags != golden_flags)
    first = f"{x[wrong[0]]:#x}: got {flags[wrong[0]]}, golden {golden_flags[wrong[0]]}" if wrong.size else ""
    assert not wrong.size, f"{op.name} flags: {wrong.size} of {x.size} wrong, first {first}"


@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.name)
def test_equals_golden(unit: Batch, rng: np.random.Generator, op: SimdOp) -> None:
    compare(unit, op, operands(rng, VECTORS))


@pytest.mark.slow
@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.name)
def test_every_fraction_of_two_exponents(unit: Batch, op: SimdOp) -> None:
    """All 2^23 fractions of two neighbouring binades: every segment of every table at every step."""
    for exponent in (127, 128):
        for part in range(8):
            fraction = np.arange(part << 20, (part + 1) << 20, dtype=np.uint32)
            compare(unit, op, fraction | np.uint32(exponent << 23))


def test_functions_do_not_mix(unit: Batch, rng: np.random.Generator) -> None:
    """A different function every cycle."""
    x = operands(rng, 20_000)
    ops = np.array(list(FUNCTIONS))[rng.integers(0, 4, x.size)]
    pad = np.zeros(STAGES, dtype=np.uint32)
    out = unit.run({"x__0": np.concatenate([x, pad]), "function": np.concatenate([ops & 3, pad])})
    result, _ = finish(out["operands__0"][STAGES:])
    for op, function in FUNCTIONS.items():
        assert (result[ops == op] == function(x[ops == op])).all(), op.name
