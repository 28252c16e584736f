"""Converters against golden.numerics.convert: every format, bias and rounding, codes and flags in every bit."""

import numpy as np
import pytest

from golden.arch.formats import (
    BF16,
    BIAS_MAX,
    CFLOAT8_1_4_3,
    CFLOAT8_1_5_2,
    FP16,
    FP32,
    NARROW_FORMATS,
    RANDOM_BITS,
    SHP,
    UHP,
)
from golden.numerics import convert
from rtl.fp.adder import Body
from rtl.fp.convert import NARROW_STAGES, WIDEN_STAGES, Narrow, Widen
from sim.compile.batch import Batch

FORMATS = (BF16, FP16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, SHP, UHP)
VECTORS = 400_000


@pytest.fixture(scope="module")
def widen() -> Batch:
    return Batch(Widen(FORMATS))


@pytest.fixture(scope="module", params=list(Body))
def narrow(request) -> Batch:
    return Batch(Narrow(FORMATS, body=request.param))


def packed(flags) -> np.ndarray:
    """Golden flags in the bit order of the port."""
    return sum(np.asarray(flag).astype(np.uint32) << bit for bit, flag in enumerate(flags))


def feed(batch: Batch, stages: int, inputs: dict) -> dict:
    """Run the rows; row k of the outputs belongs to row k of the inputs."""
    rows = max(len(array) for array in inputs.values() if np.ndim(array))
    late = {"random": NARROW_STAGES - 1}  # cycles after the others
    held = {
        name: np.pad(np.asarray(array, dtype=np.uint32), (late.get(name, 0), stages - late.get(name, 0))) if np.ndim(array) else array
        for name, array in inputs.items()
    }
    return {name: array[stages : stages + rows] for name, array in batch.run(held).items()}


def expect(got: np.ndarray, wanted: np.ndarray, **operands: np.ndarray) -> None:
    """Equal, or fail with the first few operands that differ."""
    wrong = np.flatnonzero(got != wanted)
    shown = [
        " ".join(f"{name}={int(array[i]):#x}" for name, array in operands.items()) + f": got {int(got[i]):#x}, golden {int(wanted[i]):#x}"
        for i in wrong[:5]
    ]
    assert not wrong.size, f"{wrong.size} of {wanted.size} differ: " + "; ".join(shown)


def values(rng: np.random.Generator, count: int, fmt, bias) -> np.ndarray:
    """FP32 words: uniform codes, and numbers around the format's range and its ties."""
    word = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    b = np.broadcast_to(fmt.fixed_bias if bias is None else bias, count)
    # From six binades below the smallest denormal to two above the largest number.
    field = 127 - b + rng.integers(-fmt.mantissa_bits - 6, (1 << fmt.exponent_bits) + 2, count)
    ranged = word & np.uint32(0x807FFFFF) | (np.clip(field, 0, 255).astype(np.uint32) << np.uint32(23))
    cut = np.uint32(0xFFFFFFFF) << rng.integers(0, 24, count).astype(np.uint32)
    kind = rng.integers(0, 4, count)
    word = np.where(kind == 0, word, ranged)
    # Few significant bits: exact values and ties.
    return np.where(kind == 1, word & cut, word)


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_widen_all_codes(widen: Batch, fmt) -> None:
    codes = np.arange(1 << fmt.bits, dtype=np.uint32)
    biases = range(0, BIAS_MAX + 1, 1 if fmt.bits == 8 else 9) if fmt.has_bias else [None]
    for bias in biases:
        out = feed(widen, WIDEN_STAGES, {"code": codes, "format": FORMATS.index(fmt), "bias": bias or 0})
        expect(out["result"], convert.widen(fmt, codes, bias), code=codes)
        expect(out["flags"], packed(convert.widen_flags(fmt, codes)), code=codes)


@pytest.mark.parametrize("stochastic", [False, True], ids=["nearest", "stochastic"])
@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: fmt.name)
def test_narrow_equals_golden(narrow: Batch, rng: np.random.Generator, fmt, stochastic: bool) -> None:
    bias = rng.integers(0, BIAS_MAX + 1, VECTORS) if fmt.has_bias else None
    word = values(rng, VECTORS, fmt, bias)
    random = rng.integers(0, 1 << RANDOM_BITS, VECTORS, dtype=np.uint32)
    random = np.where(rng.integers(0, 4, VECTORS) == 0, random | np.uint32(0xFFF000), random)
    out = feed(
        narrow,
        NARROW_STAGES,
        {
            "value": word,
            "format": FORMATS.index(fmt),
            "bias": np.zeros(VECTORS) if bias is None else bias,
            "stochastic": int(stochastic),
            "random": random,
        },
    )
    used = random if stochastic else None
    shown = {"value": word, "random": random} | ({} if bias is None else {"bias": bias})
    expect(out["code"], convert.narrow(fmt, word, bias, used), **shown)
    expect(out["flags"], packed(convert.narrow_flags(fmt, word, bias, used)), **shown)


def test_bf16_alone(rng: np.random.Generator) -> None:
    """A converter of one format: no format port to decode, no random word."""
    word = values(rng, VECTORS, BF16, None)
    out = feed(Batch(Narrow((BF16,), stochastic=False)), NARROW_STAGES, {"value": word})
    expect(out["code"], convert.narrow(BF16, word), value=word)
    expect(out["flags"], packed(convert.narrow_flags(BF16, word)), value=word)


@pytest.mark.slow
@pytest.mark.parametrize("stochastic", [False, True], ids=["nearest", "stochastic"])
@pytest.mark.parametrize("fmt", [CFLOAT8_1_4_3, CFLOAT8_1_5_2], ids=lambda fmt: fmt.name)
def test_narrow_every_bf16_word_and_bias(narrow: Batch, rng: np.random.Generator, fmt, stochastic: bool) -> None:
    """All 65,536 BF16 words to both CFloat8 formats with each of the 64 biases."""
    word = np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)
    for bias in range(BIAS_MAX + 1):
        random = rng.integers(0, 1 << RANDOM_BITS, word.size, dtype=np.uint32)
        inputs = {"value": word, "format": FORMATS.index(fmt), "bias": bias, "stochastic": int(stochastic), "random": random}
        out = feed(narrow, NARROW_STAGES, inputs)
        used = random if stochastic else None
        expect(out["code"], convert.narrow(fmt, word, bias, used), value=word, random=random)
        expect(out["flags"], packed(convert.narrow_flags(fmt, word, bias, used)), value=word, random=random)


def test_every_narrow_format_is_covered() -> None:
    assert set(FORMATS) == set(NARROW_FORMATS)


@pytest.mark.parametrize("part", [Narrow, Widen])
def test_refuses_formats_it_cannot_convert(part) -> None:
    with pytest.raises(ValueError, match="FP32 has 23 mantissa bits, a converter keeps 10"):
        part((FP32,))
    with pytest.raises(ValueError, match="at least one narrow format"):
        part(())
