"""The operands of Berkeley TestFloat for FP32, as its release 3e chooses them (J. R. Hauser, source/genCases_f32.c): facts, written anew.

An operand is an exponent, with its sign, joined with a significand. Level 1 crosses 22 exponents with 4 significands, level 2 with 88;
every pair or triple of these comes with others of which some or all are drawn.
"""

from itertools import product

import numpy as np

FRACTION = (1 << 23) - 1
_POSITIVE = [-127, -126, -24, -2, -1, 0, 1, 2, 24]  # the least is zero and subnormal numbers, 128 infinity and NaN
INPUTS = [(0, e) for e in (*_POSITIVE, 127, 128)] + [(1, e) for e in (*_POSITIVE, 126, 128)]
_RESULTS = [-127, -126, -125, -24, *range(-4, 5), 24, 29, 30, 31, 32, 61, 62, 63, 64, 126, 127, 128]
RESULTS = list(product((0, 1), _RESULTS))
FEW = [0, 1, FRACTION, FRACTION - 1]
ONE_BIT = [1 << i for i in range(23)]
UPPER = [FRACTION & -(1 << i) for i in range(21, -1, -1)]
ONE_CLEAR = [FRACTION ^ 1 << i for i in range(1, 22)]
LOWER = [(1 << i) - 1 for i in range(22, 1, -1)]
MANY = [0, *ONE_BIT, *UPPER, *ONE_CLEAR, *LOWER]


def words(exponents: list[tuple[int, int]], significands: list[int]) -> np.ndarray:
    """Every exponent with every significand, uint32."""
    return np.array([sign << 31 | exponent + 127 << 23 | fraction for sign, exponent in exponents for fraction in significands], np.uint32)


def _drawn(count: int, rng: np.random.Generator) -> np.ndarray:
    """Exponents of results, or of a range about 1 of a random width; significands that are sums of two patterns, or random."""
    tops = words(RESULTS, [0])[rng.integers(len(RESULTS), size=count)]
    # The range is 256 exponents twice as often as 128, 64, ... 8 of them.
    low = np.array([0, 0, 64, 96, 112, 120, 124])[width := rng.integers(7, size=count)]
    span = np.array([256, 256, 128, 64, 32, 16, 8])[width]
    near = (rng.integers(2, size=count) << 31 | low + rng.integers(1 << 16, size=count) % span << 23).astype(np.uint32)
    many = np.array(MANY)
    sums = many[rng.integers(len(MANY), size=count)] + many[rng.integers(len(MANY), size=count)] & FRACTION
    fractions = np.where(rng.integers(4, size=count) > 0, sums, rng.integers(FRACTION + 1, size=count)).astype(np.uint32)
    return np.where(rng.integers(2, size=count) > 0, tops, near) | fractions


def cases(operands: int, level: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Operands a, b (and c) of TestFloat's tests of a level: level 1 has 46,464 pairs and 6,133,248 triples, level 2 7,496,192 pairs.

    In level 1 a pair of every six is one of all 88 * 88, a triple of every nine one of all 88 * 88 * 88; of the others some operands, in
    level 2 of every second all, are drawn.
    """
    known = words(INPUTS, FEW if level == 1 else MANY)
    grids = [grid.reshape(-1) for grid in np.meshgrid(*[known] * operands, indexing="ij")]
    fixed = {(2, 1): _PAIRS, (3, 1): _TRIPLES}.get((operands, level), [(), tuple(range(operands))])
    columns = [[grids[at] if at in kept else _drawn(grids[at].size, rng) for kept in fixed] for at in range(operands)]
    return [np.concatenate(column) for column in columns]


# Which operands are those of the crossing, in each of the six and nine.
_PAIRS = [(), (0,), (), (1,), (), (0, 1)]
_TRIPLES = [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (), (0, 1, 2)]
