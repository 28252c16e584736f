"""What is written in the slot that runs: check bits of the words, and the errors that a program plants."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.sram import LINE_WORDS
from rtl.mem.ecc import PlantedBits, check_bits
from rtl.mem.ports import Inject
from rtl.mem.stages import SCALAR_WRITE, SINGLE_WRITES, LineWrites, LineWriteSlot, ScalarHead, SingleWrites, StoreSlot


class WritePath(wiring.Component):
    """Encoders of nine store lanes and of a line, combinational; planted bits are ready in a register."""

    # Words of this slot.
    stores: In(StoreSlot)
    line: In(LineWriteSlot)
    # The scalar store of the next slot, and per thread what its whole words invert.
    head: In(ScalarHead)
    inject: In(Inject)
    # The same words with their check bits.
    singles: Out(SingleWrites)
    lines: Out(LineWrites)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.planted = planted = PlantedBits()
        m.d.comb += [planted.inject[t].eq(self.inject.bits[t]) for t in range(THREADS)]
        m.d.comb += [planted.thread.eq(self.head.thread), planted.enable.eq(self.head.whole)]
        flip_word = Signal(64, reset_less=True)
        flip_check = Signal.like(planted.check, name="flip_check", reset_less=True)
        m.d.sync += [flip_word.eq(planted.word), flip_check.eq(planted.check)]

        stores, singles = self.stores, self.singles
        m.d.comb += singles.write.eq(stores.write)
        for index in range(SINGLE_WRITES):
            word, check = stores.word[index], check_bits(stores.word[index])
            if index == SCALAR_WRITE:
                word, check = word ^ flip_word, check ^ flip_check
            m.d.comb += [
                singles.addr[index].eq(stores.addr[index]),
                singles.banks[index].eq(stores.banks[index]),
                singles.word[index].eq(word),
                singles.check[index].eq(check),
            ]
        line, lines = self.line, self.lines
        m.d.comb += [lines.write.eq(line.write), lines.line.eq(line.line), lines.banks.eq(line.banks)]
        for offset in range(LINE_WORDS):
            m.d.comb += [lines.word[offset].eq(line.word[offset]), lines.check[offset].eq(check_bits(line.word[offset]))]
        return m
