"""Random words for stochastic rounding: six rounds of Xoodoo, two a stage (docs/numerics.md section 6).

The state is three planes of four 32-bit words. Every round adds column parities, moves words and bits, and ends in three gates that
take each bit of a plane with those of the other two; a stage of two rounds is eight gates deep.
"""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.formats import RANDOM_BITS
from golden.arch.random_words import PLANE_2, RANDOM_LANES, ROUND_CONSTANTS

RANDOM_STAGES = 3
"""Cycles from seed and counter to the words."""

Planes = list[list[Value]]


class RandomWords(wiring.Component):
    """The words of one seed and counter a cycle."""

    # Taken every cycle.
    seed: In(64)
    counter: In(64)
    # By lane; three cycles later.
    words: Out(data.ArrayLayout(RANDOM_BITS, RANDOM_LANES))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counter, seed = ([word[:32], word[32:]] for word in (self.counter, self.seed))
        planes: Planes = [[*counter, *seed], [*seed, *counter], [Const(word, 32) for word in PLANE_2]]
        rounds = len(ROUND_CONSTANTS) // RANDOM_STAGES
        for number, constant in enumerate(ROUND_CONSTANTS):
            planes = _round(m, planes, constant, f"r{number}")
            if (number + 1) % rounds == 0:
                planes = _held(m, planes, f"s{number // rounds + 1}")
        words = [word for plane in planes for word in plane]
        for i in range(RANDOM_LANES // 4):
            three = words[3 * i : 3 * i + 3]
            for k, word in enumerate(three):
                m.d.comb += self.words[4 * i + k].eq(word[:RANDOM_BITS])
            m.d.comb += self.words[4 * i + 3].eq(Cat(word[RANDOM_BITS:] for word in three))
        return m


def _round(m: Module, planes: Planes, constant: int, name: str) -> Planes:
    a0, a1, a2 = planes
    parity = [_named(m, a0[x] ^ a1[x] ^ a2[x], f"{name}_parity_{x}") for x in range(4)]
    effect = [_named(m, parity[x - 1].rotate_left(5) ^ parity[x - 1].rotate_left(14), f"{name}_effect_{x}") for x in range(4)]
    a0, a1, a2 = ([_named(m, plane[x] ^ effect[x], f"{name}_mixed_{p}_{x}") for x in range(4)] for p, plane in enumerate(planes))
    b0, b1, b2 = [a0[0] ^ constant, *a0[1:]], [a1[x - 1] for x in range(4)], [word.rotate_left(11) for word in a2]
    c0, c1, c2 = (
        [_named(m, p[x] ^ (~q[x] & r[x]), f"{name}_chosen_{k}_{x}") for x in range(4)]
        for k, (p, q, r) in enumerate(((b0, b1, b2), (b1, b2, b0), (b2, b0, b1)))
    )
    return [c0, [word.rotate_left(1) for word in c1], [c2[x - 2].rotate_left(8) for x in range(4)]]


def _named(m: Module, value: Value, name: str) -> Signal:
    word = Signal(32, name=name)
    m.d.comb += word.eq(value)
    return word


def _held(m: Module, planes: Planes, name: str) -> Planes:
    held = [[Signal(32, name=f"{name}_{p}_{x}", reset_less=True) for x in range(4)] for p in range(3)]
    m.d.sync += [flop.eq(word) for flops, words in zip(held, planes, strict=True) for flop, word in zip(flops, words, strict=True)]
    return held
