"""Constants of the random words, computed again."""

from golden.arch.random_words import PLANE_2, RANDOM_LANES, ROUND_CONSTANTS


def test_the_third_plane_is_pi():
    """128 bits of pi's fraction by Machin: pi = 16 atan(1/5) - 4 atan(1/239), with 64 bits more on the way."""
    one = 1 << 192

    def atan_of_inverse(x: int) -> int:
        return sum((-1) ** k * one // ((2 * k + 1) * x ** (2 * k + 1)) for k in range(100))

    pi = 16 * atan_of_inverse(5) - 4 * atan_of_inverse(239)
    fraction = (pi - 3 * one) >> 64
    assert PLANE_2 == tuple(fraction >> 32 * (3 - i) & 0xFFFFFFFF for i in range(4))


def test_round_constants_are_the_last_six_of_xoodoo():
    """The designers' list of twelve: 58 38 3C0 D0 120 14 and then these."""
    assert [f"{constant:X}" for constant in ROUND_CONSTANTS] == ["60", "2C", "380", "F0", "1A0", "12"]
    assert RANDOM_LANES == 16
