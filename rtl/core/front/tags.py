"""Tags: what an instruction waits for, by the rules of golden/arch/tags.py.

Per thread and name (vector register or accumulator) two tables say which vector-queue position touched it last, and which store position
read it last. A slot looks its main name up, past what older slots of its group leave there.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.encoding import F0, F1, F2, F3
from rtl.core.decoded import FrontRow
from rtl.core.groups import Counted
from rtl.core.interfaces import NAMES, ST_POS_BITS, THREAD_BITS, THREADS, VQ_POS_BITS, StWait, VqWait

NAME_BITS = 6
assert NAMES <= 1 << NAME_BITS

Tagged = wiring.Signature(
    {
        # A slot -> tags: its instruction, the queue that it goes to, the positions that are next when it comes.
        "word": Out(32),
        "row": Out(FrontRow),
        "to_scalar": Out(1),
        "to_vector": Out(1),
        "vq_tail": Out(VQ_POS_BITS),
        "st_tail": Out(ST_POS_BITS),
        # The last toucher of its main name, and the last store that reads it; in the same cycle.
        "vq": In(VqWait),
        "st": In(StWait),
    }
)


class Tags(wiring.Component):
    """The tables.

    Parameters
    ----------
    width : slots.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__({"slot": In(Tagged).array(width), "thread": In(THREAD_BITS), "counted": In(Counted)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.vq_table = vq_table = memory.Memory(shape=VQ_POS_BITS, depth=THREADS << NAME_BITS, init=[])
        m.submodules.st_table = st_table = memory.Memory(shape=ST_POS_BITS, depth=THREADS << NAME_BITS, init=[])
        touches: list[tuple] = []  # (leaves, name, position) of older slots
        stores: list[tuple] = []
        for i, slot in enumerate(self.slot):
            # The main name: what is written, or read by a store.
            name, word, row = Signal(NAME_BITS, name=f"main_{i}"), slot.word, slot.row
            m.d.comb += name.eq(Mux(row.names_c, Cat(word[F0 : F0 + 3], Const(0b100, 3)), Cat(word[F0 : F0 + 5], Const(0, 1))))
            touch = self._last(m, vq_table, touches, name, f"touch_{i}")
            store = self._last(m, st_table, stores, name, f"store_{i}")
            written, counted = row.writes_v | row.names_c, self.counted
            m.d.comb += [
                slot.vq.wait.eq(_since(touch, slot.vq_tail, counted.vq_head) & (written | row.reads_v0)),
                slot.vq.pos.eq(touch),
                slot.st.wait.eq(_since(store, slot.st_tail, counted.st_read) & Mux(row.vector, written, row.writes_v)),
                slot.st.pos.eq(store),
            ]
            fields = ((row.reads_va, F1), (row.reads_vb, F2), (row.reads_vc, F3))
            named = [(written, name), *((reads, Cat(word[lo : lo + 5], Const(0, 1))) for reads, lo in fields)]
            for k, (used, what) in enumerate(named):
                leaves = Signal(name=f"touches_{i}_{k}")
                m.d.comb += leaves.eq(slot.to_vector & used)
                touches.append((leaves, what, slot.vq_tail))
            stores.append((slot.to_scalar & (row.reads_v0 | row.names_c), name, slot.st_tail))
        self._write(m, vq_table, touches)
        self._write(m, st_table, stores)
        return m

    def _last(self, m: Module, table: memory.Memory, older: list[tuple], name: Signal, called: str) -> Signal:
        """The position at a name: of the youngest older slot that leaves one, else of the table."""
        read = table.read_port(domain="comb")
        m.d.comb += read.addr.eq(Cat(name, self.thread))
        last = read.data
        for leaves, other, position in older:
            last = Mux(leaves & (other == name), position, last)
        found = Signal(table.shape, name=called)
        m.d.comb += found.eq(last)
        return found

    def _write(self, m: Module, table: memory.Memory, entries: list[tuple]) -> None:
        """Of several slots that write a name's position, the youngest does."""
        for i, (leaves, name, position) in enumerate(entries):
            port = table.write_port()
            younger = Cat(other & (what == name) for other, what, _ in entries[i + 1 :]).any()
            m.d.comb += [port.addr.eq(Cat(name, self.thread)), port.data.eq(position), port.en.eq(leaves & ~younger)]


def _since(position, tail, reached):
    """Whether a position is given out and not reached: it lies in [reached, tail), modulo a power of two."""
    bits = len(position)
    return (position - reached)[:bits] < (tail - reached)[:bits]
