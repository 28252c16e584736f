"""What scalar issue and the execute stage need to know of an instruction: one table row per opcode, made from golden.arch.isa.

Rule kept: no opcode is named here or further down; every row follows from an instruction's unit, operands and attributes,
and from its mnemonic where those are equal (which arithmetic operation).
"""

from amaranth.hdl import Cat, Module, Mux, Value, unsigned
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.arch import isa
from golden.arch.encoding import F0, F1, F2, OPCODE_BITS, Insn, Kind, Unit
from golden.arch.trace import SEQ_BITS
from rtl.core.interfaces import PC_BITS, VQ_POS_BITS, ScalarEntry, StWait, VqWait


class AluOp(enum.Enum, shape=unsigned(4)):
    """What the arithmetic unit makes of its operands a and b."""

    ADD = 0
    SUB = 1
    AND = 2
    OR = 3
    XOR = 4
    SLL = 5
    SRL = 6
    SRA = 7
    SLT = 8
    SLTU = 9
    MIN = 10
    MAX = 11
    LIH = 12  # a << 15 | low 15 bits of b
    NEXT = 13  # the byte address of the next instruction
    LPC = 14  # pc + 4 * b


class Compare(enum.Enum, shape=unsigned(2)):
    """What a predicate is; inverted when the table says so."""

    EQ = 0
    LT = 1
    LTU = 2


class Step(enum.Enum, shape=unsigned(2)):
    """What happens to the descriptor."""

    STAY = 0
    INNER = 1
    OUTER = 2
    RESTART = 3


class Field(enum.Enum, shape=unsigned(2)):
    """Which 5-bit field of the word names a register."""

    NONE = 0  # x0
    F0 = 1
    F1 = 2
    F2 = 3


class Control(data.Struct):
    """A row of the table."""

    alu: AluOp
    compare: Compare
    invert: 1  # of the comparison
    field_a: Field  # register of operand a
    field_b: Field  # register of operand b, and the data of a scalar store
    reads_a: 1  # operand a must not be pending
    reads_b: 1
    b_imm: 1  # operand b of the arithmetic unit is the immediate
    imm15: 1  # of 15 bits from f1 on; else 10 bits from f2 on; always sign-extended
    writes_rd: 1  # the register in f0 is written: by the arithmetic unit unless sload or slow
    writes_ra: 1  # post-increment: the register in f1 is written by the arithmetic unit
    writes_p: 1  # the predicate in f0 is written
    slow: 1  # mul, csrr: the result comes some cycles later
    csr: 1  # csrr, csrw
    operand: 1  # the front end waits for operand a
    sload: 1
    sstore: 1
    vload: 1
    vstore: 1
    drain: 1
    sync: 1
    setd: 1
    getd: 1
    dstep: 1
    store: 1  # enters the store queue
    uses_d: 1
    d_f0: 1  # the descriptor is in f0; else in f1
    size: 2  # log2 of the bytes of a scalar access
    signed: 1
    post: 1  # the address is operand a alone
    pieces: 2  # log2 of the pieces of a gather
    drain_format: 2  # of a drain: 0 FP32, 1 BF16, 2 RAW


_FIELDS = {F0: Field.F0, F1: Field.F1, F2: Field.F2}
_IMMEDIATE_OF = {f"{name}i": name for name in ("add", "and", "or", "xor", "sll", "srl", "sra", "slt")} | {"sltiu": "sltu"}
_ALU_NAMES = {
    "call": AluOp.NEXT,
    "callr": AluOp.NEXT,
    "lpc": AluOp.LPC,
    "lih": AluOp.LIH,
}
_COMPARES = {
    "eq": (Compare.EQ, 0),
    "ne": (Compare.EQ, 1),
    "lt": (Compare.LT, 0),
    "ge": (Compare.LT, 1),
    "ltu": (Compare.LTU, 0),
    "geu": (Compare.LTU, 1),
}


