"""Words that come back: correction, return registers of all ports, merge of partial stores, error reports.

    slot | macro | return | correct | return registers, then error reports
"""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import LANES, LINE_WORDS
from rtl.mem import ports
from rtl.mem.ecc import Corrector
from rtl.mem.stages import READS, SCALAR_READ, SINGLE_READS, LineReadSlot, OldWords, ReadInfo, Words
from rtl.mem.status import ErrorReports


class Returns(wiring.Component):
    """From the words of the banks to the ports.

    Parameters
    ----------
    tables: form of the correction, see rtl/mem/ecc.py.
    """

    # What is read in the slot that runs.
    info: In(ReadInfo)
    line: In(LineReadSlot)
    # What was read three slots before.
    words: In(Words)
    # To the requesters (flip-flops).
    l0: Out(ports.LaneReturn)
    l1: Out(ports.LaneReturn)
    sl: Out(ports.ScalarReturn)
    mr: Out(ports.LineReturn)
    fill: Out(ports.FillReturn)
    # To partial stores.
    old_words: Out(OldWords)
    # Error reports, as at the ports.
    corrected: Out(ports.Corrected)
    uncorrectable: Out(ports.Uncorrectable)

    def __init__(self, tables: bool):
        self._tables = tables
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.corrector = corrector = Corrector(READS, self._tables)
        m.submodules.status = status = ErrorReports(self._tables)

        def delay(value: Value, name: str, **kwargs) -> Signal:
            for stage in ("macro", "return", "correct"):
                after = Signal(value.shape(), name=f"{stage}_{name}", **kwargs)
                m.d.sync += after.eq(value)
                value = after
            return value

        # Stage correct.
        loaded, stored = delay(self.info.for_load, "for_load"), delay(self.info.for_store, "for_store")
        accessed = delay(self.info.accessed, "accessed")
        line, line_fills = delay(self.line.valid, "line"), delay(self.line.fill, "line_fill", reset_less=True)
        line_tag = delay(self.line.tag, "line_tag", reset_less=True)
        lanes = [delay(self.info.lane[index], f"lane{index}", reset_less=True) for index in range(2 * LANES)]
        scalar = delay(self.info.scalar, "scalar", reset_less=True)
        for index in range(READS):
            keep = scalar.keep if index == SCALAR_READ else lanes[index].keep if index < SCALAR_READ else 0xFF
            m.d.comb += [
                corrector.data[index].eq(self.words.word[index]),
                corrector.check[index].eq(self.words.check[index]),
                corrector.keep[index].eq(keep),
            ]

        # Return registers.
        arrived = Signal(SINGLE_READS)
        m.d.comb += arrived.eq(loaded | Cat(Const(0, LANES), stored))
        for number, ret in enumerate((self.l0, self.l1)):
            m.d.sync += ret.valid.eq(loaded[number * LANES :][:LANES])
            for lane in range(LANES):
                index = number * LANES + lane
                with m.If(arrived[index]):
                    m.d.sync += [
                        ret.thread[lane].eq(lanes[index].thread),
                        ret.reg[lane].eq(lanes[index].reg),
                        ret.data[lane].eq(corrector.word[index]),
                    ]
        m.d.sync += self.sl.valid.eq(loaded[SCALAR_READ])
        with m.If(arrived[SCALAR_READ]):
            m.d.sync += [self.sl.tag.eq(scalar.tag), self.sl.data.eq(corrector.word[SCALAR_READ])]
        line_words = [Signal(64, name=f"line_word{offset}", reset_less=True) for offset in range(LINE_WORDS)]
        m.d.sync += [self.mr.valid.eq(line & ~line_fills), self.fill.valid.eq(line & line_fills)]
        with m.If(line):
            m.d.sync += self.mr.tag.eq(line_tag)
            m.d.sync += [word.eq(corrector.word[SINGLE_READS + offset]) for offset, word in enumerate(line_words)]
        for ret in (self.mr, self.fill):
            m.d.comb += [ret.data.eq(Cat(line_words)), ret.lost.eq(status.line_lost)]

        # A stage later: merge and error reports, both from the return registers.
        checked = Signal(READS)
        m.d.sync += [self.old_words.returned.eq(stored), checked.eq(Cat(accessed, line.replicate(LINE_WORDS)))]
        m.d.comb += status.valid.eq(checked)
        for index in range(READS):
            for port, value in ((status.syndrome[index], corrector.syndrome[index]), (status.addr[index], self.words.addr[index])):
                after = Signal(value.shape(), name=f"status_{port.name}", reset_less=True)
                m.d.sync += after.eq(value)
                m.d.comb += port.eq(after)
        m.d.comb += [
            status.for_store.eq(self.old_words.returned),
            *(status.thread[lane].eq(self.l0.thread[lane]) for lane in range(LANES)),
            *(status.thread[LANES + lane].eq(self.l1.thread[lane]) for lane in range(LANES)),
            status.thread[SCALAR_READ].eq(self.sl.tag[:2]),
            *(self.old_words.word[lane].eq(self.l1.data[lane]) for lane in range(LANES)),
            self.old_words.word[LANES].eq(self.sl.data),
            self.old_words.lost.eq(status.lost[LANES:SINGLE_READS]),
        ]
        wiring.connect(m, status.corrected, wiring.flipped(self.corrected))
        wiring.connect(m, status.uncorrectable, wiring.flipped(self.uncorrectable))
        return m
