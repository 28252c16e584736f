"""The random words of stochastic rounding: a keyed function of a 64-bit seed and a 64-bit counter (docs/numerics.md section 6)."""

RANDOM_LANES = 16
"""Words of 24 bits (``golden.arch.formats.RANDOM_BITS``) that one (seed, counter) gives."""

ROUND_CONSTANTS = (0x60, 0x2C, 0x380, 0xF0, 0x1A0, 0x12)
"""The last six rounds of Xoodoo."""

PLANE_2 = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
"""Start of the third plane: the first 128 bits of pi's fraction."""
