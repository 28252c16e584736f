"""Data body for synthesis: 64 memories with one port each, and the crossbars of rtl/mem/crossbar.py round them."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.sram import BANKS, LINE_WORDS
from rtl.mem.banking import line_phase_of, row_of
from rtl.mem.body import BodyPorts
from rtl.mem.crossbar import CODE_BITS, BankAddress, BankWord, ReturnWord, line_selects
from rtl.mem.stages import SINGLE_READS, SINGLE_WRITES


class Bank(wiring.Component):
    """One macro: `rows` x 72 bits, one port; the word read is at the output in the cycle after its address."""

    def __init__(self, rows: int):
        self._rows = rows
        super().__init__({
            "enable": In(1),
            "write": In(1),
            "row": In(range(rows)),
            "code_in": In(CODE_BITS),
            "code": Out(CODE_BITS),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.macro = macro = memory.Memory(shape=CODE_BITS, depth=self._rows, init=[])
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
    """64 banks of `rows` words and their crossbars."""

    def __init__(self, rows: int):
        self._rows = rows
        super().__init__(BodyPorts)

    @property
    def sweep_steps(self) -> int:
        """Cycles of the sweep after reset: one row of every bank at a time."""
        return self._rows

    def elaborate(self, platform) -> Module:
        m = Module()
        row_bits = (self._rows - 1).bit_length()
        words = [Cat(self.writes.word[i], self.writes.check[i]) for i in range(SINGLE_WRITES)]
        line_words = [Cat(self.line_write.word[offset], self.line_write.check[offset]) for offset in range(LINE_WORDS)]
        written = line_selects(m, self.line_write.banks, line_phase_of(self.line_write.line))

        codes = []  # macro -> return: a register behind every bank
        for number in range(BANKS):
            m.submodules[f"bank{number}"] = bank = Bank(self._rows)
            m.submodules[f"address{number}"] = address = BankAddress(row_bits)
            m.submodules[f"word{number}"] = word = BankWord()
            offsets = range(number & 1, LINE_WORDS, 2)
            line_write = Cat(written[offset][number] & self.line_write.write[offset] for offset in offsets)
            m.d.comb += [
                address.reads.eq(Cat(self.reads.banks[i][number] for i in range(SINGLE_READS))),
                address.writes.eq(Cat(self.writes.write[i] & self.writes.banks[i][number] for i in range(SINGLE_WRITES))),
                address.line_read.eq(self.line_read.valid & self.line_read.banks[number]),
                address.line_write.eq(line_write.any()),
                address.sweep.eq(self.sweep.active),
                address.line_read_row.eq(self.line_read.line[3:]),
                address.line_write_row.eq(self.line_write.line[3:]),
                address.sweep_row.eq(self.sweep.step),
                word.writes.eq(address.writes),
                word.line_writes.eq(line_write),
                bank.enable.eq(address.enable),
                bank.write.eq(address.write),
                bank.row.eq(address.row),
                bank.code_in.eq(word.word),
            ]
            m.d.comb += [address.read_row[i].eq(row_of(self.reads.addr[i])) for i in range(SINGLE_READS)]
            m.d.comb += [address.write_row[i].eq(row_of(self.writes.addr[i])) for i in range(SINGLE_WRITES)]
            m.d.comb += [word.words[i].eq(words[i]) for i in range(SINGLE_WRITES)]
            m.d.comb += [word.line_words[i].eq(line_words[offset]) for i, offset in enumerate(offsets)]
            code = Signal(CODE_BITS, name=f"return_code{number}", reset_less=True)
            m.d.sync += code.eq(bank.code)
            codes.append(code)

        def delayed(value: Value, name: str, stages: int) -> Signal:
            for stage in range(stages):
                after = Signal(len(value), name=f"{name}_{stage}", reset_less=True)
                m.d.sync += after.eq(value)
                value = after
            return value

        def leave(index: int, select: Value, addr: Value) -> None:
            m.submodules[f"return{index}"] = path = ReturnWord()
            m.d.comb += [path.select.eq(select), *(path.codes[bank].eq(codes[bank]) for bank in range(BANKS))]
            correct = Signal(CODE_BITS, name=f"correct_code{index}", reset_less=True)
            m.d.sync += correct.eq(path.code)
            m.d.comb += [
                self.words.word[index].eq(correct[:64]),
                self.words.check[index].eq(correct[64:]),
                self.words.addr[index].eq(addr),
            ]

        for index in range(SINGLE_READS):
            select = delayed(self.reads.banks[index], f"select{index}", 2)
            leave(index, select, delayed(self.reads.addr[index], f"addr{index}", 3))
        # Decoded in the macro stage, so that the return crossbar starts from flip-flops.
        macro_banks, macro_line = (
            delayed(value, name, 1)
            for value, name in ((self.line_read.banks, "macro_banks"), (self.line_read.line, "macro_line"))
        )
        selects = line_selects(m, macro_banks, line_phase_of(macro_line))
        line = delayed(self.line_read.line, "line", 3)
        for offset, select in enumerate(selects):
            leave(SINGLE_READS + offset, delayed(select, f"line_select{offset}", 1), Cat(Const(offset, 3), line))
        return m
