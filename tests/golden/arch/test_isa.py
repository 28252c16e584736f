"""The instruction table: round trips of words, illegal words, and that every record has a meaning in the simulator."""

import random

import pytest

from golden.arch import isa
from golden.arch.classes import Flow, Matrix, Port, Queue, Reduce
from golden.arch.encoding import F0, Insn, OperandKind
from golden.arch.memmap import Fault
from golden.arch.simd_ops import SIMD_OPS, SimdClass, SimdOp
from golden.asm import assemble, disassemble

ALL = frozenset(isa.FEATURES)
BASE = frozenset({"base"})
PC = 0x4000
STEP_CHOICE = 0b11 << 20


def random_values(insn: Insn, rng: random.Random) -> dict[str, int]:
    """Legal operand values: extremes often."""
    while True:
        values = {op.name: rng.choice((*op.limits, rng.randint(*op.limits))) for op in insn.operands}
        same = insn.distinct and values[insn.distinct[0].name] == values[insn.distinct[1].name]
        if not same and not (insn.flow in (Flow.LOOP, Flow.LOOPI) and values["target"] <= 0):
            return values


@pytest.mark.parametrize("insn", isa.TABLE, ids=lambda insn: insn.mnemonic)
def test_round_trips(insn, rng):
    """Record to word to record, and word to text to word."""
    random_numbers = random.Random(int(rng.integers(1 << 62)))
    for _ in range(20):
        values, pred = random_values(insn, random_numbers), random_numbers.randrange(8)
        word = insn.encode(pred, **values)
        assert isa.lookup(word, ALL) is insn and insn.decode(word) == values
        text = disassemble(word, PC)
        assert assemble(text, PC).words == [word], text
        assert disassemble(assemble(text, PC).words[0], PC) == text


@pytest.mark.parametrize("insn", isa.TABLE, ids=lambda insn: insn.mnemonic)
def test_every_reserved_bit_makes_a_word_illegal(insn):
    word = insn.encode(**random_values(insn, random.Random(1)))
    used = 0xFFF
    for op in insn.operands:
        used |= ((1 << op.width) - 1) << op.lo
    for bit in range(32):
        if not used >> bit & 1:
            assert isa.lookup(word | 1 << bit, ALL) is None, f"bit {bit}"
            assert disassemble(word | 1 << bit).startswith(".word")
    assert used ^ insn.reserved_mask == 0xFFFFFFFF


def test_every_number_of_an_operand_is_a_register():
    """Fields of 5 and of 3 bits: as many registers as they can name."""
    counts = {
        OperandKind.X: isa.SCALAR_REGISTERS,
        OperandKind.V: isa.VECTOR_REGISTERS,
        OperandKind.C: isa.ACCUMULATORS,
        OperandKind.P: isa.PREDICATES,
        OperandKind.D: isa.DESCRIPTORS,
    }
    assert list(counts.values()) == [32, 32, 8, 8, 8]
    for insn in isa.TABLE:
        for op in insn.operands:
            assert op.kind not in counts or 1 << op.width == counts[op.kind], (insn.mnemonic, op.name)


def test_unknown_opcodes_and_the_zero_word_are_illegal():
    known = {insn.opcode for insn in isa.TABLE}
    assert 0 not in known
    for opcode in set(range(512)) - known:
        assert isa.lookup(opcode, ALL) is None


def test_a_step_that_does_not_exist_is_illegal():
    for mnemonic in ("vld.c", "vst.g8", "drain.f32", "drain.raw", "drain.fp16"):
        word = isa.BY_MNEMONIC[mnemonic].encode(**random_values(isa.BY_MNEMONIC[mnemonic], random.Random(2)))
        assert isa.lookup(word & ~STEP_CHOICE | 2 << 20, ALL) and isa.lookup(word | STEP_CHOICE, ALL) is None
    assert isa.lookup(0x0C2 | 3 << 17, ALL) is None  # dstep with code 3


def test_a_moving_load_over_its_own_base_is_illegal():
    for size in ("b", "h", "w", "d", "bu", "hu", "wu"):
        insn = isa.BY_MNEMONIC[f"ldp.{size}"]
        assert isa.lookup(insn.encode(rd=3, ra=3, imm=8), ALL) is None
        assert isa.lookup(insn.encode(rd=3, ra=4, imm=8), ALL) is insn
        assert isa.lookup(isa.BY_MNEMONIC[f"ld.{size}"].encode(rd=3, ra=3, imm=8), ALL)
    assert isa.lookup(isa.BY_MNEMONIC["stp.d"].encode(rs=3, ra=3, imm=8), ALL)


