"""Formats, biases and random words as programs see them: FP_MODE and SEED, drains of every format, conversions."""

import numpy as np
import pytest

from golden.arch.formats import NARROW_FORMATS
from golden.arch.memmap import Csr, Fault, ThreadState
from golden.numerics import convert, matrix
from golden.numerics.random import random_words
from tests.golden.iss.bench import Run, run
from tests.golden.iss.test_semantics import setd

MODE, SEED, FLAGS = (f"csrw x9, {int(csr)}\n" for csr in (Csr.FP_MODE, Csr.SEED, Csr.FP_FLAGS))
RNG = np.random.default_rng(77)
OUT = 0x4000


@pytest.mark.parametrize("bit", [b for b in range(64) if b not in (*range(6), *range(8, 14), *range(16, 22))])
def test_a_bias_outside_its_range_stops_the_thread(bit):
    """64 in any of the three places sets the bit above its six; whatever lies above the three is refused too."""
    value = 1 << bit | 5
    job = run(f"{MODE}csrr x1, {int(Csr.FP_MODE)}", x={9: value, 1: 99})
    assert (job.thread.state, job.thread.cause, job.thread.operand) == (ThreadState.FAULTED, Fault.BIAS, value)
    assert (job.thread.csr[Csr.FP_MODE], job.thread.x[1]) == (0, 99)


def test_biases_and_seed_are_kept():
    value = 63 << 16 | 1 << 8 | 62
    job = run(f"{MODE}csrr x1, {int(Csr.FP_MODE)}\nli x9, -1\n{SEED}csrr x2, {int(Csr.SEED)}", x={9: value})
    assert (job.thread.x[1], job.thread.x[2]) == (value, (1 << 64) - 1)


def accumulators(job: Run) -> matrix.Accumulators:
    """Values of all sizes in c1 of a thread that has not begun."""
    values = (RNG.standard_normal((8, 8)) * 2.0 ** RNG.integers(-20, 20, (8, 8))).astype(np.float32)
    values[0, :4] = 0, -0.0, np.inf, np.nan
    job.thread.c[1] = matrix.load_f32(values.view(np.uint32))
    return job.thread.c[1]


@pytest.mark.parametrize("tile", ["", "[0,3]", "[1,2]"])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("fmt", NARROW_FORMATS, ids=lambda fmt: fmt.short)
def test_drains_to_every_format(fmt, stochastic, relu, tile):
    """Element n = 64 tile + 8 row + column takes lane n mod 16 of counter + n div 16, modulo 2^64; the bias is that of results."""
    row, column = (int(tile[1]), int(tile[3])) if tile else (0, 0)
    counter, seed = (1 << 64) - 3, 0xFEDCBA9876543210
    pitch = 8 * 4 * fmt.bytes
    # The matrix holds two rows of four tiles.
    text = setd(1, base=OUT // 8, row_pitch=pitch // 8, rows=16, columns=32, elem=fmt.bytes.bit_length() - 1)
    text += MODE + "mv x9, x10\n" + SEED
    text += f"drain.{fmt.short}{'.sr' if stochastic else ''} c1, d1{tile}{', x11' if stochastic else ''}{', relu' if relu else ''}\nfence\n"
    text += f"csrr x12, {int(Csr.FP_FLAGS)}\n"
    job = Run(text + "halt").start()
    acc = accumulators(job)
    job.thread.x[9], job.thread.x[10], job.thread.x[11] = 9 << 16 | 3 << 8 | 1, seed, counter
    job.go()
    assert job.thread.state is ThreadState.IDLE
    number = 4 * row + column
    random = np.concatenate([random_words(seed, (counter + 4 * number + i) % (1 << 64)) for i in range(4)]).reshape(8, 8)
    how = {"bias": 9 if fmt.has_bias else None, "random": random if stochastic else None, "relu": relu}
    wanted = matrix.drain(acc, fmt, **how)
    image = np.frombuffer(job.node.read(OUT, 16 * pitch), f"<u{fmt.bytes}").reshape(16, 32)
    got = image[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
    assert np.array_equal(got, wanted)
    assert np.count_nonzero(image) == np.count_nonzero(got)
    flags = matrix.drain_flags(acc, fmt, **how)
    assert job.thread.x[12] == sum(1 << bit for bit, flag in enumerate(flags) if flag.any() and bit != 1)


@pytest.mark.parametrize("fmt", NARROW_FORMATS, ids=lambda fmt: fmt.short)
def test_conversions_take_the_biases_of_their_side(fmt):
    """Widening that of A, narrowing that of results; narrowing what was widened gives it back when the two are equal."""
    codes = RNG.integers(0, 256, 64, dtype=np.uint8)
    text = MODE + f"vwiden.{fmt.short} v2, v1, 0\nvwiden.{fmt.short} v3, v1, 1\nvnarrow.{fmt.short} v4, v2, v3\n"
    for result in (20, 21):
        job = run(text, x={9: result << 16 | 50 << 8 | 20}, v={1: codes.view("<u4").tolist()})
        narrow = codes.view(f"<u{fmt.bytes}")[:32]
        wide = convert.widen(fmt, narrow, 20 if fmt.has_bias else None)
        assert np.array_equal(np.concatenate([job.thread.v[2], job.thread.v[3]]).view("<u4"), wide)
        back = convert.narrow(fmt, wide, result if fmt.has_bias else None)
        assert np.array_equal(job.thread.v[4].view(f"<u{fmt.bytes}")[:32], back)
        quiet = convert.widen(fmt, back, 20 if fmt.has_bias else None) == wide
        assert quiet.all() if result == 20 else not fmt.has_bias or not quiet.all()


def test_threads_have_biases_and_seeds_of_their_own():
    text = f"a: {MODE}csrr x1, {int(Csr.FP_MODE)}\nhalt\nb: csrr x1, {int(Csr.FP_MODE)}\nhalt\n"
    job = Run(text).start("a", "b")
    job.node.threads[0].x[9] = 7
    job.go()
    assert [thread.x[1] for thread in job.node.threads[:2]] == [7, 0]


def test_flags_stay_until_they_are_cleared():
    """Overflow of a narrowing, then Denormal of a widening; nothing takes a flag back but a write."""
    text = MODE + "vnarrow.c143 v4, v1, v1\nvwiden.c143 v5, v2, 0\nvnarrow.c143 v4, v3, v3\nfence\n"
    text += f"csrr x1, {int(Csr.FP_FLAGS)}\nli x9, 0\n{FLAGS}csrr x2, {int(Csr.FP_FLAGS)}\n"
    job = run(text, x={9: 7 << 16 | 7}, v={1: [0x7F000000], 2: [0x01010101], 3: [0x3F800000]})
    assert (job.thread.x[1], job.thread.x[2]) == (0b0110, 0)


def test_integers_of_every_size_become_floats_and_come_back():
    """docs/numerics.md 8: widen, to FP32; to I32, pack: exact for 8 and 16 bits."""
    for size, name in ((1, "i8"), (1, "u8"), (2, "i16"), (2, "u16")):
        codes = RNG.integers(0, 256, 64, dtype=np.uint8)
        text = "".join(f"vwiden.{name} v{2 + part}, v1, {part}\nvitof v{2 + part}, v{2 + part}\n" for part in range(2))
        text += f"vftoi v2, v2\nvftoi v3, v3\nvpack.{name} v4, v2, v3\n"
        job = run(text, v={1: codes.view("<u4").tolist()})
        assert np.array_equal(job.thread.v[4][: 32 * size], codes[: 32 * size])


