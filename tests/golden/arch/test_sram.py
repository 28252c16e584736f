"""Banks and error-correcting code: bijections, spread of strides, every single and double error of a word."""

import itertools
import random

from golden.arch import sram


def test_banks_and_rows_name_every_word_once():
    rng = random.Random(1)
    words = [*range(4096), *(rng.randrange(163_840) for _ in range(4000)), 163_839]
    for word in words:
        assert sram.word_at(sram.bank(word), sram.row(word)) == word
    for row in (0, 1, 31, 32, 1023, 1024, 2559):
        assert {sram.bank(row << 6 | i) for i in range(64)} == set(range(64))


def test_banks_by_hand():
    """Word 0x8421 is 0 10000 10000 10000 1: three groups of 16, 48 mod 32 = 16, and bit 0 is 1: bank 33."""
    assert [sram.bank(word) for word in (0, 1, 2, 63, 64, 65)] == [0, 1, 2, 63, 2, 3]
    assert (sram.column(0x8421), sram.bank(0x8421), sram.row(0x8421)) == (16, 33, 0x210)


def test_a_line_lies_in_eight_banks():
    for line in (0, 1, 7, 8, 1000, 20_479):
        banks = sram.line_banks(line)
        assert banks.bit_count() == 8
        columns = {(sram.line_column(line) + j) % 32 for j in range(4)}
        assert {bank >> 1 for bank in range(64) if banks >> bank & 1} == columns


def test_powers_of_two_spread():
    """Eight pieces of 8 B at a pitch of 64 B to 8 KB hit eight banks."""
    for log in range(3, 11):
        assert len({sram.bank(i << log) for i in range(8)}) == 8, log


def test_the_code_corrects_one_and_reports_two():
    rng = random.Random(2)
    data = rng.getrandbits(64)
    word = sram.encode(data) << 64 | data
    for bit in range(72):
        wrong = word ^ 1 << bit
        assert sram.decode(wrong & (1 << 64) - 1, wrong >> 64) == (data, True, False), bit
    for one, two in itertools.combinations(range(72), 2):
        wrong = word ^ 1 << one ^ 1 << two
        _, corrected, uncorrectable = sram.decode(wrong & (1 << 64) - 1, wrong >> 64)
        assert (corrected, uncorrectable) == (False, True), (one, two)
    assert sram.decode(data, word >> 64) == (data, False, False) and sram.encode(0) == 0


def test_columns_of_the_code():
    assert len(set(sram.HSIAO_COLUMNS)) == 64 and all(code.bit_count() % 2 for code in sram.HSIAO_COLUMNS)
    assert all(code.bit_count() > 1 for code in sram.HSIAO_COLUMNS)
    assert [mask.bit_count() for mask in sram.HSIAO_MASKS] == [26] * 8


def test_the_register_that_plants_errors():
    # A byte is an enable and a number: 0x80 is bit 0, 0xbf bit 63, 0xc0 bit 0 of the check byte, 0xc7 its bit 7.
    assert [sram.injected(register) for register in (0, 0x7F7F, 0x0080, 0xBF00, 0xC0C7, 0x8585)] == [
        0, 0, 1, 1 << 63, 1 << 64 | 1 << 71, 1 << 5,
    ]
    assert sram.injected(0xC8FF) == 0  # there is no bit 72 or 127
    assert [sram.inject(), sram.inject(3), sram.inject(0, 71)] == [0, 0x83, 0xC780]
    assert all(sram.injected(sram.inject(one, two)) == 1 << one | 1 << two for one in range(72) for two in range(72))
