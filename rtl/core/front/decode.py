"""What dispatch needs to know of an instruction: one table row per opcode, made from golden.arch.isa.

An instruction is legal exactly when ``isa.lookup`` finds it: its row says which bits must be zero, where a named choice has a code too
many, and where two registers must differ.
"""

from amaranth.hdl import Signal, unsigned
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, F2, F3, OPCODE_BITS, PRED_BITS, PRED_LO, SCALAR_QUEUE_UNITS, VECTOR_QUEUE_UNITS, Kind
from golden.arch.encoding import Unit as ArchUnit
from rtl.core.interfaces import Unit

FIELDS_LO = PRED_LO + PRED_BITS


class Control(enum.Enum, shape=unsigned(5)):
    """Instructions that change the thread's own course; PLAIN ones only go to a queue."""

    PLAIN = 0
    BR = 1
    CALL = 2
    JUMP = 3  # jr, callr
    LOOP = 4
    LOOPI = 5
    HALT = 6
    TRAP = 7
    FENCE = 8
    IFLUSH = 9
    WAIT = 10
    WAITR = 11
    BARRIER = 12
    TSTART = 13
    TJOIN = 14
    LOGIC = 15  # predicate logic


class Hold(enum.Enum, shape=unsigned(4)):
    """Why a thread dispatches nothing."""

    NONE = 0
    JUMP = 1  # a register's value: where to go
    LOOP = 2  # how often
    AMOUNT = 3  # how much to take from a semaphore
    SEMAPHORE = 4
    BARRIER = 5
    JOIN = 6
    DRAIN = 7  # everything begun is done; then `then`
    DEAD = 8  # a fault: the same, then FAULTED


_CONTROL = {
    "br": Control.BR,
    "call": Control.CALL,
    "jr": Control.JUMP,
    "callr": Control.JUMP,
    "loop": Control.LOOP,
    "loopi": Control.LOOPI,
    "halt": Control.HALT,
    "trap": Control.TRAP,
    "fence": Control.FENCE,
    "iflush": Control.IFLUSH,
    "wait": Control.WAIT,
    "waitr": Control.WAITR,
    "barrier": Control.BARRIER,
    "tstart": Control.TSTART,
    "tjoin": Control.TJOIN,
    "pand": Control.LOGIC,
    "por": Control.LOGIC,
    "pxor": Control.LOGIC,
    "pandn": Control.LOGIC,
}

Row = data.StructLayout(
    {
        "legal": 1,
        "reserved": 32 - FIELDS_LO,  # bits from FIELDS_LO on that must be zero
        "choice_f1": 1,  # a choice of three stands at F1 + 3
        "choice_d": 1,  # a choice of three stands at F1
        "differ": 1,  # F0 and F1 must differ
        "unit": Unit,
        "scalar": 1,  # goes to the scalar queue
        "vector": 1,  # goes to the vector queue
        "control": Control,
        "writes_p": 1,  # the predicate in F0 is written by the back end
        "reads_va": 1,  # vector registers in F1, F2, F3
        "reads_vb": 1,
        "reads_vc": 1,
        "writes_v": 1,  # the vector register in F0
        "reads_v0": 1,  # the vector register in F0 (stores)
        "names_c": 1,  # the accumulator in F0
        "store": 1,  # enters the store queue
    }
)


def _row(opcode: int, features: frozenset[str]) -> dict:
    insn = isa.BY_OPCODE.get(opcode)
    if insn is None or insn.feature not in features:
        return {"control": Control.PLAIN, "unit": Unit.FRONT}
    operands = {op.name: op for op in insn.operands}
    vectors = {op.lo: op for op in insn.operands if op.kind is Kind.V}
    choices = {op.lo: op for op in insn.operands if op.kind is Kind.CHOICE}
    assert set(choices) <= {F1, F1 + 3} and all(len(op.choices) == 3 for op in choices.values())
    back = insn.unit in SCALAR_QUEUE_UNITS | VECTOR_QUEUE_UNITS
    return {
        "legal": 1,
        "reserved": insn.reserved_mask >> FIELDS_LO,
        "choice_f1": int(F1 + 3 in choices),
        "choice_d": int(F1 in choices),
        "differ": int(insn.unit is ArchUnit.SLOAD and bool(insn.attrs.get("post"))),
        "unit": Unit(insn.unit.value),
        "scalar": int(insn.unit in SCALAR_QUEUE_UNITS),
        "vector": int(insn.unit in VECTOR_QUEUE_UNITS),
        "control": _CONTROL.get(insn.mnemonic, Control.PLAIN),
        "writes_p": int("pd" in operands and back),
        "reads_va": int(F1 in vectors),
        "reads_vb": int(F2 in vectors),
        "reads_vc": int(F3 in vectors),
        "writes_v": int(F0 in vectors and vectors[F0].writes),
        "reads_v0": int(F0 in vectors and not vectors[F0].writes),
        "names_c": int("c" in operands),
        "store": int(insn.unit in (ArchUnit.VSTORE, ArchUnit.DRAIN, ArchUnit.SSTORE, ArchUnit.SYNC)),
    }


class Decoder(wiring.Component):
    """Rows for several words at once.

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
                # The row of each word, in the same cycle; ``legal`` counts in the bits that are checked.
                "row": Out(Row).array(width),
            }
        )

    def elaborate(self, platform):
        from amaranth.hdl import Module

        m = Module()
        rows = [_row(opcode, self.features) for opcode in range(1 << OPCODE_BITS)]
        m.submodules.table = table = memory.Memory(shape=Row, depth=len(rows), init=rows)
        for i in range(self.width):
            word, row, port = self.word[i], Signal(Row, name=f"row{i}"), table.read_port(domain="comb")
            m.d.comb += [port.addr.eq(word[:OPCODE_BITS]), row.eq(port.data)]
            legal = row.legal & ~(word[FIELDS_LO:] & row.reserved).any()
            legal &= ~(row.choice_f1 & word[F1 + 3 : F1 + 5].all()) & ~(row.choice_d & word[F1 : F1 + 2].all())
            legal &= ~(row.differ & (word[F0 : F0 + 5] == word[F1 : F1 + 5]))
            m.d.comb += [self.row[i].eq(row), self.row[i].legal.eq(legal)]
        return m
