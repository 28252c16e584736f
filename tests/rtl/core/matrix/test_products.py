"""Every product of two CFloat8 codes through the compiled matrix unit: all four pairs of formats, each with eight pairs of biases.

A step from clear with one term that is not zero leaves one product in each of its 64 elements. Term, half of the register and storage
order change from step to step; the other half of the register holds noise. What drains is the raw word of golden's accumulator, and that
has the value of the product in float64, which is exact.
"""

from itertools import product

import numpy as np
import pytest

from golden.arch.formats import BIAS_MAX, CFLOAT8_1_4_3, CFLOAT8_1_5_2
from golden.numerics import matrix
from golden.numerics.convert import widen_bf16
from rtl.core.decoded import DrainFormat
from rtl.core.matrix.unit import MatrixUnit
from rtl.core.operations import DRAIN_LATENCY, STEP_TO_DRAIN, DrainRequest, StepRequest
from rtl.fp.operand import OperandFormat
from sim.compile.batch import Batch
from tests.rtl.core.packing import pack

FORMATS = {OperandFormat.CF143: CFLOAT8_1_4_3, OperandFormat.CF152: CFLOAT8_1_5_2}
BIASES = ((7, 7), (0, 0), (BIAS_MAX, BIAS_MAX), (0, BIAS_MAX), (BIAS_MAX, 0))
CODES = np.arange(256, dtype=np.uint8)
SLOTS = 32  # accumulators, and steps between drains
ROWS = SLOTS + STEP_TO_DRAIN + 8 * SLOTS


@pytest.fixture(scope="module")
def unit() -> Batch:
    return Batch(MatrixUnit())


@pytest.mark.parametrize("formats", list(product(FORMATS, repeat=2)), ids=lambda pair: " ".join(kind.name for kind in pair))
def test_every_product(unit: Batch, rng: np.random.Generator, formats) -> None:
    for biases in (*BIASES, *(tuple(rng.integers(BIAS_MAX + 1, size=2).tolist()) for _ in range(8 - len(BIASES)))):
        terms = [np.zeros((256, 4), np.uint16) for _ in formats]
        for operand, kind, bias in zip(terms, formats, biases, strict=True):
            operand[:, 0] = widen_bf16(FORMATS[kind], CODES, bias)
        expected = matrix.step(matrix.clear((256, 256)), terms[0], terms[1].T)
        got = products(unit, rng, formats, biases)
        wrong = np.argwhere(got != expected.raw())
        assert not wrong.size, f"biases {biases}: {len(wrong)} products differ, the first of codes {wrong[0].tolist()}"
        exact = np.multiply.outer(*(value(FORMATS[kind], bias) for kind, bias in zip(formats, biases, strict=True)))
        assert np.array_equal(np.ldexp(expected.s.astype(float), 8 * expected.e - 284), exact) and not expected.p.any()


def value(fmt, bias: int) -> np.ndarray:
    """Values of all codes (docs/numerics.md section 1)."""
    m = fmt.mantissa_bits
    e, f = CODES >> m & fmt.exponent_max, CODES & fmt.mantissa_mask
    magnitude = np.where(e > 0, (1 << m) + f, f) * 2.0 ** (np.maximum(e, 1).astype(float) - bias - m)
    return np.where(CODES >> 7, -magnitude, magnitude)


def products(unit: Batch, rng: np.random.Generator, formats, biases) -> np.ndarray:
    """Raw words of code a times code b, [a, b]: 32 blocks of eight codes of A, each with all 32 blocks of B."""
    length = 32 * ROWS + DRAIN_LATENCY + 1
    inputs = {name: np.zeros((length, 16), np.uint32) for name in ("operations__step_a", "operations__step_b")}
    inputs["operations__step"], words = np.zeros(length, np.uint64), -(-DrainRequest.size // 32)
    inputs["drains__request"] = np.zeros((length, words), np.uint32)
    requests = [
        pack(DrainRequest, {"valid": 1, "thread": slot // 8, "acc": slot % 8, "beat": row, "format": DrainFormat.RAW.value})
        for slot in range(SLOTS)
        for row in range(8)
    ]
    beats = [np.frombuffer(request.to_bytes(4 * words, "little"), "<u4") for request in requests]
    for block in range(32):
        at = ROWS * block
        inputs["drains__request"][at + SLOTS + STEP_TO_DRAIN : at + ROWS] = beats
        for slot in range(SLOTS):
            modes = [
                {"transposed": int(rng.integers(2)), "format": kind.value, "half": int(rng.integers(2)), "bias": bias}
                for kind, bias in zip(formats, biases, strict=True)
            ]
            term = int(rng.integers(4))
            request = {"valid": 1, "first": 1, "thread": slot // 8, "acc": slot % 8, "a": modes[0], "b": modes[1]}
            inputs["operations__step"][at + slot] = pack(StepRequest, request)
            for name, first, mode, along in (("a", block, modes[0], 1), ("b", slot, modes[1], 0)):
                codes = rng.integers(256, size=(8, 8), dtype=np.uint8)
                # Terms lie along the rows of A and down the columns of B, transposed the other way round.
                view = codes.T if along != mode["transposed"] else codes
                view[4 * mode["half"] : 4 * mode["half"] + 4] = 0
                view[4 * mode["half"] + term] = CODES[8 * first : 8 * first + 8]
                inputs[f"operations__step_{name}"][at + slot] = codes.reshape(-1).view("<u4")
    out = unit.run(inputs)
    valid = np.flatnonzero(out["drains__reply"] & 1)
    assert len(valid) == 32 * 8 * SLOTS
    words = np.ascontiguousarray(out["drains__data"][valid]).view("<u8").reshape(32, SLOTS, 8, 8)
    return words.transpose(0, 2, 1, 3).reshape(256, 256)