def test_a_missing_feature_makes_its_instructions_illegal():
    counts = dict.fromkeys(isa.FEATURES, 0)
    for insn in isa.TABLE:
        word = insn.encode(**random_values(insn, random.Random(3)))
        counts[insn.feature] += 1
        assert (isa.lookup(word, BASE) is not None) == (insn.feature == "base"), insn.mnemonic
        assert isa.lookup(word, ALL - {insn.feature}) is None
    assert counts == {"base": counts["base"], "load-execute": 3, "narrow": 22, "stochastic": 12, "cfloat8": 4, "packed": 66, "network": 5}


def test_every_record_is_complete():
    for insn in isa.TABLE:
        assert insn.meaning and insn.group and insn.feature in isa.FEATURES, insn.mnemonic
        assert all(fault in Fault.__members__ for fault in insn.faults), insn.mnemonic
        for op in insn.operands:
            assert (op.kind is OperandKind.CHOICE) == bool(op.choices) and op.writes | op.reads


def test_simd_instructions_follow_the_operation_table():
    by_op = {insn.simd_op: insn for insn in isa.TABLE if insn.port is Port.SIMD and insn.reduce is Reduce.NONE}
    assert set(by_op) == {int(op) for op in SIMD_OPS}
    for op, info in SIMD_OPS.items():
        insn = by_op[int(op)]
        assert insn.opcode == 0x100 + op and insn.port is Port.SIMD
        assert [o.name for o in insn.operands] == ["vd", *(f"v{letter}" for letter in info.operands), *(["imm"] if info.imm else [])]
        assert insn.special == (op >> 4 == SimdClass.SPECIAL)
    assert not isa.BY_MNEMONIC["vany"].special and not isa.BY_MNEMONIC["add"].special
    assert isa.BY_MNEMONIC["vrecip"].simd_op == SimdOp.RECIP


# What each instruction reads (r) and writes (w), by hand, for one of each shape.
@pytest.mark.parametrize(
    ("mnemonic", "uses"),
    [
        ("add", "rd:w ra:r rb:r"),
        ("lih", "rd:rw"),
        ("li", "rd:w"),
        ("ld.d", "rd:w ra:r"),
        ("ldp.d", "rd:w ra:rw"),
        ("st.d", "rs:r ra:r"),
        ("stp.d", "rs:r ra:rw"),
        ("call", "rd:w"),
        ("callr", "rd:w ra:r"),
        ("peq", "pd:w ra:r rb:r"),
        ("pand", "pd:w pa:r pb:r"),
        ("vany", "pd:w va:r"),
        ("vfma", "vd:w va:r vb:r vc:r"),
        ("vsplat", "vd:w va:r"),
        ("vld.c", "vd:w d:r"),
        ("vst.c", "vs:r d:r"),
        ("drain.f32", "c:r d:r"),
        ("step.bf16", "c:rw va:r vb:r"),
        ("cld.row", "c:w va:r"),
        ("cld.f32", "c:rw va:r"),
    ],
)
def test_reads_and_writes(mnemonic, uses):
    registers = {OperandKind.X, OperandKind.V, OperandKind.C, OperandKind.P, OperandKind.D}
    found = {op.name: "r" * op.reads + "w" * op.writes for op in isa.BY_MNEMONIC[mnemonic].operands if op.kind in registers}
    assert found == dict(item.split(":") for item in uses.split())


