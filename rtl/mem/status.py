"""What the memory reports: corrected words, and lost ones (words with errors that cannot be corrected)."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import WORD_ADDRESS_BITS
from golden.arch.sram import CHECK_BITS, LANES, LINE_WORDS
from rtl.mem.ecc import Classifier
from rtl.mem.ports import Corrected, Reader, Uncorrectable
from rtl.mem.stages import READS, SINGLE_READS, SINGLE_WRITES


def count_ones(m: Module, mask: Value, name: str) -> Signal:
    """Number of ones of up to 32 bits, by adding neighbouring fields of doubling width."""
    fields = Signal(32, name=f"{name}_bits")
    m.d.comb += fields.eq(mask)
    for width, keep in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF), (16, 0x0000FFFF)):
        total = Signal(32, name=f"{name}_by{2 * width}")
        m.d.comb += total.eq((fields & keep) + (fields[width:] & keep))
        fields = total
    return fields[:6]


def first_of(flags: Value | list[Value], values: list[Value]) -> Value:
    """The value of the lowest flag that is set; anything when none is."""
    chosen = values[-1]
    for index in reversed(range(len(values) - 1)):
        chosen = Mux(flags[index], values[index], chosen)
    return chosen


class ErrorReports(wiring.Component):
    """Error reports (the syndromes arrive a stage after the words' correction).

    Which words are wrong is found in one cycle; how many, whose and where in the next.
    """

    def __init__(self, tables: bool):
        self._tables = tables
        super().__init__({
            # Words that returned: which, their syndromes, word addresses.
            "valid": In(READS),
            "syndrome": In(CHECK_BITS).array(READS),
            "addr": In(WORD_ADDRESS_BITS).array(READS),
            # Threads of all but the line's words.
            "thread": In(2).array(SINGLE_READS),
            # Of those, words that were read for a partial store, per lane of L1 and for the scalar load.
            "for_store": In(SINGLE_WRITES),
            # Combinational: words that are lost.
            "lost": Out(READS),
            # The same of the line, a cycle later.
            "line_lost": Out(LINE_WORDS),
            "corrected": Out(Corrected),
            "uncorrectable": Out(Uncorrectable),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.classifier = classifier = Classifier(READS, self._tables)
        m.d.comb += [classifier.valid.eq(self.valid), self.lost.eq(classifier.uncorrectable)]
        for index in range(READS):
            m.d.comb += classifier.syndrome[index].eq(self.syndrome[index])
        m.d.sync += self.line_lost.eq(self.lost[SINGLE_READS:])

        # What the second cycle works on. Most cycles find nothing wrong: then nothing moves, which is also what simulates fast.
        report = self.uncorrectable
        found, lost, for_store = Signal(READS), Signal(SINGLE_READS), Signal(SINGLE_WRITES)
        threads = [Signal(2, name=f"thread{index}", reset_less=True) for index in range(SINGLE_READS)]
        places = [Signal(WORD_ADDRESS_BITS, name=f"place{index}", reset_less=True) for index in range(READS)]
        m.d.sync += [found.eq(classifier.corrected), report.soon.eq(0)]
        with m.If(classifier.wrong.any()):
            m.d.sync += [lost.eq(self.lost[:SINGLE_READS]), for_store.eq(self.for_store)]
            m.d.sync += [place.eq(self.addr[index]) for index, place in enumerate(places)]
            m.d.sync += [thread.eq(self.thread[index]) for index, thread in enumerate(threads)]
            for t in range(THREADS):
                mine = Cat(self.lost[index] & (self.thread[index] == t) for index in range(SINGLE_READS))
                m.d.sync += report.soon[t].eq(mine.any())

        m.d.sync += self.corrected.valid.eq(found.any())
        with m.If(found.any()):
            m.d.sync += [
                self.corrected.count.eq(count_ones(m, found, "corrected")),
                self.corrected.addr.eq(first_of(found, places)),
            ]
        with m.Else():
            m.d.sync += self.corrected.count.eq(0)
        kinds = [
            *(Reader.L0 for _ in range(LANES)),
            *(Mux(for_store[lane], Reader.ST, Reader.L1) for lane in range(LANES)),
            Mux(for_store[LANES], Reader.SS, Reader.SL),
        ]
        m.d.sync += report.valid.eq(report.soon)
        for t in range(THREADS):
            with m.If(report.soon[t]):
                mine = [lost[index] & (threads[index] == t) for index in range(SINGLE_READS)]
                m.d.sync += [report.addr[t].eq(first_of(mine, places[:SINGLE_READS])), report.source[t].eq(first_of(mine, kinds))]
        return m
