"""Which bank holds an address, as circuits: the hash of golden.arch.sram and its decoders.

Bank sets are 64-bit masks everywhere: a word is one bit, a line eight neighbouring bits (modulo 64). Two requests are
in each other's way when their masks share a bit: one AND in hardware and one in the 64-bit register of a simulator.
"""

from amaranth.hdl import Cat, Const, Module, Signal, Value

from golden.arch.sram import BANKS, COLUMNS

_COLUMN_BITS = (COLUMNS - 1).bit_length()


def column_of(word: Value) -> Value:
    """Column of a word address (18 bits): the sum modulo 32 of its 5-bit groups above bit 0."""
    return (word[1:6] + word[6:11] + word[11:16] + word[16:18])[:_COLUMN_BITS]


def line_column_of(line: Value) -> Value:
    """First column of a line address (15 bits)."""
    return ((line[0:3] << 2) + line[3:8] + line[8:13] + line[13:15])[:_COLUMN_BITS]


def line_phase_of(line: Value) -> Value:
    """First column of a line modulo 4: lines are four columns long, so their place among themselves drops out."""
    return (line[3:5] + line[8:10] + line[13:15])[:2]


def row_of(word: Value) -> Value:
    """Row of a word address inside its bank."""
    return word[6:]


def word_banks(m: Module, word: Value, active: Value) -> tuple[Signal, Signal]:
    """Bank of a word address as a number, and as a 64-bit mask that is zero when `active` is low."""
    bank = Signal(_COLUMN_BITS + 1)
    banks = Signal(BANKS)
    # The shifted value is one bit wide, so the result is exactly 64 bits and stays in one machine word.
    m.d.comb += [bank.eq(Cat(word[0], column_of(word))), banks.eq(active << bank)]
    return bank, banks


def line_banks(m: Module, line: Value, active: Value) -> tuple[Signal, Signal]:
    """First bank of a line address (15 bits), and a 64-bit mask of its eight banks, zero when `active` is low."""
    first = Signal(_COLUMN_BITS + 1)
    banks = Signal(BANKS)
    m.d.comb += [first.eq(Cat(Const(0, 1), line_column_of(line))), banks.eq(active << first)]
    for step in (1, 2, 4):  # the column pairs up with its odd bank, then with 1, then with 2 more columns
        wider = Signal(BANKS)
        m.d.comb += wider.eq(banks | banks.rotate_left(step))
        banks = wider
    return first, banks
