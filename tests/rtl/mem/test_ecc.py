"""The code of the SRAM's words: golden's table against the definition of the code, circuits against golden."""

from itertools import combinations

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.sram import HSIAO_COLUMNS, HSIAO_MASKS, decode, encode, injected
from rtl.mem.ecc import Classifier, Corrector, PlantedBits, byte_mask, check_bits
from tb.memory import expand

CODE = 72
COLUMNS = (*HSIAO_COLUMNS, *(1 << bit for bit in range(8)))


def spoil(word: int, check: int, *bits: int) -> tuple[int, int]:
    for bit in bits:
        word, check = (word ^ 1 << bit, check) if bit < 64 else (word, check ^ 1 << bit - 64)
    return word, check


@pytest.mark.fast
def test_columns_are_a_hsiao_code():
    assert len(set(COLUMNS)) == CODE
    assert all(column.bit_count() % 2 == 1 for column in COLUMNS)
    # Equal rows: no check bit's parity tree is deeper than another's.
    assert [mask.bit_count() for mask in HSIAO_MASKS] == [26] * 8
    # Minimum distance 4: no two columns add up to a third, so no double error looks single.
    assert not {a ^ b for a, b in combinations(COLUMNS, 2)} & {0, *COLUMNS}


@pytest.mark.fast
def test_hand_worked_words():
    # Bit 0 has the first weight-3 column, 0b0000111; bit 63 the last rotation of 0b11111, 0b10001111.
    assert encode(0) == 0
    assert encode(1) == 0b00000111
    assert encode(1 << 55) == 0b11100000
    assert encode(1 << 63) == 0b10001111
    assert encode(1 | 1 << 63) == 0b10001000


@pytest.mark.fast
def test_golden_corrects_one_and_reports_two(rng):
    for _ in range(20):
        word = int(rng.integers(0, 1 << 64, dtype="u8"))
        check = encode(word)
        assert decode(word, check) == (word, False, False)
        assert all(decode(*spoil(word, check, bit)) == (word, True, False) for bit in range(CODE))
        assert all(decode(*spoil(word, check, *pair))[2] for pair in combinations(range(CODE), 2))


class Decoder(wiring.Component):
    """One word through encoder, corrector and classifier."""

    word: In(64)
    check: In(8)
    keep: In(8)
    encoded: Out(8)
    corrected_word: Out(64)
    corrected: Out(1)
    lost: Out(1)
    mask: Out(64)

    def __init__(self, tables: bool):
        self._tables = tables
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.corrector = corrector = Corrector(1, self._tables)
        m.submodules.classifier = classifier = Classifier(1, self._tables)
        word = Signal(64)
        m.d.comb += [
            word.eq(self.word),
            self.encoded.eq(check_bits(word)),
            self.mask.eq(byte_mask(self.keep)),
            corrector.data[0].eq(word),
            corrector.check[0].eq(self.check),
            corrector.keep[0].eq(self.keep),
            self.corrected_word.eq(corrector.word[0]),
            classifier.valid.eq(1),
            classifier.syndrome[0].eq(corrector.syndrome[0]),
            self.corrected.eq(classifier.corrected[0]),
            self.lost.eq(classifier.uncorrectable[0]),
        ]
        return m


@pytest.mark.fast
@pytest.mark.parametrize("tables", (False, True))
def test_circuits_equal_golden_for_every_syndrome(simulate, rng, tables):
    dut = Decoder(tables)

    async def bench(ctx):
        for syndrome in range(256):
            word = int(rng.integers(0, 1 << 64, dtype="u8"))
            keep = syndrome ^ 0xA5
            ctx.set(dut.word, word)
            ctx.set(dut.check, encode(word) ^ syndrome)
            ctx.set(dut.keep, keep)
            await ctx.delay(1e-9)
            good, corrected, lost = decode(word, encode(word) ^ syndrome)
            assert ctx.get(dut.encoded) == encode(word)
            assert ctx.get(dut.mask) == expand(keep)
            assert ctx.get(dut.corrected) == corrected, syndrome
            assert ctx.get(dut.lost) == lost, syndrome
            if not lost:
                assert ctx.get(dut.corrected_word) == good & expand(keep)

    simulate(dut, bench, clocked=False)


@pytest.mark.fast
def test_planted_bits_are_golden_s_for_every_register(simulate):
    """Each half of the register by itself, beside another bit, and beside itself; the others' registers stay out of it."""
    dut = PlantedBits()

    async def bench(ctx):
        for register in (place << shift | other << 8 - shift for shift in (0, 8) for place in range(256) for other in (0, 0x85, place)):
            thread = register % THREADS
            for t in range(THREADS):
                ctx.set(dut.inject[t], register if t == thread else 0x8180)
            ctx.set(dut.thread, thread)
            for enable in (1, 0):
                ctx.set(dut.enable, enable)
                await ctx.delay(1e-9)
                seen = ctx.get(dut.check) << 64 | ctx.get(dut.word)
                assert seen == (injected(register) if enable else 0), f"register {register:#x}"

    simulate(dut, bench, clocked=False)


@pytest.mark.fast
@pytest.mark.parametrize("keep", (0xFF, 0x00, 0x5A), ids=("all kept", "none kept", "some kept"))
@pytest.mark.parametrize("tables", (False, True), ids=("comparators", "tables"))
def test_every_wrong_bit_is_corrected_and_every_two_are_reported(simulate, rng, tables, keep):
    """Of data and check word, whatever bytes are kept: nothing that is masked away hides an error, nothing invents one."""
    dut = Decoder(tables)

    async def bench(ctx):
        ctx.set(dut.keep, keep)
        for wrong in ((), *combinations(range(CODE), 1), *combinations(range(CODE), 2)):
            word = int(rng.integers(0, 1 << 64, dtype="u8"))
            read, check = spoil(word, encode(word), *wrong)
            ctx.set(dut.word, read)
            ctx.set(dut.check, check)
            await ctx.delay(1e-9)
            assert (ctx.get(dut.corrected), ctx.get(dut.lost)) == (len(wrong) == 1, len(wrong) == 2), wrong
            # Two wrong bits come as they were read.
            assert ctx.get(dut.corrected_word) == (read if len(wrong) == 2 else word) & expand(keep), wrong

    simulate(dut, bench, clocked=False)
