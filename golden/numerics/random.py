"""Random words for stochastic rounding: a keyed function of seed, counter and lane (docs/numerics.md section 6).

Six rounds of the Xoodoo permutation turn a 64-bit seed and a 64-bit counter into sixteen 24-bit words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.arch.random_words import PLANE_2, RANDOM_LANES, ROUND_CONSTANTS


def random_words(seed: Any, counter: Any) -> NDArray[np.uint32]:
    """Sixteen 24-bit words (uint32, shape (..., 16)) of 64-bit seeds and counters (integers or arrays; broadcast)."""
    seed, counter = np.broadcast_arrays(_uint64(seed), _uint64(counter))
    s0, s1, c0, c1 = _low(seed), _high(seed), _low(counter), _high(counter)
    a0 = np.stack([c0, c1, s0, s1])
    a1 = np.stack([s0, s1, c0, c1])
    a2 = np.empty_like(a0)
    a2[...] = np.array(PLANE_2, dtype=np.uint32).reshape(4, *[1] * seed.ndim)
    for constant in ROUND_CONSTANTS:
        a0, a1, a2 = xoodoo_round(a0, a1, a2, constant)
    words = np.concatenate([a0, a1, a2])
    lanes = np.empty((RANDOM_LANES, *seed.shape), dtype=np.uint32)
    for i in range(4):
        w = words[3 * i : 3 * i + 3]
        lanes[4 * i : 4 * i + 3] = w & 0xFFFFFF
        lanes[4 * i + 3] = w[0] >> 24 | w[1] >> 24 << 8 | w[2] >> 24 << 16
    return np.moveaxis(lanes, 0, -1)


def element_words(seed: Any, counter: Any, n: Any) -> NDArray[np.uint32]:
    """The 24-bit word of element ``n`` (integers, any shape) of an operation that starts at ``counter``.

    Element n takes lane n mod 16 of counter + n div 16 (mod 2^64).  A drain's element is n = 64 * tile + 8 * row +
    column; SIMD elements count in memory order.
    """
    n = np.asarray(n, dtype=np.int64)
    blocks, where = np.unique(n >> 4, return_inverse=True)
    with np.errstate(over="ignore"):
        words = random_words(seed, _uint64(counter) + blocks.astype(np.uint64))
    return words[where.reshape(n.shape), n & 15]


def xoodoo_round(
    a0: NDArray[np.uint32], a1: NDArray[np.uint32], a2: NDArray[np.uint32], constant: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32]]:
    """One round of Xoodoo on three planes of four words (axis 0)."""
    parity = np.roll(a0 ^ a1 ^ a2, 1, axis=0)
    effect = _rotate(parity, 5) ^ _rotate(parity, 14)
    a0, a1, a2 = a0 ^ effect, np.roll(a1 ^ effect, 1, axis=0), _rotate(a2 ^ effect, 11)
    a0[0] ^= np.uint32(constant)
    a0, a1, a2 = a0 ^ (~a1 & a2), a1 ^ (~a2 & a0), a2 ^ (~a0 & a1)
    return a0, _rotate(a1, 1), np.roll(_rotate(a2, 8), 2, axis=0)


def _rotate(words: NDArray[np.uint32], left: int) -> NDArray[np.uint32]:
    return words << np.uint32(left) | words >> np.uint32(32 - left)


def _uint64(value: Any) -> NDArray[np.uint64]:
    if isinstance(value, int):
        value = value & (1 << 64) - 1
    return np.asarray(value, dtype=np.uint64)


def _low(word: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return (word & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def _high(word: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return (word >> np.uint64(32)).astype(np.uint32)
