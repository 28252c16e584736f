"""The bank hash: golden's function against its definition, circuits against golden."""

import pytest
from amaranth.hdl import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import CONFIGS
from golden.arch.sram import LINE_WORDS, bank, column, line_banks, line_column, row, word_at
from rtl.mem import banking

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_every_word_has_a_place_of_its_own(name):
    config = CONFIGS[name]
    places = {(bank(word), row(word)) for word in range(config.sram_words)}
    assert len(places) == config.sram_words
    assert max(row for _, row in places) == config.sram_rows - 1
    assert all(word_at(bank(word), row(word)) == word for word in range(0, config.sram_words, 7))


def test_hand_worked_addresses():
    # Byte address 0x12345: bits 8..4 = 0x14, 13..9 = 0x11, 18..14 = 0x04, 20..19 = 0; bit 3 = 0. 20+17+4 = 41 = 9 mod
    # 32.
    assert column(0x12340 >> 3) == 9
    assert bank(0x12340 >> 3) == 18
    assert bank(0x12348 >> 3) == 19
    assert row(0x12340 >> 3) == 0x12340 // 512
    # The last word of d1, 0x13FFF8: groups 0x1F, 0x1F, 0x0F, 2: 31+31+15+2 = 79 = 15 mod 32.
    assert bank(0x13FFF8 >> 3) == 31


def test_a_line_lies_in_four_neighbouring_columns():
    for line in range(0, 20480, 13):
        first = line_column(line)
        for offset in range(LINE_WORDS):
            assert bank(line * 8 + offset) == (2 * first + offset) % 64
        assert line_banks(line).bit_count() == 8


@pytest.mark.parametrize("pitch", [1 << n for n in range(6, 14)])
def test_powers_of_two_spread_over_eight_banks(pitch):
    for base in range(0, CONFIGS["d1"].sram_bytes - 8 * pitch, 8 * 1237):
        assert len({bank((base + lane * pitch) >> 3) for lane in range(8)}) == 8


class Hash(wiring.Component):
    word: In(18)
    active: In(1)
    banks: Out(64)
    line: Out(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.comb += [
            self.banks.eq(banking.word_banks(m, self.word, self.active)[1]),
            self.line.eq(banking.line_banks(m, self.word[3:], Const(1, 1))[1]),
        ]
        return m


def test_circuits_equal_golden(simulate, rng):
    dut = Hash()
    words = [0, 163839, *map(int, rng.integers(0, 163840, 3000))]

    async def bench(ctx):
        for number, word in enumerate(words):
            ctx.set(dut.word, word)
            ctx.set(dut.active, number % 8 != 7)
            await ctx.delay(1e-9)
            assert ctx.get(dut.banks) == (1 << bank(word) if number % 8 != 7 else 0)
            assert ctx.get(dut.line) == line_banks(word >> 3)

    simulate(dut, bench, clocked=False)
