"""Data body for simulation: one memory of words indexed by word address, a port per lane.

Data moves once instead of through 64 banks and two crossbars. Reads are sampled two cycles after their slot and writes
one cycle after theirs, which keeps the order between slots (a write of slot s is seen by reads from slot s + 1 on) and
lets the narrow addresses, not the words, wait in registers. The memory starts as zero words with zero check bits,
which are valid.

The arrays are called `words` and `checks`: word address a is element a of both. Benches load and read them from behind.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, wiring

from golden.arch.config import BANKS
from golden.arch.memmap import LINE_BITS, WORD_ADDRESS_BITS
from golden.arch.sram import CHECK_BITS, LANES, LINE_WORDS
from rtl.mem.body import BodyPorts
from rtl.mem.stages import SINGLE_READS, SINGLE_WRITES


class FlatBody(wiring.Component):
    """One flat memory of `rows` x 64 words. Addresses beyond it wrap or read undefined words: requesters check."""

    # The sweep can use the write ports of the store lanes and of the line: 16 words a cycle.
    SWEEP_WORDS = LANES + LINE_WORDS

    def __init__(self, rows: int):
        self._depth = rows * BANKS
        super().__init__(BodyPorts)

    @property
    def sweep_steps(self) -> int:
        """Cycles of the sweep after reset."""
        return self._depth // self.SWEEP_WORDS

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.words = words = memory.Memory(shape=64, depth=self._depth, init=[])
        m.submodules.checks = checks = memory.Memory(shape=CHECK_BITS, depth=self._depth, init=[])

        # Reads: slot -> macro -> sampled at the end of return -> correct.
        macro_read = Signal(SINGLE_READS + 1)
        return_read = Signal(SINGLE_READS + 1)
        m.d.sync += [macro_read.eq(Cat(self.reads.read, self.line_read.valid)), return_read.eq(macro_read)]

        def pipeline(addr: Signal, name: str) -> tuple[Signal, Signal]:
            stages = [
                Signal(len(addr), name=f"{stage}_{name}", reset_less=True) for stage in ("macro", "return", "correct")
            ]
            for before, after in zip((addr, *stages), stages, strict=False):
                m.d.sync += after.eq(before)
            return stages[1], stages[2]

        def read(index: int, enable, addr) -> None:
            for array, out in ((words, self.words.word[index]), (checks, self.words.check[index])):
                port = array.read_port()
                m.d.comb += [port.en.eq(enable), port.addr.eq(addr), out.eq(port.data)]

        for index in range(SINGLE_READS):
            at_return, at_correct = pipeline(self.reads.addr[index], f"addr{index}")
            read(index, return_read[index], at_return)
            m.d.comb += self.words.addr[index].eq(at_correct)
        at_return, at_correct = pipeline(self.line_read.line, "line")
        for offset in range(LINE_WORDS):
            read(SINGLE_READS + offset, return_read[SINGLE_READS], Cat(Const(offset, 3), at_return))
            m.d.comb += self.words.addr[SINGLE_READS + offset].eq(Cat(Const(offset, 3), at_correct))

        # Writes: slot -> written at the end of macro.  The sweep borrows the ports of lanes and line.
        single_write = Signal(SINGLE_WRITES)
        line_write = Signal(LINE_WORDS)
        line_addr = Signal(LINE_BITS, reset_less=True)
        m.d.sync += [
            single_write.eq(self.writes.write | Mux(self.sweep.active, (1 << LANES) - 1, 0)),
            line_write.eq(self.line_write.write | self.sweep.active.replicate(LINE_WORDS)),
            line_addr.eq(Mux(self.sweep.active, Cat(Const(1, 1), self.sweep.step)[:LINE_BITS], self.line_write.line)),
        ]

        def write(enable, addr, word: Signal, check: Signal, name: str) -> None:
            macro_word = Signal(64, name=f"macro_word_{name}", reset_less=True)
            macro_check = Signal(CHECK_BITS, name=f"macro_check_{name}", reset_less=True)
            m.d.sync += [
                macro_word.eq(Mux(self.sweep.active, 0, word)),
                macro_check.eq(Mux(self.sweep.active, 0, check)),
            ]
            for array, value in ((words, macro_word), (checks, macro_check)):
                port = array.write_port()
                m.d.comb += [port.en.eq(enable), port.addr.eq(addr), port.data.eq(value)]

        for index in range(SINGLE_WRITES):
            addr = Signal(WORD_ADDRESS_BITS, name=f"macro_write_addr{index}", reset_less=True)
            swept = Cat(Const(index % LANES, 3), Const(0, 1), self.sweep.step)[:WORD_ADDRESS_BITS]
            m.d.sync += addr.eq(Mux(self.sweep.active, swept, self.writes.addr[index]))
            write(single_write[index], addr, self.writes.word[index], self.writes.check[index], f"single{index}")
        for offset in range(LINE_WORDS):
            addr = Cat(Const(offset, 3), line_addr)
            write(line_write[offset], addr, self.line_write.word[offset], self.line_write.check[offset], f"line{offset}")
        return m
