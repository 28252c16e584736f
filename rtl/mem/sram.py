"""The node's SRAM: ports, queues, two arbitration steps, storage, correction. docs/sram.md explains the organisation.

A load passes the stages queue, arbitrate, macro, return, correct, and can be used in the next cycle; a store's grant
comes one cycle before the slot in which it writes. All outputs are flip-flops.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BITS, WORD_ADDRESS_BITS
from golden.arch.sram import (
    INJECT_BITS,
    LANES,
    LINE_WORDS,
    MAX_ROWS,
    MESH_TAG_BITS,
    SCALAR_TAG_BITS,
    STORE_TAG_BITS,
    STORE_TAG_THREAD,
)
from rtl.mem import ports
from rtl.mem.ahead import Ahead
from rtl.mem.banking import line_banks
from rtl.mem.banks import BanksBody
from rtl.mem.body import READS, SINGLE_READS, SINGLE_WRITES
from rtl.mem.done import DoneInOrder
from rtl.mem.ecc import Corrector, PlantedBits, check_bits
from rtl.mem.flat import FlatBody
from rtl.mem.loads import Loads
from rtl.mem.queue import RequestQueue
from rtl.mem.rmw import PartialStore
from rtl.mem.status import Status, count_ones
from rtl.mem.sweep import Sweep
from rtl.mem.turns import FILL_PATIENCE, Age, Patience, Turns

# Ports that may take a turn, in the order of the turn mask.
_TURN_PORTS = ("lr", "st", "ss", "sl", "l0", "l1")
_SL_READ = 2 * LANES  # index of the scalar load among the single reads
_SS_WRITE = LANES  # index of the scalar store among the single writes


class SRAM(wiring.Component):
    """64 banks of `rows` words with seven ports and instruction fills.

    Parameters ---------- rows: rows per bank, 2,560 in d1; the memory holds 512 * rows bytes. body: "flat"
    (simulation) or "banks" (synthesis); see rtl/mem/body.py. sweep: write zeros everywhere after reset, with `busy`
    high and all ports shut. Without it the memory's initial content
        stays: zeros in simulation, which are valid words.
    """

    # Vector loads, 64 B each.
    l0: In(ports.VectorLoad)
    l1: In(ports.VectorLoad)
    # Vector store, 64 B.
    st: In(ports.VectorStore)
    # Scalar load and store, 8 B.
    sl: In(ports.ScalarLoad)
    ss: In(ports.ScalarStore)
    # Mesh write and read, 64 B lines.
    mw: In(ports.LineWrite)
    mr: In(ports.LineRead)
    # Instruction cache fill, 64 B lines.
    fill: In(ports.Fill)
    # Planted errors: per thread two bits that its scalar stores of whole words write inverted (golden.arch.sram.injected).
    inject: In(INJECT_BITS).array(THREADS)
    # Error reports.
    corrected: Out(ports.Corrected)
    uncorrectable: Out(ports.Uncorrectable)
    # The sweep after reset runs; all ports are shut.
    busy: Out(1)
    # Requests and lanes that asked for a bank in the previous cycle in vain.
    conflicts: Out(6)

    def __init__(self, rows: int = MAX_ROWS, body: str = "flat", sweep: bool = False):
        if not 1 <= rows <= MAX_ROWS:
            raise ValueError(f"rows is {rows}, the address map holds 1 to {MAX_ROWS}")
        if body not in ("flat", "banks"):
            raise ValueError(f"body is {body!r}, there are 'flat' and 'banks'")
        self._rows = rows
        self._body = body
        self._sweep = sweep
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        tables = self._body == "flat"
        m.submodules.body = body = (FlatBody if tables else BanksBody)(self._rows)
        m.submodules.ahead = ahead = Ahead(pairs=not tables)
        m.submodules.loads = loads = Loads(pairs=not tables)
        m.submodules.turns = turns = Turns(len(_TURN_PORTS))
        m.submodules.corrector = corrector = Corrector(READS, tables)
        m.submodules.status = status = Status(tables)

        # --- Sweep ---------------------------------------------------------------------------------------------------
        sweeping = Signal()
        if self._sweep:
            m.submodules.sweep = sweep = Sweep(body.sweep_steps)
            m.d.comb += [sweeping.eq(sweep.active), body.sweep.eq(sweep.active), body.sweep_step.eq(sweep.step)]
            m.d.comb += self.busy.eq(sweep.active)

        # --- Queues --------------------------------------------------------------------------------------------------
        def queue(name: str, *args, **kwargs) -> RequestQueue:
            m.submodules[name] = made = RequestQueue(*args, **kwargs)
            return made

        def accept(port, queues: list[RequestQueue]) -> Signal:
            """The port's request enters its queues; ready when every one has room for the next."""
            push = Signal()
            m.d.comb += push.eq(port.valid & port.ready)
            m.d.sync += port.ready.eq(Cat(q.room for q in queues).all() & ~sweeping)
            m.d.comb += [q.push.eq(push) for q in queues]
            return push

        loading = {}  # port name -> lane queues; info is keep 8, thread 2, register 5
        for name in ("l0", "l1"):
            port = getattr(self, name)
            loading[name] = [queue(f"{name}_{lane}", WORD_ADDRESS_BITS, 15) for lane in range(LANES)]
            accept(port, loading[name])
            for lane, q in enumerate(loading[name]):
                keep = Mux(port.enable[lane], port.keep[8 * lane : 8 * lane + 8], 0)
                m.d.comb += [
                    q.active.eq(port.enable[lane]),
                    q.addr.eq(port.addr[lane]),
                    q.info.eq(Cat(keep, port.thread, port.reg)),
                ]
        storing = [queue(f"st_{lane}", WORD_ADDRESS_BITS, 11, words=1) for lane in range(LANES)]  # strobe 8, partial 1, thread 2
        st_push = accept(self.st, storing)
        for lane, q in enumerate(storing):
            strobe = self.st.strobe[8 * lane : 8 * lane + 8]
            m.d.comb += [
                q.active.eq(self.st.enable[lane] & strobe.any()),
                q.addr.eq(self.st.addr[lane]),
                q.info.eq(Cat(strobe, q.active & ~strobe.all(), self.st.tag[STORE_TAG_THREAD : STORE_TAG_THREAD + 2])),
                q.data[0].eq(self.st.data[64 * lane : 64 * lane + 64]),
            ]
        sl = queue("sl", WORD_ADDRESS_BITS, SCALAR_TAG_BITS)
        accept(self.sl, [sl])
        m.d.comb += [sl.active.eq(1), sl.addr.eq(self.sl.addr), sl.info.eq(self.sl.tag)]
        ss = queue("ss", WORD_ADDRESS_BITS, 9 + STORE_TAG_BITS, words=1)
        accept(self.ss, [ss])
        m.d.comb += [
            ss.active.eq(self.ss.strobe.any()),
            ss.addr.eq(self.ss.addr),
            ss.info.eq(Cat(self.ss.strobe, ss.active & ~self.ss.strobe.all(), self.ss.tag)),
            ss.data[0].eq(self.ss.data),
        ]
        mw = queue("mw", LINE_BITS, LINE_WORDS + MESH_TAG_BITS, words=LINE_WORDS, banks_of=line_banks)
        accept(self.mw, [mw])
        m.d.comb += [mw.active.eq(1), mw.addr.eq(self.mw.line), mw.info.eq(Cat(self.mw.strobe, self.mw.tag))]
        m.d.comb += [mw.data[offset].eq(self.mw.data.word_select(offset, 64)) for offset in range(LINE_WORDS)]
        mr = queue("mr", LINE_BITS, MESH_TAG_BITS, banks_of=line_banks)
        accept(self.mr, [mr])
        m.d.comb += [mr.active.eq(1), mr.addr.eq(self.mr.line), mr.info.eq(self.mr.tag)]
        fill = queue("fill", LINE_BITS, 0, banks_of=line_banks)
        accept(self.fill, [fill])
        m.d.comb += [fill.active.eq(1), fill.addr.eq(self.fill.line)]

        # --- Turns ---------------------------------------------------------------------------------------------------
        def age(name: str, waiting, take) -> Signal:
            m.submodules[f"age_{name}"] = made = Age(len(waiting))
            m.d.comb += [made.tick.eq(turns.tick), made.waiting.eq(waiting), made.take.eq(take)]
            return made.old

        fills = Signal()  # the line read port serves the fill in this cycle
        l0_valid, l1_valid, st_valid = (
            Cat(q.valid for q in queues) for queues in (loading["l0"], loading["l1"], storing)
        )
        overtook = Signal()  # the last line read was a fill that a mesh read had to let pass: the mesh is next
        m.submodules.patience = patience = Patience(FILL_PATIENCE)
        m.d.comb += [
            patience.waiting.eq(fill.valid),
            patience.take.eq(fill.take),
            fills.eq(fill.valid & (~mr.valid | (patience.over & ~overtook))),
        ]
        with m.If(ahead.lr_take):
            m.d.sync += overtook.eq(fills & mr.valid)
        m.d.comb += turns.old.eq(Cat(
            age("lr", mr.valid | fill.valid, ahead.lr_take),
            age("st", st_valid, ahead.take[:LANES]),
            age("ss", ss.valid, ahead.take[_SS_WRITE]),
            age("sl", sl.valid, loads.sl_take),
            age("l0", l0_valid, loads.l0_take),
            age("l1", l1_valid, loads.l1_take),
        ))
        load_turn = Signal(3)
        m.d.sync += load_turn.eq(turns.turn[3:])

        # --- Step 1: lines and stores, for the next slot -------------------------------------------------------------
        partials = [PartialStore() for _ in range(SINGLE_WRITES)]
        writers = [*storing, ss]
        for index, (partial, q) in enumerate(zip(partials, writers, strict=True)):
            m.submodules[f"partial{index}"] = partial
            m.d.comb += [
                partial.valid.eq(q.valid),
                partial.strobe.eq(q.head_info[:8]),
                partial.partial.eq(q.head_info[8]),
                partial.word.eq(q.head_data[0]),
                partial.grant.eq(ahead.take[index]),
                q.take.eq(partial.ends),
                q.merge.eq(partial.merge),
                q.merged.eq(partial.merged),
            ]
        lr_line = Signal(LINE_BITS)
        m.d.comb += [
            lr_line.eq(Mux(fills, fill.head_addr, mr.head_addr)),
            ahead.mw_valid.eq(mw.valid),
            ahead.mw_banks.eq(mw.banks),
            ahead.lr_valid.eq(mr.valid | fill.valid),
            ahead.fills.eq(fills),
            ahead.mr_banks.eq(mr.banks),
            ahead.fill_banks.eq(fill.banks),
            ahead.valid.eq(Cat(p.asks for p in partials)),
            ahead.locked.eq(Cat(p.locked for p in partials)),
            ahead.present.eq(Cat(q.present for q in writers)),
            Cat(ahead.first_lr, ahead.first_st, ahead.first_ss).eq(turns.turn[:3]),
            ahead.quiet.eq(turns.turn[3:].any()),
            mw.take.eq(ahead.mw_take),
            mr.take.eq(ahead.lr_take & ~fills),
            fill.take.eq(ahead.lr_take & fills),
        ]
        for index, q in enumerate(writers):
            m.d.comb += [ahead.banks[index].eq(q.banks), ahead.number[index].eq(q.number)]

        # What step 1 granted, for the slot that runs now.
        write = Signal(SINGLE_WRITES)
        lent = Signal(SINGLE_WRITES)
        line_read, line_for_fill = Signal(), Signal()
        line_tag = Signal(MESH_TAG_BITS)
        line_write = Signal(LINE_WORDS)
        m.d.sync += [
            write.eq(Cat(p.writes & q.banks.any() for p, q in zip(partials, writers, strict=True))),
            lent.eq(Cat(p.reads for p in partials)),
            line_read.eq(ahead.lr_take),
            line_for_fill.eq(fills),
            line_tag.eq(mr.head_info),
            line_write.eq(Mux(ahead.mw_take, mw.head_info[:LINE_WORDS], 0)),
        ]

        def follow(value, name: str) -> Signal:
            after = Signal(len(value), name=name, reset_less=True)
            m.d.sync += after.eq(value)
            return after

        write_addr = [follow(q.head_addr, f"write_addr{i}") for i, q in enumerate(writers)]
        write_word = [follow(q.head_data[0], f"write_word{i}") for i, q in enumerate(writers)]
        write_banks = [follow(q.banks, f"write_banks{i}") for i, q in enumerate(writers)]
        in_tag = 9 + STORE_TAG_THREAD
        threads = [*(q.head_info[9:11] for q in storing), ss.head_info[in_tag : in_tag + 2]]
        write_thread = [follow(thread, f"write_thread{i}") for i, thread in enumerate(threads)]
        m.d.comb += [
            body.write.eq(write),
            body.line_write.eq(line_write),
            body.line_write_addr.eq(follow(mw.head_addr, "line_write_addr")),
            body.line_write_banks.eq(follow(mw.banks, "line_write_banks")),
            body.line_read.eq(line_read),
            body.line_read_addr.eq(follow(lr_line, "line_read_addr")),
            body.line_read_banks.eq(follow(Mux(fills, fill.banks, mr.banks), "line_read_banks")),
        ]
        m.submodules.planted = planted = PlantedBits()
        m.d.comb += [planted.inject[t].eq(self.inject[t]) for t in range(THREADS)]
        m.d.comb += [planted.thread.eq(threads[_SS_WRITE]), planted.enable.eq(~ss.head_info[8])]
        flip_word, flip_check = follow(planted.word, "flip_word"), follow(planted.check, "flip_check")
        for index in range(SINGLE_WRITES):
            word, check = write_word[index], check_bits(write_word[index])
            if index == _SS_WRITE:
                word, check = word ^ flip_word, check ^ flip_check
            m.d.comb += [
                body.write_addr[index].eq(write_addr[index]),
                body.write_banks[index].eq(write_banks[index]),
                body.write_word[index].eq(word),
                body.write_check[index].eq(check),
            ]
        for offset in range(LINE_WORDS):
            word = follow(mw.head_data[offset], f"line_word{offset}")
            m.d.comb += [body.line_word[offset].eq(word), body.line_check[offset].eq(check_bits(word))]

        # Completions: granted, so every load of a later slot sees the data.
        m.submodules.st_done = st_done = DoneInOrder(STORE_TAG_BITS)
        m.d.comb += [
            st_done.push.eq(st_push),
            st_done.tag.eq(self.st.tag),
            st_done.take.eq(Cat(p.ends for p in partials[:LANES])),
            self.st.done.valid.eq(st_done.done),
            self.st.done.tag.eq(st_done.done_tag),
        ]
        m.d.sync += [
            self.ss.done.valid.eq(partials[_SS_WRITE].ends),
            self.ss.done.tag.eq(ss.head_info[9:]),
            self.mw.done.valid.eq(ahead.mw_take),
            self.mw.done.tag.eq(mw.head_info[LINE_WORDS:]),
        ]

        # --- Step 2: loads, in the slot that runs now ----------------------------------------------------------------
        m.d.comb += [
            loads.busy.eq(ahead.busy),
            loads.sl_valid.eq(sl.valid),
            loads.sl_banks.eq(sl.banks),
            loads.sl_number.eq(sl.number),
            loads.sl_present.eq(sl.present),
            loads.l0_present.eq(Cat(q.present for q in loading["l0"])),
            loads.l1_present.eq(Cat(q.present for q in loading["l1"])),
            loads.l0_valid.eq(l0_valid),
            loads.l1_valid.eq(l1_valid),
            loads.l1_lent.eq(lent[:LANES]),
            loads.sl_lent.eq(lent[_SS_WRITE]),
            Cat(loads.first_sl, loads.first_l0, loads.first_l1).eq(load_turn),
            sl.take.eq(loads.sl_take),
        ]
        readers = [*loading["l0"], *loading["l1"], sl]
        for lane in range(LANES):
            m.d.comb += [
                loads.l0_banks[lane].eq(loading["l0"][lane].banks),
                loads.l1_banks[lane].eq(loading["l1"][lane].banks),
                loads.l0_number[lane].eq(loading["l0"][lane].number),
                loads.l1_number[lane].eq(loading["l1"][lane].number),
                loading["l0"][lane].take.eq(loads.l0_take[lane]),
                loading["l1"][lane].take.eq(loads.l1_take[lane]),
            ]

        # Bit r of these masks: read r of the slot goes to a load / to a partial store on the load's return path.
        for_load = Signal(SINGLE_READS)
        for_store = Signal(SINGLE_READS)
        m.d.comb += [
            for_load.eq(Cat(loads.l0_take, loads.l1_take, loads.sl_take)),
            for_store.eq(lent << LANES),
            body.read.eq((for_load & Cat(q.banks.any() for q in readers)) | for_store),
        ]
        wins = [*(loads.l0_wins[i] for i in range(LANES)), *(loads.l1_wins[i] for i in range(LANES)), loads.sl_wins]
        infos = []  # keep 8, then thread and register, or tag; both begin with the thread
        for index, q in enumerate(readers):
            addr, banks, info = q.head_addr, wins[index], q.head_info
            if index == _SL_READ:
                info = Cat(Const(0xFF, 8), info)
            if index >= LANES:
                lender = index - LANES
                addr = Mux(lent[lender], write_addr[lender], addr)
                banks = banks | Mux(lent[lender], write_banks[lender], 0)
                thread = Mux(lent[lender], write_thread[lender], info[8:10])
                info = Cat(info[:8] | lent[lender].replicate(8), thread, info[10:])
            m.d.comb += [body.read_addr[index].eq(addr), body.read_banks[index].eq(banks)]
            infos.append(info)

        # --- Macro, return, correct ----------------------------------------------------------------------------------
        def delay(value, name: str, stages: tuple[str, ...] = ("macro", "return", "correct"), **kwargs) -> Signal:
            for stage in stages:
                after = Signal(len(value), name=f"{stage}_{name}", **kwargs)
                m.d.sync += after.eq(value)
                value = after
            return value

        loaded = delay(for_load, "for_load")
        stored = delay(for_store, "for_store")
        line_loaded = delay(line_read, "line")
        line_filled = delay(line_for_fill, "line_for_fill", reset_less=True)
        correct_tag = delay(line_tag, "line_tag", reset_less=True)
        correct_info = [delay(info, f"info{i}", reset_less=True) for i, info in enumerate(infos)]
        for index in range(READS):
            m.d.comb += [
                corrector.data[index].eq(body.word[index]),
                corrector.check[index].eq(body.check[index]),
                corrector.keep[index].eq(correct_info[index][:8] if index < SINGLE_READS else 0xFF),
            ]

        # --- Returns (flip-flops after correct) ----------------------------------------------------------------------
        arrived = Signal(READS)
        m.d.comb += arrived.eq(Cat(loaded | stored, line_loaded.replicate(LINE_WORDS)))
        for number, name in enumerate(("l0", "l1")):
            ret = getattr(self, name).ret
            m.d.sync += ret.valid.eq(loaded[number * LANES :][:LANES])
            for lane in range(LANES):
                index = number * LANES + lane
                with m.If(arrived[index]):
                    m.d.sync += [
                        ret.thread[lane].eq(correct_info[index][8:10]),
                        ret.reg[lane].eq(correct_info[index][10:]),
                        ret.data[lane].eq(corrector.word[index]),
                    ]
        m.d.sync += self.sl.ret.valid.eq(loaded[_SL_READ])
        with m.If(arrived[_SL_READ]):
            m.d.sync += [
                self.sl.ret.tag.eq(correct_info[_SL_READ][8:]),
                self.sl.ret.data.eq(corrector.word[_SL_READ]),
            ]
        line = [Signal(64, name=f"line_ret{offset}", reset_less=True) for offset in range(LINE_WORDS)]
        m.d.sync += [
            self.mr.ret.valid.eq(line_loaded & ~line_filled),
            self.fill.ret.valid.eq(line_loaded & line_filled),
        ]
        with m.If(line_loaded):
            m.d.sync += self.mr.ret.tag.eq(correct_tag)
            m.d.sync += [line[offset].eq(corrector.word[SINGLE_READS + offset]) for offset in range(LINE_WORDS)]
        for ret in (self.mr.ret, self.fill.ret):
            m.d.comb += [ret.data.eq(Cat(line)), ret.lost.eq(status.line_lost)]

        # --- Merge and status, one stage after correct ---------------------------------------------------------------
        returned = Signal(SINGLE_READS)
        accessed = delay(body.read, "accessed")
        status_valid = Signal(READS)
        m.d.comb += status.valid.eq(status_valid)
        m.d.sync += [returned.eq(stored), status_valid.eq(Cat(accessed, line_loaded.replicate(LINE_WORDS)))]
        for index in range(READS):
            m.d.comb += [
                status.syndrome[index].eq(follow(corrector.syndrome[index], f"status_syndrome{index}")),
                status.addr[index].eq(follow(body.word_addr[index], f"status_addr{index}")),
            ]
        m.d.comb += status.for_store.eq(returned[LANES:])
        for lane in range(LANES):
            m.d.comb += [
                status.thread[lane].eq(self.l0.ret.thread[lane]),
                status.thread[LANES + lane].eq(self.l1.ret.thread[lane]),
            ]
        m.d.comb += status.thread[_SL_READ].eq(self.sl.ret.tag[:2])
        old_words = [*(self.l1.ret.data[lane] for lane in range(LANES)), self.sl.ret.data]
        for index, partial in enumerate(partials):
            m.d.comb += [
                partial.returned.eq(returned[LANES + index]),
                partial.old_word.eq(old_words[index]),
                partial.lost.eq(status.lost[LANES + index]),
            ]
        wiring.connect(m, wiring.flipped(self.corrected), status.corrected)
        wiring.connect(m, wiring.flipped(self.uncorrectable), status.uncorrectable)

        # --- Conflicts -----------------------------------------------------------------------------------------------
        lost = Signal(32)
        m.d.comb += lost.eq(Cat(
            l0_valid & ~loads.l0_take,
            l1_valid & ~loads.l1_take,
            sl.valid & ~loads.sl_take,
            ahead.valid & ~ahead.take,
            mw.valid & ~ahead.mw_take,
            ahead.lr_valid & ~ahead.lr_take,
        ))
        m.d.sync += self.conflicts.eq(count_ones(m, lost, "lost"))
        return m
