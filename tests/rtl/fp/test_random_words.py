"""The generator of random words against golden.numerics.random, and the worked example of docs/numerics.md section 6."""

import numpy as np
import pytest

from golden.numerics.random import random_words
from rtl.fp.random_words import RANDOM_STAGES, RandomWords
from sim.compile.batch import Batch


@pytest.fixture(scope="module")
def generator() -> Batch:
    return Batch(RandomWords())


def words(generator: Batch, seed: np.ndarray, counter: np.ndarray) -> np.ndarray:
    """Lanes by row."""
    pad = np.zeros(RANDOM_STAGES, np.uint64)
    out = generator.run({"seed": np.concatenate([seed, pad]), "counter": np.concatenate([counter, pad])})["words"][RANDOM_STAGES:]
    bits = np.unpackbits(out.view(np.uint8), axis=1, bitorder="little").reshape(len(seed), 16, 24)
    return (bits.astype(np.uint32) << np.arange(24, dtype=np.uint32)).sum(axis=2, dtype=np.uint32)


def test_the_worked_example(generator: Batch) -> None:
    got = words(generator, np.array([0x0123456789ABCDEF], np.uint64), np.array([0xFEDCBA9876543210], np.uint64))
    assert [f"{word:06x}" for word in got[0, :4]] == ["8a9531", "2bd9c4", "9d2533", "2988e7"]


def test_random_seeds_and_neighbouring_counters(generator: Batch, rng: np.random.Generator) -> None:
    seed = rng.integers(0, 1 << 64, 100_000, dtype=np.uint64)
    counter = rng.integers(0, 1 << 64, seed.size, dtype=np.uint64)
    counter[1::2] = counter[::2] + np.uint64(1)  # mod 2^64
    ends = np.array([0, (1 << 64) - 1], np.uint64)
    single = np.uint64(1) << np.arange(64, dtype=np.uint64)
    seed = np.concatenate([seed, single, np.zeros(64, np.uint64), ends])
    counter = np.concatenate([counter, np.zeros(64, np.uint64), single, ends])
    assert np.array_equal(words(generator, seed, counter), random_words(seed, counter))
