"""The integer unit against Python integers: every ALU and predicate instruction of the table, edge values and random ones."""

import numpy as np
import pytest

from golden.arch import isa
from golden.arch.classes import Port
from rtl.core.decoded import scalar_row
from rtl.core.scalar.alu import Alu
from sim.compile.batch import Batch

MASK = (1 << 64) - 1
EDGES = [0, 1, 2, 31, 32, 62, 63, 64, 65, 1 << 31, 1 << 32, (1 << 32) - 1, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, MASK - 1, MASK]


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


RESULTS = {
    "add": lambda a, b, pc: a + b,
    "sub": lambda a, b, pc: a - b,
    "and": lambda a, b, pc: a & b,
    "or": lambda a, b, pc: a | b,
    "xor": lambda a, b, pc: a ^ b,
    "sll": lambda a, b, pc: a << (b % 64),
    "srl": lambda a, b, pc: a >> (b % 64),
    "sra": lambda a, b, pc: signed(a) >> (b % 64),
    "slt": lambda a, b, pc: signed(a) < signed(b),
    "sltu": lambda a, b, pc: a < b,
    "min": lambda a, b, pc: min(signed(a), signed(b)),
    "max": lambda a, b, pc: max(signed(a), signed(b)),
    "li": lambda a, b, pc: b,
    "lih": lambda a, b, pc: a << 15 | b & 0x7FFF,
    "call": lambda a, b, pc: pc + 4,
    "callr": lambda a, b, pc: pc + 4,
    "lpc": lambda a, b, pc: pc + 4 * signed(b),
}
PREDICATES = {
    "peq": lambda a, b: a == b,
    "pne": lambda a, b: a != b,
    "plt": lambda a, b: signed(a) < signed(b),
    "pge": lambda a, b: signed(a) >= signed(b),
    "pltu": lambda a, b: a < b,
    "pgeu": lambda a, b: a >= b,
}
IMMEDIATE = {"addi": "add", "andi": "and", "ori": "or", "xori": "xor", "slli": "sll", "srli": "srl", "srai": "sra"}
IMMEDIATE |= {"slti": "slt", "sltiu": "sltu"} | {f"{name}i": name for name in PREDICATES}
ELSEWHERE = {"jr", "loop", "waitr", "mul", "csrr", "csrw"}  # no result of this unit
UNDER_TEST = [i for i in isa.TABLE if i.port in (Port.ALU, Port.SLOW, Port.CSR) and i.mnemonic not in ELSEWHERE]


@pytest.fixture(scope="module")
def alu() -> Batch:
    return Batch(Alu())


@pytest.mark.rtl
@pytest.mark.parametrize("insn", UNDER_TEST, ids=lambda insn: insn.mnemonic)
def test_instruction(alu: Batch, insn: isa.Insn, rng: np.random.Generator) -> None:
    row, count = scalar_row(insn), 2_000
    a = [x for x in EDGES for _ in EDGES] + [int(x) for x in rng.integers(0, 1 << 64, count, dtype=np.uint64)]
    b = EDGES * len(EDGES) + [int(x) for x in rng.integers(0, 1 << 64, count, dtype=np.uint64)]
    for k in range(len(EDGES) ** 2, len(a), 5):
        b[k] = a[k]
    if row["b_imm"]:
        width = 15 if row["imm15"] else 10
        b = [(x & ((1 << width) - 1) | -(x >> (width - 1) & 1) << width) & MASK for x in b]
    if insn.mnemonic == "li":
        a = [0] * len(a)  # reads x0
    pc = [int(x) for x in rng.integers(0, 1 << 19, len(a))]
    out = alu.run(
        {
            "a": np.array(a, dtype=np.uint64),
            "b": np.array(b, dtype=np.uint64),
            "pc": np.array(pc),
            "op": row.get("alu").value if "alu" in row else 0,
            "compare": row["compare"].value if "compare" in row else 0,
            "invert": row.get("invert", 0),
        }
    )
    name = IMMEDIATE.get(insn.mnemonic, insn.mnemonic)
    for k, operands in enumerate(zip(a, b, pc, strict=True)):
        where = f"a={operands[0]:#x} b={operands[1]:#x} pc={4 * operands[2]:#x}"
        assert int(out["sum"][k]) == (operands[0] + operands[1]) & MASK, where
        if name in PREDICATES:
            assert bool(out["predicate"][k]) == PREDICATES[name](*operands[:2]), where
        else:
            assert int(out["result"][k]) == RESULTS[name](operands[0], operands[1], 4 * operands[2]) & MASK, where
