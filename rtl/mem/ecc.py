"""Hsiao (72,64) code as circuits: check bits of a word, and correction of the words that return.

Golden.arch.sram fixes the columns. Zero data has zero check bits, so a memory of zeros is valid.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.sram import CHECK_BITS, HSIAO_COLUMNS, HSIAO_MASKS, INJECT_BITS


def check_bits(word: Value) -> Value:
    """The eight check bits of a 64-bit word."""
    return Cat((word & Const(mask, 64)).xor() for mask in HSIAO_MASKS)


def byte_mask(keep: Value) -> Value:
    """64-bit mask with eight ones for every one of eight bits."""
    return Cat(keep[index].replicate(8) for index in range(8))


def _expand(keep: int) -> int:
    return sum(0xFF << 8 * index for index in range(8) if keep >> index & 1)


def is_correctable(syndrome: Value) -> Value:
    """A syndrome that belongs to one of the 72 bits."""
    return (syndrome != 0) & Cat(syndrome == code for code in (*HSIAO_COLUMNS, *(1 << j for j in range(8)))).any()


class Corrector(wiring.Component):
    """Corrects and masks the words of `lanes` return paths, combinationally; the registers around it are its user's.

    `tables` chooses how a syndrome becomes the bit to flip: comparators (synthesis), or a read-only table of 256 words,
    which simulates several times faster. Both are the same function.
    """

    def __init__(self, lanes: int, tables: bool):
        self._lanes = lanes
        self._tables = tables
        super().__init__({
            "data": In(64).array(lanes),
            "check": In(CHECK_BITS).array(lanes),
            # Bytes of the corrected word to keep.
            "keep": In(8).array(lanes),
            "word": Out(64).array(lanes),
            # Zero when the word was read as it was written.
            "syndrome": Out(CHECK_BITS).array(lanes),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        if self._tables:
            flips = [0] * 256
            for bit, code in enumerate(HSIAO_COLUMNS):
                flips[code] = 1 << bit
            m.submodules.flips = flips = memory.Memory(shape=64, depth=256, init=flips)
            m.submodules.masks = masks = memory.Memory(shape=64, depth=256, init=[_expand(k) for k in range(256)])
        for lane in range(self._lanes):
            syndrome = self.syndrome[lane]
            m.d.comb += syndrome.eq(check_bits(self.data[lane]) ^ self.check[lane])
            if self._tables:
                flip_at, mask_at = flips.read_port(domain="comb"), masks.read_port(domain="comb")
                m.d.comb += [flip_at.addr.eq(syndrome), mask_at.addr.eq(self.keep[lane])]
                flip, mask = flip_at.data, mask_at.data
            else:
                flip = Signal(64, name=f"flip{lane}")
                m.d.comb += flip.eq(Cat(syndrome == code for code in HSIAO_COLUMNS))
                mask = byte_mask(self.keep[lane])
            m.d.comb += self.word[lane].eq((self.data[lane] ^ flip) & mask)
        return m


class Classifier(wiring.Component):
    """Says of each lane's syndrome whether a bit was corrected or the word is lost, combinationally."""

    def __init__(self, lanes: int, tables: bool):
        self._lanes = lanes
        self._tables = tables
        super().__init__({
            "valid": In(lanes),
            "syndrome": In(CHECK_BITS).array(lanes),
            # Read otherwise than written; and of those, put right, or lost.
            "wrong": Out(lanes),
            "corrected": Out(lanes),
            "uncorrectable": Out(lanes),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        good = Signal(self._lanes)
        single = Signal(self._lanes)
        if self._tables:
            known = [int(s in HSIAO_COLUMNS or s.bit_count() == 1) for s in range(256)]
            m.submodules.known = known = memory.Memory(shape=1, depth=256, init=known)
        for lane in range(self._lanes):
            if self._tables:
                port = known.read_port(domain="comb")
                m.d.comb += [port.addr.eq(self.syndrome[lane]), single[lane].eq(port.data)]
            else:
                m.d.comb += single[lane].eq(is_correctable(self.syndrome[lane]))
            m.d.comb += good[lane].eq(self.syndrome[lane] == 0)
        m.d.comb += [
            self.wrong.eq(self.valid & ~good),
            self.corrected.eq(self.valid & single),
            self.uncorrectable.eq(self.valid & ~single & ~good),
        ]
        return m


class PlantedBits(wiring.Component):
    """The bits that a scalar store writes inverted, combinationally: golden.arch.sram.injected of its thread's register."""

    inject: In(INJECT_BITS).array(THREADS)
    thread: In(2)
    # The store writes a whole word; of a partial one nothing is inverted.
    enable: In(1)
    word: Out(64)
    check: Out(CHECK_BITS)

    def elaborate(self, platform) -> Module:
        m = Module()
        register = Array(self.inject[t] for t in range(THREADS))[self.thread]
        # Word and check byte apart: shifts of 64 bits simulate faster than wider ones, and none fastest.
        with m.If(self.enable & (register != 0)):
            numbers = [register.word_select(part, 8) for part in range(2)]
            in_word = [Mux(n[6:] == 0b10, 1 << n[:6], 0) for n in numbers]
            in_check = [Mux(n[3:] == 0b11000, 1 << n[:3], 0) for n in numbers]
            m.d.comb += [self.word.eq(in_word[0] | in_word[1]), self.check.eq(in_check[0] | in_check[1])]
        return m
