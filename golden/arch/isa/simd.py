"""Vector arithmetic: opcode 0x100 + operation code of golden.arch.simd_ops, and the tests of a vector's lanes."""

from __future__ import annotations

from golden.arch.classes import Port, Reduce
from golden.arch.encoding import F0, F1, F2, F3, Insn, Operand, OperandKind
from golden.arch.isa.operands import PD, vector
from golden.arch.simd_ops import SIMD_OPS, SimdOp, SimdOpInfo

SIMD_OPCODE = 0x100
_TEST_OPCODE = 0x180


def _operation(op: SimdOp, info: SimdOpInfo) -> Insn:
    operands = [vector("vd", F0, True)]
    operands += [vector(f"v{letter}", lo) for letter, lo in zip("abc", (F1, F2, F3), strict=True) if letter in info.operands]
    if info.imm:
        operands.append(Operand("imm", OperandKind.UINT, F3, info.imm))
    return Insn(
        "v" + op.name.lower().replace("_", "."),
        SIMD_OPCODE + int(op),
        Port.SIMD,
        tuple(operands),
        f"v[vd] = {info.meaning}",
        f"simd {info.simd_class.name.lower()}",
        feature=info.feature,
        simd_op=int(op),
    )


def _test(i: int, reduce: Reduce, lanes: str) -> Insn:
    return Insn(
        f"v{reduce.name.lower()}",
        _TEST_OPCODE + i,
        Port.SIMD,
        (PD, vector("va", F1)),
        f"p[pd] = {lanes} 32-bit lane of v[va] is not 0",
        "simd test",
        simd_op=int(SimdOp.COPY),
        reduce=reduce,
    )


TABLE = [_operation(op, info) for op, info in SIMD_OPS.items()]
TABLE += [_test(0, Reduce.ANY, "some"), _test(1, Reduce.ALL, "every")]
