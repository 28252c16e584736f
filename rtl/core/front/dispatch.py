"""Dispatch: up to ``dispatch_width`` instructions of one thread, slot by slot, with the tags that say what each waits for.

A slot is open while every older one went, nothing in it must wait in decode (an unknown predicate, a second load of one register), it
lies in the window and before a breakpoint, and no older one ends the group (a control instruction, a loop's last). Control
instructions stand alone. Positions and parities as rtl/core/interfaces.py explains them; combinational but for the tables of positions.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2, F3, PRED_LO
from golden.arch.trace import SEQ_BITS
from rtl.core.front.decode import Control, Decoder
from rtl.core.front.fetch import WINDOW_WORDS
from rtl.core.interfaces import NAMES, PC_BITS, ST_POS_BITS, THREAD_BITS, THREADS, VQ_POS_BITS, ScalarPush, VectorPush

WAITING = (
    Control.WAIT,
    Control.WAITR,
    Control.BARRIER,
    Control.FENCE,
    Control.IFLUSH,
    Control.HALT,
    Control.TSTART,
    Control.TJOIN,
    Control.TRAP,
)
"""Control instructions that retire when they are over."""


class Context(data.Struct):
    """What dispatch must know of a thread."""

    pc: PC_BITS
    seq: SEQ_BITS
    # Predicates, and those whose value is on its way.
    true: 8
    pending: 8
    # Positions given out and reached; parities of loads dispatched and complete.
    vq_tail: VQ_POS_BITS
    st_tail: ST_POS_BITS
    vq_head: VQ_POS_BITS
    st_read: ST_POS_BITS
    parity: isa.VECTOR_REGISTERS
    loaded: isa.VECTOR_REGISTERS
    # The innermost loop's last instruction.
    looping: 1
    last: PC_BITS
    # The debugger: one instruction only, ``word`` instead of the window's, a breakpoint.
    single: 1
    inject: 1
    word: 32
    break_on: 1
    break_pc: PC_BITS


class Group(data.Struct):
    """What left decode in a cycle, as its thread sees it."""

    valid: 1
    # The first slot's instruction left; how many did; whether it retires only when it is over.
    first: 1
    count: 4
    waits: 1
    # A control instruction in the first slot, its word, where it leads, what a predicate operation gives.
    control: Control
    word: 32
    target: PC_BITS
    logic: 1
    # The first slot's word is no instruction; of those: pc is outside SRAM, the word cannot be corrected.
    illegal: 1
    outside: 1
    lost: 1
    # The thread's state after the group.
    parity: isa.VECTOR_REGISTERS
    pending: 8
    vq_tail: VQ_POS_BITS
    st_tail: ST_POS_BITS


class Dispatch(wiring.Component):
    """The group of one cycle.

    Parameters
    ----------
    config : width, features, size of SRAM.
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        width = config.dispatch_width
        super().__init__(
            {
                # A thread was chosen, its state, and the window of its pc.
                "some": In(1),
                "thread": In(THREAD_BITS),
                "context": In(Context),
                "window": In(data.ArrayLayout(32, WINDOW_WORDS)),
                # Its pairs of instructions whose word cannot be corrected.
                "window_lost": In(WINDOW_WORDS // 2),
                # What goes to the queues, oldest first.
                "scalar_out": Out(data.ArrayLayout(ScalarPush, width)),
                "vector_out": Out(data.ArrayLayout(VectorPush, width)),
                # Per slot: its word, whether it leaves decode, whether its predicate is true as well.
                "words": Out(data.ArrayLayout(32, width)),
                "go": Out(width),
                "on": Out(width),
                # What the thread must know.
                "group": Out(Group),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width = self.config.dispatch_width
        m.submodules.vq_table = vq_table = memory.Memory(shape=VQ_POS_BITS, depth=THREADS * 64, init=[])
        m.submodules.st_table = st_table = memory.Memory(shape=ST_POS_BITS, depth=THREADS * 64, init=[])
        assert NAMES <= 64
        context, group = self.context, self.group
        words = self.words
        go, on = self.go, self.on
        m.submodules.decoder = decoder = Decoder(width, self.config.features)
        rows = decoder.row
        open_, pend, par = self.some, Signal(8, name="pend_0"), context.parity
        vq_pos, st_pos = context.vq_tail, context.st_tail
        m.d.comb += pend.eq(context.pending)
        touched: list = []  # (valid, name, position) of older slots
        stored: list = []
        control, illegal, outside = group.control, group.illegal, group.outside
        writes: list = []  # (port, valid, name) of the table of vector positions, oldest first
        store_writes: list = []
        for i in range(width):
            word, row = words[i], rows[i]
            lane = (context.pc[:3] + i)[:4]
            if i == 0:
                m.d.comb += word.eq(Mux(context.inject, context.word, Array(self.window[w] for w in range(WINDOW_WORDS))[context.pc[:3]]))
                here = Const(1)
                m.d.comb += outside.eq(self.some & ~context.inject & (context.pc >= self.config.sram_bytes // 4))
            else:
                m.d.comb += word.eq(Array(self.window[w] for w in range(WINDOW_WORDS))[lane[:3]])
                here = ~lane[3] & ~context.single & ~(context.break_on & (context.break_pc == (context.pc + i)[:PC_BITS]))
            m.d.comb += decoder.word[i].eq(word)
            p = word[PRED_LO : PRED_LO + 3]
            bit = Signal(8, name=f"pd_bit{i}")
            m.d.comb += bit.eq(Mux(row.writes_p, 1 << word[F0 : F0 + 3], 0) & 0xFE)
            logic_waits = (row.control == Control.LOGIC) & (
                pend.bit_select(word[F1 : F1 + 3], 1) | pend.bit_select(word[F2 : F2 + 3], 1) | pend.bit_select(word[F0 : F0 + 3], 1)
            )
            unknown = pend.bit_select(p, 1)
            holds = context.true.bit_select(p, 1)
            lost = Signal(name=f"lost{i}")
            m.d.comb += lost.eq(self.window_lost.bit_select(lane[1:3], 1) & ~(context.inject if i == 0 else 0))
            clean = row.legal & ~outside & ~lost
            # One load of a register may be under way: a second would give its parity back to those who wait for it.
            again = holds & row.scalar & row.writes_v & (par ^ context.loaded).bit_select(word[F0 : F0 + 5], 1)
            stops = unknown | again | (holds & ((pend & bit).any() | logic_waits))
            is_control = holds & (row.control != Control.PLAIN)
            if i == 0:
                m.d.comb += [go[0].eq(open_ & clean & ~stops), illegal.eq(open_ & ~clean), group.lost.eq(lost & ~outside)]
                m.d.comb += control.eq(Mux(go[0] & is_control, row.control, Control.PLAIN))
                open_next = go[0] & ~is_control
            else:
                m.d.comb += go[i].eq(open_ & here & clean & ~stops & ~is_control)
                open_next = go[i]
            m.d.comb += on[i].eq(go[i] & holds)
            ends = context.looping & (context.last == (context.pc + i)[:PC_BITS])
            open_ = open_next & ~ends
            to_scalar, to_vector = on[i] & row.scalar, on[i] & row.vector

            # Tags. The main name: what is written, or read by a store.
            name = Signal(6, name=f"main{i}")
            m.d.comb += name.eq(Mux(row.names_c, Cat(word[F0 : F0 + 3], Const(0b100, 3)), Cat(word[F0 : F0 + 5], Const(0, 1))))
            vq_read, st_read_port = vq_table.read_port(domain="comb"), st_table.read_port(domain="comb")
            m.d.comb += [vq_read.addr.eq(Cat(name, self.thread)), st_read_port.addr.eq(Cat(name, self.thread))]
            last_touch, last_store = vq_read.data, st_read_port.data
            for valid, other, position in touched:
                last_touch = Mux(valid & (other == name), position, last_touch)
            for valid, other, position in stored:
                last_store = Mux(valid & (other == name), position, last_store)
            touch, store = Signal(VQ_POS_BITS, name=f"touch{i}"), Signal(ST_POS_BITS, name=f"store{i}")
            m.d.comb += [touch.eq(last_touch), store.eq(last_store)]
            vq_wait = (touch - context.vq_head)[:VQ_POS_BITS] < (vq_pos - context.vq_head)[:VQ_POS_BITS]
            st_wait = (store - context.st_read)[:ST_POS_BITS] < (st_pos - context.st_read)[:ST_POS_BITS]
            scalar, vector = self.scalar_out[i], self.vector_out[i]
            number = (context.seq + i)[:SEQ_BITS]
            m.d.comb += [
                scalar.valid.eq(to_scalar),
                scalar.entry.seq.eq(number),
                scalar.entry.pc.eq((context.pc + i)[:PC_BITS]),
                scalar.entry.word.eq(word),
                scalar.entry.unit.eq(row.unit),
                scalar.entry.vq.wait.eq(vq_wait & (row.writes_v | row.reads_v0 | row.names_c)),
                scalar.entry.vq.pos.eq(touch),
                scalar.entry.st.wait.eq(st_wait & row.writes_v),
                scalar.entry.st.pos.eq(store),
                scalar.entry.parity.eq(par.bit_select(word[F0 : F0 + 5], 1)),
                scalar.entry.vq_mark.eq(vq_pos),
                vector.valid.eq(to_vector),
                vector.entry.seq.eq(number),
                vector.entry.word.eq(word),
                vector.entry.unit.eq(row.unit),
                vector.entry.parity_a.eq(par.bit_select(word[F1 : F1 + 5], 1)),
                vector.entry.parity_b.eq(par.bit_select(word[F2 : F2 + 5], 1)),
                vector.entry.parity_c.eq(par.bit_select(word[F3 : F3 + 5], 1)),
                vector.entry.parity_d.eq(par.bit_select(word[F0 : F0 + 5], 1)),
                vector.entry.st.wait.eq(st_wait & (row.writes_v | row.names_c)),
                vector.entry.st.pos.eq(store),
                vector.entry.st_mark.eq(st_pos),
            ]
            # What this slot leaves for younger ones, and in the tables.
            names = [(row.writes_v | row.names_c, name)] + [
                (reads, Cat(word[lo : lo + 5], Const(0, 1))) for reads, lo in ((row.reads_va, F1), (row.reads_vb, F2), (row.reads_vc, F3))
            ]
            for k, (used, what) in enumerate(names):
                valid = Signal(name=f"touches{i}_{k}")
                m.d.comb += valid.eq(to_vector & used)
                port = vq_table.write_port()
                m.d.comb += [port.addr.eq(Cat(what, self.thread)), port.data.eq(vq_pos)]
                touched.append((valid, what, vq_pos))
                writes.append((port, valid, what))
            reads_name = to_scalar & (row.reads_v0 | row.names_c)
            port = st_table.write_port()
            m.d.comb += [port.addr.eq(Cat(name, self.thread)), port.data.eq(st_pos)]
            stored.append((reads_name, name, st_pos))
            store_writes.append((port, reads_name, name))
            loads = to_scalar & row.writes_v
            next_par, next_pend = Signal(isa.VECTOR_REGISTERS, name=f"par{i + 1}"), Signal(8, name=f"pend_{i + 1}")
            next_vq, next_st = Signal(VQ_POS_BITS, name=f"vq{i + 1}"), Signal(ST_POS_BITS, name=f"st{i + 1}")
            m.d.comb += [
                next_par.eq(par ^ Mux(loads, 1 << word[F0 : F0 + 5], 0)),
                next_pend.eq(pend | Mux(on[i], bit, 0)),
                next_vq.eq(vq_pos + to_vector),
                next_st.eq(st_pos + (to_scalar & row.store)),
            ]
            par, pend, vq_pos, st_pos = next_par, next_pend, next_vq, next_st

        # Of several slots that write a name's position, the youngest does.
        for table in (writes, store_writes):
            for i, (port, valid, name) in enumerate(table):
                younger = Cat(other & (what == name) for _, other, what in table[i + 1 :]).any()
                m.d.comb += port.en.eq(valid & ~younger)
        m.d.comb += [
            group.valid.eq(self.some),
            group.first.eq(go[0]),
            group.count.eq(sum(go[i] for i in range(width))),
            group.word.eq(words[0]),
            group.parity.eq(par),
            group.pending.eq(pend),
            group.vq_tail.eq(vq_pos),
            group.st_tail.eq(st_pos),
        ]
        self._control(m)
        return m

    def _control(self, m: Module) -> None:
        """What a control instruction in the first slot does."""
        control, word, pc, true = self.group.control, self.words[0], self.context.pc, self.context.true
        a, b = true.bit_select(word[F1 : F1 + 3], 1), true.bit_select(word[F2 : F2 + 3], 1)
        m.d.comb += [
            self.group.waits.eq(Cat(control == kind for kind in WAITING).any()),
            self.group.logic.eq(Array([a & b, a | b, a ^ b, a & ~b])[word[:2]]),
        ]
        with m.Switch(control):
            with m.Case(Control.CALL):
                m.d.comb += self.group.target.eq(pc + word[F1:].as_signed())
            with m.Case(Control.LOOPI):
                m.d.comb += self.group.target.eq(pc + word[F0 : F0 + 10].as_signed())
            with m.Default():
                m.d.comb += self.group.target.eq(pc + word[F0:].as_signed())