def control_of(insn: Insn) -> dict[str, object]:
    """The row of one instruction, as initial values of a Control. Instructions of no scalar unit have an empty row."""
    unit, attrs, name = insn.unit, insn.attrs, insn.mnemonic
    flags = {
        "sload": unit is Unit.SLOAD,
        "sstore": unit is Unit.SSTORE,
        "vload": unit is Unit.VLOAD,
        "vstore": unit is Unit.VSTORE,
        "drain": unit is Unit.DRAIN,
        "sync": unit is Unit.SYNC,
        "setd": name == "setd",
        "getd": name == "getd",
        "dstep": name == "dstep",
        "store": unit in (Unit.SSTORE, Unit.VSTORE, Unit.DRAIN, Unit.SYNC),
        "slow": name in ("mul", "csrr"),
        "csr": name in ("csrr", "csrw"),
    }
    row: dict[str, object] = {key: int(value) for key, value in flags.items()}
    if unit not in (Unit.ALU, Unit.DESC, Unit.SLOAD, Unit.SSTORE, Unit.VLOAD, Unit.VSTORE, Unit.DRAIN, Unit.SYNC):
        return row
    x = {operand.name: operand for operand in insn.operands if operand.kind is Kind.X}
    sources = [operand for operand in x.values() if operand.reads]
    # A base or a first source is operand a, whatever else is read is operand b.
    sources.sort(key=lambda operand: operand.name == "rs" or operand.name == "rb")
    for letter, operand in zip("ab", sources, strict=False):
        row |= {f"field_{letter}": _FIELDS[operand.lo], f"reads_{letter}": 1}
    immediate = next((o for o in insn.operands if o.kind in (Kind.SINT, Kind.UINT, Kind.LABEL) and o.lo in (F1, F2)), None)
    row["writes_rd"] = int("rd" in x)
    row["writes_ra"] = row["post"] = int(bool(attrs.get("post")))
    row["operand"] = int(unit is Unit.ALU and name in ("jr", "callr", "loop", "waitr"))
    row["b_imm"] = int(immediate is not None)
    row["imm15"] = int(immediate is not None and immediate.lo == F1)
    if "size" in attrs:
        row |= {"size": attrs["size"], "signed": attrs.get("signed", 0)}
    if "pieces" in attrs:
        row["pieces"] = int(attrs["pieces"]).bit_length() - 1
    if unit is Unit.DRAIN:
        row["drain_format"] = isa.DRAIN_FORMATS.index(attrs["format"]) & 3
    descriptor = next((operand for operand in insn.operands if operand.kind is Kind.D), None)
    if descriptor is not None:
        row |= {"uses_d": 1, "d_f0": int(descriptor.lo == F0)}
    if insn.group == "predicate":
        compare, invert = _COMPARES[name[1:].removesuffix("i")]
        row |= {"writes_p": 1, "compare": compare, "invert": invert}
    elif unit is Unit.ALU:
        base = _IMMEDIATE_OF.get(name, name)
        row["alu"] = _ALU_NAMES.get(name, AluOp.__members__.get(base.upper(), AluOp.ADD))
    return row


class Queued(data.Struct):
    """An instruction as the scalar queue holds it."""

    control: Control
    word: 32
    seq: SEQ_BITS
    pc: PC_BITS
    a: 5  # register of operand a
    b: 5
    d: 3  # descriptor
    step: Step
    changes_d: 1  # writes its descriptor
    vq: VqWait
    st: StWait
    parity: 1
    vq_mark: VQ_POS_BITS


class Decode(wiring.Component):
    """Turns what dispatch sends into what the queue holds; combinational."""

    entry: In(ScalarEntry)
    queued: Out(Queued)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows: list[dict[str, object]] = [{} for _ in range(1 << OPCODE_BITS)]
        for insn in isa.TABLE:
            if insn.feature == "base":  # dispatch stops at everything else as illegal
                rows[insn.opcode] = control_of(insn)
        m.submodules.table = table = memory.Memory(shape=Control, depth=len(rows), init=rows)
        read = table.read_port(domain="comb")
        word, control, q = self.entry.word, read.data, self.queued
        m.d.comb += [
            read.addr.eq(word[:OPCODE_BITS]),
            q.control.eq(control),
            q.d.eq(Mux(control.d_f0, word[F0 : F0 + 3], word[F1 : F1 + 3])),
        ]
        for name in ("word", "seq", "pc", "vq", "st", "parity", "vq_mark"):
            m.d.comb += q[name].eq(self.entry[name])
        for index, field in ((q.a, control.field_a), (q.b, control.field_b)):
            for lo, value in _FIELDS.items():
                with m.If(field == value):
                    m.d.comb += index.eq(word[lo : lo + 5])
        moves = control.vload | control.vstore | control.drain
        # The choices of a memory instruction begin with "stay", those of dstep without it: dstep's are one less.
        step = Mux(control.dstep, word[F1 : F1 + 2] + 1, Mux(moves, word[F1 + 3 : F1 + 5], 0))[:2]
        m.d.comb += [Cat(q.step).eq(step), q.changes_d.eq(control.setd | (step != 0))]
        return m


def immediate(entry: Queued) -> Value:
    """The immediate of an entry, sign-extended to 64 bits."""
    ten, fifteen = entry.word[F2:].as_signed(), entry.word[F1:].as_signed()
    value = Mux(entry.control.imm15, fifteen, ten)
    return Cat(value, value[-1].replicate(64 - len(value)))