# The class of each instruction, by hand: port, flow, and what else is not as it mostly is.
CLASSES = {
    "nop pand": "FRONT",
    "br loopi halt trap fence iflush wait barrier tstart tjoin": "FRONT",
    "add sub and or xor sll srl sra slt sltu min max": "ALU",
    "addi andi ori xori slli srli srai slti sltiu li lih lpc": "ALU",
    "call jr callr loop waitr peq pnei": "ALU",
    "mul": "SLOW slow",
    "csrr": "CSR slow",
    "csrw": "CSR",
    "ld.b ld.d ldp.wu": "SLOAD",
    "st.b stp.d": "SSTORE store beats=1",
    "setd getd dstep": "DESC",
    "vld.c vld.g8 vlx.add": "VLOAD",
    "vst.c vst.g32": "VSTORE store beats=1",
    "drain.f32": "DRAIN store beats=4",
    "drain.bf16 drain.fp16 drain.c143 drain.c152 drain.shp drain.uhp drain.bf16.sr drain.c143.sr": "DRAIN store beats=2",
    "drain.raw": "DRAIN store beats=8",
    "raise": "SYNC store beats=1",
    "vfma vany vitof viadd8": "SIMD",
    "vrecip vrsqrt vexp2 vlog2": "SIMD special",
    "step.bf16 step.143.152 cld.f32 cld.row cld.raw": "MATRIX",
    "rput rget rraise rlist rcast": "NET",
}
QUEUE = {"FRONT": Queue.NONE, "SIMD": Queue.VECTOR, "MATRIX": Queue.VECTOR}


@pytest.mark.parametrize(("names", "what"), CLASSES.items())
def test_class(names, what):
    port, *properties = what.split()
    for name in names.split():
        insn = isa.BY_MNEMONIC[name]
        found = [word for word in ("slow", "store", "special") if getattr(insn, word)]
        found += [f"beats={insn.beats}"] if insn.beats else []
        assert (insn.port.name, found) == (port, properties), name
        assert insn.queue is QUEUE.get(port, Queue.SCALAR)


def test_flow_is_that_of_the_name():
    """Which instructions change the course of a thread, by hand; all others are plain."""
    same = ("br", "call", "loop", "loopi", "halt", "trap", "fence", "iflush", "wait", "waitr", "barrier", "tstart", "tjoin")
    flows = {name: Flow[name.upper()] for name in same} | {"jr": Flow.JUMP, "callr": Flow.JUMP}
    flows |= dict.fromkeys(("pand", "por", "pxor", "pandn"), Flow.LOGIC)
    assert {insn.mnemonic: insn.flow for insn in isa.TABLE if insn.flow} == flows


@pytest.mark.parametrize(
    ("mnemonic", "a", "b", "immediate"),
    [
        ("add", "ra", "rb", None),
        ("addi", "ra", None, "imm"),
        ("li", None, None, "imm"),
        ("lih", "rd", None, "imm"),
        ("call", None, None, "target"),
        ("callr", "ra", None, None),
        ("loop", "ra", None, "target"),
        ("waitr", "ra", None, None),
        ("ldp.h", "ra", None, "imm"),
        ("st.w", "ra", "rs", "imm"),
        ("stp.d", "ra", "rs", "imm"),
        ("setd", "ra", "rb", None),
        ("getd", None, None, "half"),
        ("csrw", "ra", None, "csr"),
        ("raise", None, None, "imm"),
        ("drain.fp16.sr", "rc", None, None),
        ("vfadd", None, None, None),
    ],
)
def test_sources(mnemonic, a, b, immediate):
    insn = isa.BY_MNEMONIC[mnemonic]
    found = (*insn.sources, insn.immediate)
    assert [op and op.name for op in found] == [a, b, immediate]


def test_accumulators_are_stepped_or_loaded():
    loads = {"cld.f32": Matrix.LOAD_QUARTER, "cld.row": Matrix.LOAD_ROW, "cld.raw": Matrix.LOAD_RAW}
    for insn in isa.TABLE:
        step = Matrix.STEP if insn.mnemonic.startswith("step.") else Matrix.NONE
        assert insn.matrix is loads.get(insn.mnemonic, step)
        assert insn.writing(OperandKind.C, F0) == bool(insn.matrix)
    assert [isa.BY_MNEMONIC[f"v{name}"].reduce for name in ("any", "all", "copy")] == [Reduce.ANY, Reduce.ALL, Reduce.NONE]


def test_comparisons_that_are_another_one_inverted():
    inverted = {f"p{name}{how}" for name in ("ne", "ge") for how in ("", "i")} | {"pgeu", "pgeui"}
    assert {insn.mnemonic for insn in isa.TABLE if insn.invert} == inverted


def test_what_a_load_of_an_accumulator_may_name():
    assert {name: isa.BY_MNEMONIC[name].operands[-1].limits for name in ("cld.f32", "cld.row", "cld.raw")} == {
        "cld.f32": (0, 3),  # two rows of eight columns at a time
        "cld.row": (0, 1),  # half a register, for every row
        "cld.raw": (0, 7),  # a row
    }
