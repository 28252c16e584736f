"""Decode of one instruction word: what dispatch needs to know of it, one table row per opcode, made from golden.arch.isa.

Rule kept: a word is illegal here exactly when ``golden.arch.isa.lookup`` has no record for it. The row comes from a ROM
indexed by the opcode; only the checks that need more than the opcode are gates.
"""

from amaranth.hdl import Const, Module, unsigned
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, F2, F3, OPCODE_BITS, PRED_BITS, SCALAR_QUEUE_UNITS, VECTOR_QUEUE_UNITS, Insn, Kind
from golden.arch.encoding import Unit as ArchUnit
from rtl.core.layouts import Unit

CHECKED_LO = OPCODE_BITS + PRED_BITS  # bits from here on may be reserved
CHECKED_BITS = 32 - CHECKED_LO


class Flow(enum.Enum, shape=unsigned(5)):
    """What an instruction does to the flow of its thread, beside what the back end does."""

    NONE = 0
    BRANCH = 1
    CALL = 2
    LOOP_IMMEDIATE = 3
    LOGIC = 4  # a predicate from two others
    HALT = 5
    TRAP = 6
    FENCE = 7
    FLUSH = 8
    WAIT = 9
    BARRIER = 10
    START = 11
    JOIN = 12
    RAISE = 13
    JUMP = 16  # from here on a scalar register is needed: it comes back as an Operand
    CALL_REGISTER = 17
    LOOP = 18
    WAIT_REGISTER = 19


FLOWS = {
    "br": Flow.BRANCH,
    "call": Flow.CALL,
    "loopi": Flow.LOOP_IMMEDIATE,
    "pand": Flow.LOGIC,
    "por": Flow.LOGIC,
    "pxor": Flow.LOGIC,
    "pandn": Flow.LOGIC,
    "halt": Flow.HALT,
    "trap": Flow.TRAP,
    "fence": Flow.FENCE,
    "iflush": Flow.FLUSH,
    "wait": Flow.WAIT,
    "barrier": Flow.BARRIER,
    "tstart": Flow.START,
    "tjoin": Flow.JOIN,
    "raise": Flow.RAISE,
    "jr": Flow.JUMP,
    "callr": Flow.CALL_REGISTER,
    "loop": Flow.LOOP,
    "waitr": Flow.WAIT_REGISTER,
}
LOGIC_OPS = ("pand", "por", "pxor", "pandn")
_ALONE = frozenset(Flow) - {Flow.NONE, Flow.BRANCH, Flow.CALL, Flow.LOOP_IMMEDIATE, Flow.LOGIC, Flow.RAISE}


class Attributes(data.Struct):
    """A row of the table."""

    legal: 1
    reserved: CHECKED_BITS  # bits of the word, from CHECKED_LO on, that must be zero
    choice_low: 1  # a choice of three stands in the two bits from f1 on
    choice_high: 1  # ... in the two bits from f1 + 3 on
    distinct: 1  # the registers in f0 and f1 must differ
    unit: Unit
    scalar: 1  # goes to the scalar queue
    vector: 1  # goes to the vector queue
    flow: Flow
    ends: 1  # nothing younger leaves in the same cycle
    alone: 1  # leaves only as the first of a cycle
    asks: 1  # needs a scalar register's value here
    logic: 2  # index into LOGIC_OPS
    accumulator: 1  # f0 names an accumulator, else a vector register
    touch_d: 1  # vector queue: the register in f0, f1, f2, f3 is read or written
    touch_a: 1
    touch_b: 1
    touch_c: 1
    vload: 1
    reads_f0: 1  # a store reads the register in f0
    store: 1  # takes a store position
    writes_p: 1  # the back end computes the predicate in f0


def attributes_of(insn: Insn) -> dict[str, object]:
    """The row of one instruction, as initial values of an Attributes.

    Raises ValueError when a choice stands where the decoder does not look.
    """
    unit, flow = insn.unit, FLOWS.get(insn.mnemonic, Flow.NONE)
    choices = {operand.lo for operand in insn.operands if operand.kind is Kind.CHOICE}
    for operand in insn.operands:
        if operand.kind is Kind.CHOICE and (operand.lo not in (F1, F1 + 3) or operand.width != 2 or len(operand.choices) != 3):
            raise ValueError(f"{insn.mnemonic}: the choice at bit {operand.lo} is not one of three in two bits at {F1} or {F1 + 3}")
    named = {operand.lo for operand in insn.operands if operand.kind in (Kind.V, Kind.C)}
    queued = unit in VECTOR_QUEUE_UNITS
    predicate = any(operand.kind is Kind.P and operand.writes for operand in insn.operands)
    return {
        "legal": 1,
        "reserved": insn.reserved_mask >> CHECKED_LO,
        "choice_low": int(F1 in choices),
        "choice_high": int(F1 + 3 in choices),
        "distinct": int(bool(insn.attrs.get("post")) and unit is ArchUnit.SLOAD),
        "unit": Unit(unit.value),
        "scalar": int(unit in SCALAR_QUEUE_UNITS),
        "vector": int(queued),
        "flow": flow,
        "ends": int(flow is not Flow.NONE),
        "alone": int(flow in _ALONE),
        "asks": int(flow.value >= Flow.JUMP.value),
        "logic": LOGIC_OPS.index(insn.mnemonic) if flow is Flow.LOGIC else 0,
        "accumulator": int(any(operand.kind is Kind.C and operand.lo == F0 for operand in insn.operands)),
        "touch_d": int(queued and F0 in named),
        "touch_a": int(queued and F1 in named),
        "touch_b": int(queued and F2 in named),
        "touch_c": int(queued and F3 in named),
        "vload": int(unit is ArchUnit.VLOAD),
        "reads_f0": int(unit in (ArchUnit.VSTORE, ArchUnit.DRAIN)),
        "store": int(unit in (ArchUnit.VSTORE, ArchUnit.DRAIN, ArchUnit.SSTORE, ArchUnit.SYNC)),
        "writes_p": int(predicate and flow is not Flow.LOGIC),
    }


class Decode(wiring.Component):
    """Decodes one word; combinational.

    Parameters
    ----------
    features: of the machine; an instruction of another feature is illegal.
    """

    def __init__(self, features: frozenset[str]) -> None:
        self._features = features
        super().__init__({
            "word": In(32),
            # What the word is; with illegal set it means nothing.
            "attributes": Out(Attributes),
            "illegal": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows: list[dict[str, object]] = [{} for _ in range(1 << OPCODE_BITS)]
        for insn in isa.TABLE:
            if insn.feature in self._features:
                rows[insn.opcode] = attributes_of(insn)
        m.submodules.table = table = memory.Memory(shape=Attributes, depth=len(rows), init=rows)
        read = table.read_port(domain="comb")
        word, a = self.word, read.data
        none = Const(3, 2)
        m.d.comb += [
            read.addr.eq(word[:OPCODE_BITS]),
            self.attributes.eq(a),
            self.illegal.eq(
                ~a.legal
                | (word[CHECKED_LO:] & a.reserved).any()
                | (a.choice_low & (word[F1 : F1 + 2] == none))
                | (a.choice_high & (word[F1 + 3 : F1 + 5] == none))
                | (a.distinct & (word[F0:F1] == word[F1:F2]))
            ),
        ]
        return m
