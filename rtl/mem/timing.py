"""The register-to-register paths of the SRAM as units that a synthesis run can time one by one.

Each unit contains the circuits of its stage between flip-flops, repeated parts once. `TIMING_UNITS` names them;
together they hold every path of rtl/mem/sram.py with the banks body, whose macros are black boxes with registered
ports.
"""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import CONFIGS
from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BITS, WORD_ADDRESS_BITS
from golden.arch.sram import BANKS, CHECK_BITS, INJECT_BITS, LANES, LINE_WORDS
from rtl.mem.ahead import Ahead
from rtl.mem.banking import line_banks, line_phase_of, row_of
from rtl.mem.body import SINGLE_READS, SINGLE_WRITES
from rtl.mem.crossbar import BANK_LINE_WORDS, CODE_BITS, BankAddress, BankWord, ReturnWord, line_selects
from rtl.mem.done import DoneInOrder
from rtl.mem.ecc import Corrector, PlantedBits, check_bits
from rtl.mem.loads import Loads
from rtl.mem.queue import RequestQueue
from rtl.mem.rmw import PartialStore
from rtl.mem.status import ErrorReports
from rtl.mem.turns import Age, Turns

_ROWS = CONFIGS["d1"].sram_rows
_ROW_BITS = (_ROWS - 1).bit_length()


def _registered(m: Module, value: Value, name: str) -> Signal:
    after = Signal(len(value), name=name, reset_less=True)
    m.d.sync += after.eq(value)
    return after


