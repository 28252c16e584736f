"""The one decoder: the rows of the words that may leave in a cycle, from a table by opcode (rtl/core/decoded.py).

An instruction is legal exactly when ``isa.lookup`` finds it and its unit implements it: its row says which bits must be zero, where a named
choice has a code too many, and where two registers must differ.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, OPCODE_BITS
from rtl.core.decoded import FIELDS_LO, Row, row


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
        return m
