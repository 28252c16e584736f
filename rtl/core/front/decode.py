"""The one decoder: the rows of the words that may leave in a cycle, from a table by opcode (rtl/core/decoded.py).

An instruction is legal exactly when ``isa.lookup`` finds it and its unit implements it: its row says which bits must be zero, where a named
choice has a code too many, and where two registers must differ.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, OPCODE_BITS
from rtl.core.decoded import FIELDS, FIELDS_LO, Names, Row, row


class Decoder(wiring.Component):
    """Rows for several words at once; combinational.

    Parameters
    ----------
    width : words per cycle.
    features : of the configuration; instructions of other features are illegal.
    """

    def __init__(self, width: int, features: frozenset[str]) -> None:
        self.width, self.features = width, features
        super().__init__(
            {
                "word": In(32).array(width),
                # The row of each word, in the same cycle; ``front.legal`` counts in the bits that are checked.
                "row": Out(Row).array(width),
                # What it names, of a scalar instruction.
                "names": Out(Names).array(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = [row(isa.BY_OPCODE.get(opcode), self.features) for opcode in range(1 << OPCODE_BITS)]
        m.submodules.table = table = memory.Memory(shape=Row, depth=len(rows), init=rows)
        for i in range(self.width):
            word, found, port = self.word[i], Signal(Row, name=f"row{i}"), table.read_port(domain="comb")
            m.d.comb += [port.addr.eq(word[:OPCODE_BITS]), found.eq(port.data)]
            front = found.front
            legal = front.legal & ~(word[FIELDS_LO:] & front.reserved).any()
            legal &= ~(front.choice_f1 & word[F1 + 3 : F1 + 5].all()) & ~(front.choice_d & word[F1 : F1 + 2].all())
            legal &= ~(front.differ & (word[F0 : F0 + 5] == word[F1 : F1 + 5]))
            m.d.comb += [self.row[i].eq(found), self.row[i].front.legal.eq(legal)]
            self._name(m, word, found.names, self.names[i])
        return m

    def _name(self, m: Module, word: Signal, where: data.View, names: data.View) -> None:
        """Registers and descriptor of a word."""
        for index, field in ((names.a, where.field_a), (names.b, where.field_b)):
            for lo, value in FIELDS.items():
                with m.If(field == value):
                    m.d.comb += index.eq(word[lo : lo + 5])
        # The choices of a memory instruction begin with "stay", those of dstep without it: dstep's are one less.
        step = Mux(where.step_f1, word[F1 : F1 + 2] + 1, Mux(where.step_f1_3, word[F1 + 3 : F1 + 5], 0))[:2]
        m.d.comb += [
            names.d.eq(Mux(where.d_f0, word[F0 : F0 + 3], word[F1 : F1 + 3])),
            Cat(names.step).eq(step),
            names.changes_d.eq(where.set | (step != 0)),
        ]
