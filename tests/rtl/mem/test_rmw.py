"""Partial stores over words with wrong bits: what is written is right in all 72 bits, or nothing is written."""

from itertools import combinations

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import encode
from rtl.mem.ecc import Classifier, Corrector, check_bits
from rtl.mem.rmw import PartialStore
from tb.memory import expand

pytestmark = pytest.mark.fast

CODE = 72
SIDE = 12  # partial stores side by side


class Stores(wiring.Component):
    """Partial stores behind the corrector and the classifier, and the check bits of what they write."""

    grant: In(1)
    returned: In(1)
    strobe: In(8).array(SIDE)
    word: In(64).array(SIDE)
    read_word: In(64).array(SIDE)
    read_check: In(8).array(SIDE)
    asks: Out(SIDE)
    reads: Out(SIDE)
    writes: Out(SIDE)
    ends: Out(SIDE)
    merged: Out(64).array(SIDE)
    merged_check: Out(8).array(SIDE)

    def __init__(self, tables: bool):
        self._tables = tables
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.corrector = corrector = Corrector(SIDE, self._tables)
        m.submodules.classifier = classifier = Classifier(SIDE, self._tables)
        m.d.comb += classifier.valid.eq(-1)
        for index in range(SIDE):
            m.submodules[f"store{index}"] = store = PartialStore()
            m.d.comb += [
                corrector.data[index].eq(self.read_word[index]),
                corrector.check[index].eq(self.read_check[index]),
                corrector.keep[index].eq(0xFF),
                classifier.syndrome[index].eq(corrector.syndrome[index]),
                store.valid.eq(1),
                store.partial.eq(1),
                store.strobe.eq(self.strobe[index]),
                store.word.eq(self.word[index]),
                store.grant.eq(self.grant),
                store.returned.eq(self.returned),
                store.old_word.eq(corrector.word[index]),
                store.lost.eq(classifier.uncorrectable[index]),
                self.asks[index].eq(store.asks),
                self.reads[index].eq(store.reads),
                self.writes[index].eq(store.writes),
                self.ends[index].eq(store.ends),
                self.merged[index].eq(store.merged),
                self.merged_check[index].eq(check_bits(store.merged)),
            ]
        return m


@pytest.mark.parametrize("tables", (False, True), ids=("comparators", "tables"))
def test_every_wrong_bit_is_merged_away_and_two_stop_the_write(simulate, rng, tables):
    dut = Stores(tables)
    every = (1 << SIDE) - 1
    singles = [(wrong, 1 << byte) for wrong in combinations(range(CODE), 1) for byte in range(8)]
    singles += [(wrong, 0xFF ^ strobe) for wrong, strobe in singles]
    cases = [((), 0x0F), *singles, *((wrong, int(rng.integers(1, 255))) for wrong in combinations(range(CODE), 2))]
    written = stopped = 0

    async def bench(ctx):
        nonlocal written, stopped
        for first in range(0, len(cases), SIDE):
            batch = cases[first : first + SIDE]
            words = [(int(old), int(new)) for old, new in rng.integers(0, 1 << 64, (len(batch), 2), dtype="u8")]
            for index, ((wrong, strobe), (old, new)) in enumerate(zip(batch, words, strict=True)):
                flips = sum(1 << bit for bit in wrong)
                ctx.set(dut.strobe[index], strobe)
                ctx.set(dut.word[index], new)
                ctx.set(dut.read_word[index], old ^ flips & 2**64 - 1)
                ctx.set(dut.read_check[index], encode(old) ^ flips >> 64)
            ctx.set(dut.grant, 1)
            await ctx.delay(1e-10)
            assert (ctx.get(dut.reads), ctx.get(dut.writes), ctx.get(dut.ends)) == (every, 0, 0)
            await ctx.tick()
            ctx.set(dut.grant, 0)
            ctx.set(dut.returned, 1)
            await ctx.delay(1e-10)
            assert ctx.get(dut.asks) == 0
            for index, ((wrong, strobe), (old, new)) in enumerate(zip(batch, words, strict=True)):
                if len(wrong) < 2:
                    right = new & expand(strobe) | old & ~expand(strobe)
                    assert (ctx.get(dut.merged[index]), ctx.get(dut.merged_check[index])) == (right, encode(right)), (wrong, strobe)
            await ctx.tick()
            ctx.set(dut.returned, 0)
            ctx.set(dut.grant, 1)
            await ctx.delay(1e-10)
            assert (ctx.get(dut.reads), ctx.get(dut.ends)) == (0, every)
            writes = ctx.get(dut.writes)
            for index, (wrong, _strobe) in enumerate(batch):
                assert writes >> index & 1 == (len(wrong) < 2), wrong
                written, stopped = written + (len(wrong) < 2), stopped + (len(wrong) == 2)
            await ctx.tick()
            ctx.set(dut.grant, 0)

    simulate(dut, bench)
    assert (written, stopped) == (1 + 2 * 8 * CODE, CODE * (CODE - 1) // 2)
