"""Data body for synthesis: 64 memories with one port each, address, write and return crossbars.

A bank does at most one thing in a slot, so everything that reaches it is an AND-OR of those that may. The return
crossbar selects with the bank masks of the reads, one stage after the macro.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS, CHECK_BITS, LINE_WORDS
from rtl.mem.banking import row_of
from rtl.mem.body import SINGLE_READS, SINGLE_WRITES, body_ports

_CODE_BITS = 64 + CHECK_BITS
_PHASE_BITS = 3  # a line starts in any bank of a multiple of two: which of its words a bank holds


def _any_of(selects_and_values: list[tuple[Value, Value]]) -> Value:
    """OR of the selected values (at most one is selected)."""
    return reduce(or_, (Mux(select, value, 0) for select, value in selects_and_values))


class Bank(wiring.Component):
    """One macro: `rows` x 72 bits, one port, its word at the output one cycle after the address."""

    def __init__(self, rows: int):
        self._rows = rows
        width = max(1, (rows - 1).bit_length())
        super().__init__({
            "enable": In(1),
            "write": In(1),
            "row": In(width),
            "code_in": In(_CODE_BITS),
            "code": Out(_CODE_BITS),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.macro = macro = memory.Memory(shape=_CODE_BITS, depth=self._rows, init=[])
        read, write = macro.read_port(), macro.write_port()
        m.d.comb += [
            read.en.eq(self.enable & ~self.write),
            read.addr.eq(self.row),
            write.en.eq(self.enable & self.write),
            write.addr.eq(self.row),
            write.data.eq(self.code_in),
            self.code.eq(read.data),
        ]
        return m


class BanksBody(wiring.Component):
    """64 banks and their crossbars."""

    def __init__(self, rows: int):
        self._rows = rows
        super().__init__(body_ports())

    @property
    def sweep_steps(self) -> int:
        """Cycles of the sweep after reset: one row of every bank at a time."""
        return self._rows

    def elaborate(self, platform) -> Module:
        m = Module()
        banks = [Bank(self._rows) for _ in range(BANKS)]
        row_bits = len(banks[0].row)

        def row(word: Value) -> Value:
            return row_of(word)[:row_bits]

        # Which word of a line a bank holds: its distance from the line's first bank, the same for reads and writes.
        words = [Cat(self.line_word[offset], self.line_check[offset]) for offset in range(LINE_WORDS)]
        first = Signal(5)
        column = Signal(5)
        line = self.line_write_addr
        m.d.comb += first.eq((line[0:3] << 2) + line[3:8] + line[8:13] + line[13:15])

        for number, bank in enumerate(banks):
            m.submodules[f"bank{number}"] = bank
            reads = [self.read[i] & self.read_banks[i][number] for i in range(SINGLE_READS)]
            writes = [self.write[i] & self.write_banks[i][number] for i in range(SINGLE_WRITES)]
            line_read = self.line_read & self.line_read_banks[number]
            # Distance in columns, 0..3 for banks of the line; the lowest bit of the bank is the lowest bit of the
            # offset.
            distance = Signal(5, name=f"distance{number}")
            offset = Signal(_PHASE_BITS, name=f"offset{number}")
            line_write = Signal(name=f"line_write{number}")
            m.d.comb += [
                distance.eq(number // 2 - first),
                offset.eq(Cat(Const(number & 1, 1), distance[:2])),
                line_write.eq(self.line_write_banks[number] & self.line_write.bit_select(offset, 1)),
            ]
            of_line = [(line_write & (offset == k), words[k]) for k in range(number & 1, LINE_WORDS, 2)]
            of_lanes = [
                (select, Cat(self.write_word[i], self.write_check[i])) for i, select in enumerate(writes)
            ]
            m.d.comb += [
                bank.write.eq(self.sweep | line_write | Cat(writes).any()),
                bank.enable.eq(bank.write | line_read | Cat(reads).any()),
                bank.row.eq(
                    Mux(self.sweep, self.sweep_step[:row_bits], 0)
                    | Mux(line_read, self.line_read_addr[3:][:row_bits], 0)
                    | Mux(line_write, self.line_write_addr[3:][:row_bits], 0)
                    | _any_of([(select, row(self.read_addr[i])) for i, select in enumerate(reads)])
                    | _any_of([(select, row(self.write_addr[i])) for i, select in enumerate(writes)])
                ),
                bank.code_in.eq(Mux(self.sweep, 0, _any_of([*of_line, *of_lanes]))),
            ]

        # Macro -> return: registers behind the banks, then 64:1 per word.
        codes = [Signal(_CODE_BITS, name=f"return_code{number}", reset_less=True) for number in range(BANKS)]
        m.d.sync += [codes[number].eq(banks[number].code) for number in range(BANKS)]

        def delayed(value: Value, name: str, stages: int) -> Signal:
            for stage in range(stages):
                after = Signal(len(value), name=f"{name}_{stage}", reset_less=True)
                m.d.sync += after.eq(value)
                value = after
            return value

        def leave(index: int, code: Value, addr: Value) -> None:
            correct = Signal(_CODE_BITS, name=f"correct_code{index}", reset_less=True)
            m.d.sync += correct.eq(code)
            m.d.comb += [
                self.word[index].eq(correct[:64]),
                self.check[index].eq(correct[64:]),
                self.word_addr[index].eq(addr),
            ]

        for index in range(SINGLE_READS):
            selects = delayed(self.read_banks[index], f"selects{index}", 2)
            addr = delayed(self.read_addr[index], f"addr{index}", 3)
            leave(index, _any_of([(selects[number], codes[number]) for number in range(BANKS)]), addr)
        line_addr = delayed(self.line_read_addr, "line_addr", 3)
        line_at_return = delayed(self.line_read_addr, "line_return", 2)
        m.d.comb += column.eq(
            (line_at_return[0:3] << 2) + line_at_return[3:8] + line_at_return[8:13] + line_at_return[13:15]
        )
        for offset in range(LINE_WORDS):
            chosen = Signal(5, name=f"column{offset}")
            m.d.comb += chosen.eq(column + offset // 2)
            code = _any_of([(chosen == c, codes[2 * c + (offset & 1)]) for c in range(BANKS // 2)])
            leave(SINGLE_READS + offset, code, Cat(Const(offset, 3), line_addr))
        return m
