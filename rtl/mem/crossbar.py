"""The crossbars round the banks: address and word into a bank, word out to a return path. All combinational.

A bank does at most one thing in a slot and a return path takes from one bank, so every crossbar is an AND-OR of one-hot
selects, and nothing is decoded on the way.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS, CHECK_BITS, LINE_WORDS
from rtl.mem.stages import SINGLE_READS, SINGLE_WRITES

CODE_BITS = 64 + CHECK_BITS
BANK_LINE_WORDS = LINE_WORDS // 2  # a bank holds even or odd words of a line


def _any_of(selects: Value, values: Sequence[Value]) -> Value:
    """OR of the selected values."""
    return reduce(or_, (Mux(selects[index], value, 0) for index, value in enumerate(values)))


class BankAddress(wiring.Component):
    """What one bank does in a slot, and in which row."""

    def __init__(self, row_bits: int):
        self._row_bits = row_bits
        super().__init__({
            # Single reads and writes, line read, line write and sweep that come to this bank: at most one is high.
            "reads": In(SINGLE_READS),
            "writes": In(SINGLE_WRITES),
            "line_read": In(1),
            "line_write": In(1),
            "sweep": In(1),
            # Their rows.
            "read_row": In(row_bits).array(SINGLE_READS),
            "write_row": In(row_bits).array(SINGLE_WRITES),
            "line_read_row": In(row_bits),
            "line_write_row": In(row_bits),
            "sweep_row": In(row_bits),
            "enable": Out(1),
            "write": Out(1),
            "row": Out(row_bits),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.comb += [
            self.write.eq(self.sweep | self.line_write | self.writes.any()),
            self.enable.eq(self.write | self.line_read | self.reads.any()),
            self.row.eq(
                _any_of(self.reads, [self.read_row[index] for index in range(SINGLE_READS)])
                | _any_of(self.writes, [self.write_row[index] for index in range(SINGLE_WRITES)])
                | Mux(self.line_read, self.line_read_row, 0)
                | Mux(self.line_write, self.line_write_row, 0)
                | Mux(self.sweep, self.sweep_row, 0)
            ),
        ]
        return m


class BankWord(wiring.Component):
    """The code word that one bank writes; zero when none is selected, which is a valid word (the sweep's)."""

    writes: In(SINGLE_WRITES)
    words: In(CODE_BITS).array(SINGLE_WRITES)
    # One-hot: which word of the line the bank takes.
    line_writes: In(BANK_LINE_WORDS)
    line_words: In(CODE_BITS).array(BANK_LINE_WORDS)
    word: Out(CODE_BITS)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.comb += self.word.eq(
            _any_of(self.writes, [self.words[index] for index in range(SINGLE_WRITES)])
            | _any_of(self.line_writes, [self.line_words[index] for index in range(BANK_LINE_WORDS)])
        )
        return m


class ReturnWord(wiring.Component):
    """The code word of one return path, out of the banks' output registers."""

    select: In(BANKS)
    codes: In(CODE_BITS).array(BANKS)
    code: Out(CODE_BITS)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.comb += self.code.eq(_any_of(self.select, [self.codes[bank] for bank in range(BANKS)]))
        return m


def line_selects(m: Module, banks: Value, phase: Value) -> list[Signal]:
    """For each word of a line the 64-bit one-hot of its bank.

    Parameters ---------- banks: the line's eight banks. phase: its first column modulo 4. A bank of the line in column
    c holds word pair (c - phase) mod 4, so the mask and two
        bits say everything, and no hash stands before the crossbar.
    """
    pair_of = [Signal(2, name=f"pair{column}") for column in range(4)]
    m.d.comb += [pair.eq(column - phase) for column, pair in enumerate(pair_of)]
    selects = []
    for offset in range(LINE_WORDS):
        holds = [pair == offset // 2 for pair in pair_of]
        select = Signal(BANKS, name=f"select{offset}")
        m.d.comb += select.eq(Cat(
            banks[bank] & holds[bank // 2 % 4] if bank & 1 == offset & 1 else Const(0, 1) for bank in range(BANKS)
        ))
        selects.append(select)
    return selects
