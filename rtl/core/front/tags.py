"""Tags: what an instruction waits for, by the rules of golden/arch/tags.py.

Each thread has two tables by name (vector register or accumulator): which vector-queue position touched it last, and which store position
read it last. A slot looks its main name up, past what older slots of its group leave there; groups of a cycle are of different threads, so
no table has more ports than a group needs.
"""

from dataclasses import dataclass
from itertools import combinations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.config import NodeConfig
from golden.arch.encoding import F0, F1, F2, F3
from rtl.common.invariant import always
from rtl.common.select import by_number
from rtl.core.decoded import FrontRow
from rtl.core.front.parts import Chosen
from rtl.core.interfaces import NAMES, ST_POS_BITS, THREADS, VQ_POS_BITS, StWait, VqWait

NAME_BITS = 6
assert NAMES <= 1 << NAME_BITS
TOUCHES = 4
"""Names that an instruction touches: what it writes, and three sources."""

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


def left(bits: int) -> data.StructLayout:
    """A position of so many bits that an instruction leaves at a name, when ``valid``."""
    return data.StructLayout({"valid": 1, "name": NAME_BITS, "position": bits})


Touch, Store = left(VQ_POS_BITS), left(ST_POS_BITS)


class TagTables(wiring.Component):
    """The tables of a thread; reads are combinational.

    Parameters
    ----------
    width : slots of a group.
    """

    def __init__(self, width: int) -> None:
        super().__init__(
            {
                # The main name of each slot, and what the tables have there.
                "name": In(NAME_BITS).array(width),
                "touched": Out(VQ_POS_BITS).array(width),
                "read": Out(ST_POS_BITS).array(width),
                # What the group leaves: of equal names one is valid.
                "touch": In(Touch).array(TOUCHES * width),
                "store": In(Store).array(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for called, bits, found, changes in (("vq", VQ_POS_BITS, self.touched, self.touch), ("st", ST_POS_BITS, self.read, self.store)):
            m.submodules[called] = table = memory.Memory(shape=bits, depth=1 << NAME_BITS, init=[])
            for name, value in zip(self.name, found, strict=True):
                read = table.read_port(domain="comb")
                m.d.comb += [read.addr.eq(name), value.eq(read.data)]
            for one, other in combinations(changes, 2):
                same = one.valid & other.valid & (one.name == other.name)
                always(m, ~same, f"two instructions of a group leave a {called} position at one name")
            for change in changes:
                write = table.write_port()
                m.d.comb += [write.addr.eq(change.name), write.data.eq(change.position), write.en.eq(change.valid)]
        return m


@dataclass(frozen=True)
class Leaves:
    """What a group leaves in a table, oldest first: (leaves it, name, position)."""

    touches: list[tuple]
    stores: list[tuple]


class Tags(wiring.Component):
    """The tables of all threads, and what slots of a group leave for each other.

    Parameters
    ----------
    config : groups of a cycle, and their slots.
    """

    def __init__(self, config: NodeConfig) -> None:
        self._width = config.dispatch_width
        groups = config.dispatch_threads
        # The threads that dispatch, and the slots of each one's group.
        super().__init__({"chosen": In(Chosen).array(groups), "slot": In(Tagged).array(groups, config.dispatch_width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tables = [TagTables(self._width) for _ in range(THREADS)]
        for t, table in enumerate(tables):
            m.submodules[f"thread_{t}"] = table
        for k, (chosen, slots) in enumerate(zip(self.chosen, self.slot, strict=True)):
            names = [self._name(m, slot, f"name_{k}_{i}") for i, slot in enumerate(slots)]
            leaves = Leaves([], [])
            for i, slot in enumerate(slots):
                at = [by_number(m, chosen.thread, [table.touched[i] for table in tables], f"touched_{k}_{i}")]
                at.append(by_number(m, chosen.thread, [table.read[i] for table in tables], f"read_{k}_{i}"))
                self._tag(m, chosen.context.counted, slot, names[i], at, leaves)
                self._leave(m, slot, names[i], f"{k}_{i}", leaves)
            touches, stores = _youngest(leaves.touches), _youngest(leaves.stores)
            for t, table in enumerate(tables):
                with m.If(chosen.some & (chosen.thread == t)):
                    m.d.comb += [port.eq(name) for port, name in zip(table.name, names, strict=True)]
                    m.d.comb += [port.eq(each) for port, each in zip((*table.touch, *table.store), touches + stores, strict=True)]
        return m

    def _name(self, m: Module, slot: wiring.PureInterface, called: str) -> Signal:
        """The main name: what is written, or read by a store."""
        name, word = Signal(NAME_BITS, name=called), slot.word
        m.d.comb += name.eq(Mux(slot.row.names_c, Cat(word[F0 : F0 + 3], Const(0b100, 3)), Cat(word[F0 : F0 + 5], Const(0, 1))))
        return name

    def _tag(self, m: Module, counted: data.View, slot: wiring.PureInterface, name: Signal, at: list, older: Leaves) -> None:
        """The slot's tags: by the youngest older slot that leaves its main name, else by the tables."""
        row, (touched, read) = slot.row, at
        written = row.writes_v | row.names_c
        for leaves, other, position in older.touches:
            touched = Mux(leaves & (other == name), position, touched)
        for leaves, other, position in older.stores:
            read = Mux(leaves & (other == name), position, read)
        m.d.comb += [slot.vq.pos.eq(touched), slot.st.pos.eq(read)]
        m.d.comb += [
            slot.vq.wait.eq(_since(slot.vq.pos, slot.vq_tail, counted.vq_head) & (written | row.reads_v0)),
            slot.st.wait.eq(_since(slot.st.pos, slot.st_tail, counted.st_read) & Mux(row.vector, written, row.writes_v)),
        ]

    def _leave(self, m: Module, slot: wiring.PureInterface, name: Signal, called: str, leaves: Leaves) -> None:
        word, row = slot.word, slot.row
        fields = ((row.reads_va, F1), (row.reads_vb, F2), (row.reads_vc, F3))
        named = [(row.writes_v | row.names_c, name), *((reads, Cat(word[lo : lo + 5], Const(0, 1))) for reads, lo in fields)]
        for k, (used, what) in enumerate(named):
            touches = Signal(name=f"touches_{called}_{k}")
            m.d.comb += touches.eq(slot.to_vector & used)
            leaves.touches.append((touches, what, slot.vq_tail))
        leaves.stores.append((slot.to_scalar & (row.reads_v0 | row.names_c), name, slot.st_tail))


def _youngest(entries: list[tuple]) -> list:
    """Of several that leave a position at one name, the youngest is valid."""
    found = []
    for i, (leaves, name, position) in enumerate(entries):
        younger = Cat(other & (what == name) for other, what, _ in entries[i + 1 :]).any()
        found.append(Cat(leaves & ~younger, name, position))
    return found


def _since(position, tail, reached):
    """Whether a position is given out and not reached: it lies in [reached, tail), modulo a power of two."""
    bits = len(position)
    return (position - reached)[:bits] < (tail - reached)[:bits]