class LoadFront(wiring.Component):
    """Queues of 16 lanes and the scalar load, step 2, and the address crossbar to the 64 banks' registered inputs."""

    push: In(3)
    active: In(SINGLE_READS)
    addr: In(WORD_ADDRESS_BITS).array(SINGLE_READS)
    busy: In(BANKS)
    lent: In(SINGLE_WRITES)
    lent_banks: In(BANKS).array(SINGLE_WRITES)
    lent_row: In(_ROW_BITS).array(SINGLE_WRITES)
    writes: In(BANKS)
    write_rows: In(_ROW_BITS).array(BANKS)
    first: In(3)
    room: Out(3)
    taken: Out(SINGLE_READS)
    enable: Out(BANKS)
    row: Out(_ROW_BITS).array(BANKS)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.loads = loads = Loads(pairs=True)
        queues = [RequestQueue(WORD_ADDRESS_BITS, 15) for _ in range(SINGLE_READS)]
        takes = [*loads.l0_take, *loads.l1_take, loads.sl_take]
        for index, queue in enumerate(queues):
            m.submodules[f"queue{index}"] = queue
            m.d.comb += [
                queue.push.eq(self.push[index // LANES]),
                queue.active.eq(self.active[index]),
                queue.addr.eq(self.addr[index]),
                queue.take.eq(takes[index]),
            ]
        l0, l1, sl = queues[:LANES], queues[LANES : 2 * LANES], queues[2 * LANES]
        m.d.comb += [
            loads.busy.eq(self.busy),
            loads.sl_valid.eq(sl.valid),
            loads.sl_banks.eq(sl.banks),
            loads.sl_number.eq(sl.number),
            loads.sl_present.eq(sl.present),
            loads.l0_present.eq(Cat(queue.present for queue in l0)),
            loads.l1_present.eq(Cat(queue.present for queue in l1)),
            loads.l0_valid.eq(Cat(queue.valid for queue in l0)),
            loads.l1_valid.eq(Cat(queue.valid for queue in l1)),
            loads.l1_lent.eq(self.lent[:LANES]),
            loads.sl_lent.eq(self.lent[LANES]),
            Cat(loads.first_sl, loads.first_l0, loads.first_l1).eq(self.first),
        ]
        for lane in range(LANES):
            m.d.comb += [
                loads.l0_banks[lane].eq(l0[lane].banks),
                loads.l1_banks[lane].eq(l1[lane].banks),
                loads.l0_number[lane].eq(l0[lane].number),
                loads.l1_number[lane].eq(l1[lane].number),
            ]
        m.d.sync += [
            self.room.eq(Cat(Cat(queue.room for queue in port).all() for port in (l0, l1, [sl]))),
            self.taken.eq(Cat(takes)),
        ]
        wins = [*loads.l0_wins, *loads.l1_wins, loads.sl_wins]
        for number in range(BANKS):
            m.submodules[f"address{number}"] = address = BankAddress(_ROW_BITS)
            m.d.comb += [
                address.reads.eq(Cat(
                    win[number] | (self.lent[i - LANES] & self.lent_banks[i - LANES][number] if i >= LANES else 0)
                    for i, win in enumerate(wins)
                )),
                address.writes.eq(self.writes[number]),
                address.write_row[0].eq(self.write_rows[number]),
            ]
            for i, queue in enumerate(queues):
                own = row_of(queue.head_addr)
                lent = self.lent_row[i - LANES] if i >= LANES else own
                m.d.comb += address.read_row[i].eq(own if i < LANES else (own & ~self._lent(i)) | (lent & self._lent(i)))
            m.d.sync += [self.enable[number].eq(address.enable), self.row[number].eq(address.row)]
        return m

    def _lent(self, index: int) -> Value:
        return self.lent[index - LANES].replicate(_ROW_BITS)


class StepOne(wiring.Component):
    """Queues of lines and stores without their data, partial stores, turns, and step 1."""

    push: In(5)
    active: In(SINGLE_WRITES)
    addr: In(WORD_ADDRESS_BITS).array(SINGLE_WRITES)
    info: In(11).array(SINGLE_WRITES)
    line: In(LINE_BITS).array(3)
    returned: In(SINGLE_WRITES)
    lost: In(SINGLE_WRITES)
    load_old: In(3)
    room: Out(5)
    busy: Out(BANKS)
    writes: Out(SINGLE_WRITES)
    reads: Out(SINGLE_WRITES)
    line_write: Out(1)
    line_read: Out(1)
    done: Out(1)
    turn: Out(6)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.ahead = ahead = Ahead(pairs=True)
        m.submodules.turns = turns = Turns(6)
        m.submodules.done = done = DoneInOrder(6)
        lines = [RequestQueue(LINE_BITS, 16, banks_of=line_banks) for _ in range(3)]
        stores = [RequestQueue(WORD_ADDRESS_BITS, 11) for _ in range(SINGLE_WRITES)]
        partials = [PartialStore() for _ in range(SINGLE_WRITES)]
        mw, mr, fill = lines
        fills = Signal()
        m.d.comb += fills.eq(fill.valid & ~mr.valid)
        for index, queue in enumerate(lines):
            m.submodules[f"line{index}"] = queue
            m.d.comb += [queue.push.eq(self.push[index]), queue.active.eq(1), queue.addr.eq(self.line[index])]
        for index, (queue, partial) in enumerate(zip(stores, partials, strict=True)):
            m.submodules[f"store{index}"] = queue
            m.submodules[f"partial{index}"] = partial
            m.d.comb += [
                queue.push.eq(self.push[3 + index // LANES]),
                queue.active.eq(self.active[index]),
                queue.addr.eq(self.addr[index]),
                queue.info.eq(self.info[index]),
                queue.take.eq(partial.ends),
                partial.valid.eq(queue.valid),
                partial.partial.eq(queue.head_info[8]),
                partial.grant.eq(ahead.take[index]),
                partial.returned.eq(self.returned[index]),
                partial.lost.eq(self.lost[index]),
            ]
        ages = [Age(1), Age(LANES), Age(1)]
        lanes = Cat(queue.valid for queue in stores[:LANES])
        waiting = (ahead.lr_valid, lanes, stores[LANES].valid)
        for index, (age, waits, take) in enumerate(
            zip(ages, waiting, (ahead.lr_take, ahead.take[:LANES], ahead.take[LANES]), strict=True)
        ):
            m.submodules[f"age{index}"] = age
            m.d.comb += [age.tick.eq(turns.tick), age.waiting.eq(waits), age.take.eq(take)]
        m.d.comb += [
            turns.old.eq(Cat(*(age.old for age in ages), self.load_old)),
            mw.take.eq(ahead.mw_take),
            mr.take.eq(ahead.lr_take & ~fills),
            fill.take.eq(ahead.lr_take & fills),
            ahead.mw_valid.eq(mw.valid),
            ahead.mw_banks.eq(mw.banks),
            ahead.lr_valid.eq(mr.valid | fill.valid),
            ahead.fills.eq(fills),
            ahead.mr_banks.eq(mr.banks),
            ahead.fill_banks.eq(fill.banks),
            ahead.valid.eq(Cat(partial.asks for partial in partials)),
            ahead.locked.eq(Cat(partial.locked for partial in partials)),
            ahead.present.eq(Cat(queue.present for queue in stores)),
            Cat(ahead.first_lr, ahead.first_st, ahead.first_ss).eq(turns.turn[:3]),
            ahead.quiet.eq(turns.turn[3:].any()),
            done.push.eq(self.push[3]),
            done.take.eq(Cat(partial.ends for partial in partials[:LANES])),
            self.busy.eq(ahead.busy),
            self.done.eq(done.done),
            self.turn.eq(turns.turn),
        ]
        for index, queue in enumerate(stores):
            m.d.comb += [ahead.banks[index].eq(queue.banks), ahead.number[index].eq(queue.number)]
        m.d.sync += [
            self.room.eq(Cat(
                *(queue.room for queue in lines), Cat(q.room for q in stores[:LANES]).all(), stores[LANES].room
            )),
            self.writes.eq(Cat(p.writes & q.banks.any() for p, q in zip(partials, stores, strict=True))),
            self.reads.eq(Cat(partial.reads for partial in partials)),
            self.line_write.eq(ahead.mw_take),
            self.line_read.eq(ahead.lr_take),
        ]
        return m


class ReturnPath(wiring.Component):
    """Bank output registers, the return crossbar of one line word (the longest: its select is made here), a
    register."""

    codes: In(CODE_BITS).array(BANKS)
    banks: In(BANKS)
    line: In(LINE_BITS)
    code: Out(CODE_BITS)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.path = path = ReturnWord()
        select = line_selects(m, self.banks, line_phase_of(self.line))[0]
        m.d.comb += path.select.eq(_registered(m, select, "select"))
        m.d.comb += [path.codes[bank].eq(_registered(m, self.codes[bank], f"code{bank}")) for bank in range(BANKS)]
        m.d.sync += self.code.eq(path.code)
        return m


class Correct(wiring.Component):
    """Syndrome, correction and byte mask of one return path."""

    data: In(64)
    check: In(CHECK_BITS)
    keep: In(8)
    word: Out(64)
    syndrome: Out(CHECK_BITS)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.corrector = corrector = Corrector(1, tables=False)
        m.d.comb += [
            corrector.data[0].eq(_registered(m, self.data, "data_in")),
            corrector.check[0].eq(_registered(m, self.check, "check_in")),
            corrector.keep[0].eq(_registered(m, self.keep, "keep_in")),
        ]
        m.d.sync += [self.word.eq(corrector.word[0]), self.syndrome.eq(corrector.syndrome[0])]
        return m


class WritePath(wiring.Component):
    """Encoders, planted errors, and the write crossbar of one bank."""

    words: In(64).array(SINGLE_WRITES)
    line_words: In(64).array(BANK_LINE_WORDS)
    writes: In(SINGLE_WRITES)
    write_banks: In(SINGLE_WRITES)
    line_banks: In(BANKS)
    line: In(LINE_BITS)
    strobe: In(LINE_WORDS)
    inject: In(INJECT_BITS).array(THREADS)
    inject_thread: In(2)
    inject_enable: In(1)
    word: Out(CODE_BITS)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.bank = bank = BankWord()
        selects = line_selects(
            m, _registered(m, self.line_banks, "banks_in"), line_phase_of(_registered(m, self.line, "line_in"))
        )
        strobe = _registered(m, self.strobe, "strobe_in")
        m.d.comb += [
            bank.writes.eq(_registered(m, self.writes, "writes_in") & _registered(m, self.write_banks, "own_in")),
            bank.line_writes.eq(Cat(selects[offset][0] & strobe[offset] for offset in range(0, LINE_WORDS, 2))),
        ]
        m.submodules.planted = planted = PlantedBits()
        m.d.comb += [
            *(planted.inject[t].eq(_registered(m, self.inject[t], f"inject{t}_in")) for t in range(THREADS)),
            planted.thread.eq(_registered(m, self.inject_thread, "inject_thread_in")),
            planted.enable.eq(_registered(m, self.inject_enable, "inject_enable_in")),
        ]
        flips = _registered(m, Cat(planted.word, planted.check), "flips")
        for target, words in ((bank.words, self.words), (bank.line_words, self.line_words)):
            for index in range(len(words)):
                word = _registered(m, words[index], f"word{len(words)}_{index}")
                scalar = len(words) == SINGLE_WRITES and index == LANES
                m.d.comb += target[index].eq(Cat(word, check_bits(word)) ^ (flips if scalar else 0))
        m.d.sync += self.word.eq(bank.word)
        return m


class Merge(wiring.Component):
    """Old and new bytes of a partial store."""

    old_word: In(64)
    word: In(64)
    strobe: In(8)
    merged: Out(64)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.partial = partial = PartialStore()
        m.d.comb += [
            partial.old_word.eq(_registered(m, self.old_word, "old_in")),
            partial.word.eq(_registered(m, self.word, "word_in")),
            partial.strobe.eq(_registered(m, self.strobe, "strobe_in")),
        ]
        m.d.sync += self.merged.eq(partial.merged)
        return m


TIMING_UNITS: dict[str, Callable[[], wiring.Component]] = {
    "sram load front": LoadFront,
    "sram step 1": StepOne,
    "sram return crossbar": ReturnPath,
    "sram correct": Correct,
    "sram write crossbar": WritePath,
    "sram merge": Merge,
    "sram status": lambda: ErrorReports(tables=False),
}
"""Name of a unit -> factory of a fresh component. Inputs come from flip-flops of other units."""
