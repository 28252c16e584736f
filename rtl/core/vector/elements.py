"""Words of integers of one size: 8, 16, 32 or 64 bits, of which operation codes say the logarithm of the bytes.

Where operations of several sizes share a circuit, a word for each size is made by wiring and one of them is chosen.
"""

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Mux, Value

SIZES = (8, 16, 32, 64)


def by_size(size: Value, width: int, word: Callable[[int], Value]) -> Value:
    """``word(bits)`` of the size that is meant, of those that fit into ``width`` bits; a larger size counts as the largest."""
    words = [Value.cast(word(bits)) for bits in SIZES if bits <= width]
    upper = words[-1] if len(words) < len(SIZES) else Mux(size[0], words[3], words[2])
    return Mux(size[1], upper, Mux(size[0], words[1], words[0]))


def pattern(width: int, bits: int, element: int) -> Const:
    """A word of elements of so many bits, all with the same value."""
    return Const(sum(element << place for place in range(0, width, bits)), width)


def tops(size: Value, width: int) -> Value:
    """The word that has a one at the top bit of every element."""
    return by_size(size, width, lambda bits: pattern(width, bits, 1 << bits - 1))


def signs(word: Value, size: Value) -> Value:
    """Each element's top bit at all its places."""
    width = len(word)
    return by_size(size, width, lambda bits: Cat(word[place + bits - 1].replicate(bits) for place in range(0, width, bits)))
