"""Scalar arithmetic and predicates: opcodes 0x040 to 0x09f."""

from __future__ import annotations

from golden.arch.classes import Alu, Compare, Flow, Logic, Port
from golden.arch.encoding import F0, F1, F2, Insn, Operand, OperandKind
from golden.arch.isa.operands import IMM10S, PD, RA, RB, RD, predicate, scalar

_SHIFT = Operand("imm", OperandKind.UINT, F2, 6)

# Operation, meaning with registers, meaning with an immediate and which one (none: there is no such instruction).
_OPERATIONS = (
    (Alu.ADD, "x[ra] + x[rb]", ("x[ra] + sext(imm)", IMM10S)),
    (Alu.SUB, "x[ra] - x[rb]", None),
    (Alu.AND, "x[ra] & x[rb]", ("x[ra] & sext(imm)", IMM10S)),
    (Alu.OR, "x[ra] | x[rb]", ("x[ra] | sext(imm)", IMM10S)),
    (Alu.XOR, "x[ra] ^ x[rb]", ("x[ra] ^ sext(imm)", IMM10S)),
    (Alu.SLL, "x[ra] << (x[rb] mod 64)", ("x[ra] << imm", _SHIFT)),
    (Alu.SRL, "x[ra] >> (x[rb] mod 64), zeros enter", ("x[ra] >> imm, zeros enter", _SHIFT)),
    (Alu.SRA, "x[ra] >> (x[rb] mod 64), copies of the sign enter", ("x[ra] >> imm, copies of the sign enter", _SHIFT)),
    (Alu.SLT, "x[ra] < x[rb], signed, as 0 or 1", ("x[ra] < sext(imm), signed, as 0 or 1", IMM10S)),
    (Alu.SLTU, "x[ra] < x[rb], unsigned, as 0 or 1", ("x[ra] < sext(imm), unsigned, as 0 or 1", IMM10S)),
    (Alu.MIN, "the lesser of x[ra] and x[rb], signed", None),
    (Alu.MAX, "the greater of x[ra] and x[rb], signed", None),
)
_IMMEDIATES = {Alu.SLTU: "sltiu"} | {op: f"{op.name.lower()}i" for op, _, immediate in _OPERATIONS if immediate and op is not Alu.SLTU}


def _arithmetic() -> list[Insn]:
    registers = [
        Insn(op.name.lower(), 0x040 + i, Port.ALU, (RD, RA, RB), f"x[rd] = {text}", "scalar", alu=op)
        for i, (op, text, _) in enumerate(_OPERATIONS)
    ]
    multiply = Insn("mul", 0x040 + len(registers), Port.SLOW, (RD, RA, RB), "x[rd] = x[ra] * x[rb] mod 2^64", "scalar")
    pairs = [(op, immediate) for op, _, immediate in _OPERATIONS if immediate]
    immediates = [
        Insn(_IMMEDIATES[op], 0x050 + i, Port.ALU, (RD, RA, operand), f"x[rd] = {text}", "scalar", alu=op)
        for i, (op, (text, operand)) in enumerate(pairs)
    ]
    return [*registers, multiply, *immediates]


SCALAR = [
    *_arithmetic(),
    Insn("li", 0x060, Port.ALU, (RD, Operand("imm", OperandKind.SINT, F1, 15)), "x[rd] = sext(imm)", "scalar"),
    Insn(
        "lih",
        0x061,
        Port.ALU,
        (scalar("rd", F0, True, True), Operand("imm", OperandKind.UINT, F1, 15)),
        "x[rd] = (x[rd] << 15) | imm: li and up to four lih build any 64-bit constant",
        "scalar",
        alu=Alu.LIH,
    ),
    Insn("lpc", 0x062, Port.ALU, (RD, Operand("target", OperandKind.LABEL, F1, 15)), "x[rd] = pc + 4 * target", "scalar", alu=Alu.LPC),
]

_COMPARISONS = (
    ("eq", "==", Compare.EQ, False),
    ("ne", "!=", Compare.EQ, True),
    ("lt", "<, signed,", Compare.LT, False),
    ("ge", ">=, signed,", Compare.LT, True),
    ("ltu", "<, unsigned,", Compare.LTU, False),
    ("geu", ">=, unsigned,", Compare.LTU, True),
)
_LOGIC = (
    ("pand", "p[pa] and p[pb]", Logic.AND),
    ("por", "p[pa] or p[pb]", Logic.OR),
    ("pxor", "p[pa] != p[pb]", Logic.XOR),
    ("pandn", "p[pa] and not p[pb]", Logic.ANDN),
)


def _predicates() -> list[Insn]:
    table = []
    for i, (name, text, compare, invert) in enumerate(_COMPARISONS):
        how = {"compare": compare, "invert": invert}
        table.append(Insn(f"p{name}", 0x080 + i, Port.ALU, (PD, RA, RB), f"p[pd] = x[ra] {text} x[rb]", "predicate", **how))
        table.append(Insn(f"p{name}i", 0x088 + i, Port.ALU, (PD, RA, IMM10S), f"p[pd] = x[ra] {text} sext(imm)", "predicate", **how))
    operands = (PD, predicate("pa", F1), predicate("pb", F2))
    return table + [
        Insn(name, 0x090 + i, Port.FRONT, operands, f"p[pd] = {text}", "predicate", Flow.LOGIC, logic=logic)
        for i, (name, text, logic) in enumerate(_LOGIC)
    ]


TABLE = [*SCALAR, *_predicates()]
